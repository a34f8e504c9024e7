"""Chromium, driven by its DevTools protocol: what a page asks for, says, and looks like."""

from __future__ import annotations

import base64
import itertools
import json
import re
import shutil
import subprocess
import time
import urllib.request
from contextlib import contextmanager, suppress

from processes import PATIENCE_S, eventually
from websockets.sync.client import connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--remote-debugging-port=0",
)  # fmt: skip


class Tab:
    """One page. ``requests`` are the URLs that it asked for, ``complaints`` what stands on its
    console: errors, violations of its policy, requests that failed."""

    def __init__(self, line):
        self._line = line
        self._numbers = itertools.count(1)
        self.requests, self.complaints, self.loads = [], [], 0
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.do(f"{domain}.enable")

    def do(self, method, **parameters):
        number = next(self._numbers)
        self._line.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._line.recv(timeout=PATIENCE_S))
            if said.get("id") == number:
                assert "error" not in said, (method, said["error"])
                return said["result"]
            self._note(said)

    def watch(self, seconds):
        """Take in what happens meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            with suppress(TimeoutError):
                self._note(json.loads(self._line.recv(timeout=left)))

    def _note(self, event):
        name, what = event.get("method"), event.get("params", {})
        if name == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])
        elif name == "Page.loadEventFired":
            self.loads += 1
        elif name == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            self.complaints.append(what["entry"]["text"])
        elif name == "Runtime.exceptionThrown":
            self.complaints.append(what["exceptionDetails"]["text"])
        elif name == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning"):
            self.complaints.append(str(what["args"]))

    def open(self, url):
        before = self.loads
        self.do("Page.navigate", url=url)
        self.until(lambda: self.loads > before, "the page is loaded")

    def until(self, condition, what):
        def looked():
            self.watch(0.05)
            return condition()

        return eventually(looked, what)

    def js(self, expression):
        """The value of an expression of the page's."""
        found = self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def size(self, width, height):
        self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 500,
        )  # fmt: skip

    def dark(self, wanted=True):
        value = "dark" if wanted else "light"
        self.do(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": value}],
        )

    def without_script(self):
        self.do("Emulation.setScriptExecutionDisabled", value=True)

    def screenshot(self, path):
        found = self.do("Page.captureScreenshot", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(found["data"]))


@contextmanager
def browsing(folder):
    """A tab of a browser of its own, whose profile is in ``folder``."""
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
    with open(folder / "stderr", "w+") as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        try:
            found = eventually(
                lambda: re.search(r"ws://(127\.0\.0\.1:\d+)/", (folder / "stderr").read_text()),
                "the browser listens",
            )
            with urllib.request.urlopen(f"http://{found[1]}/json", timeout=PATIENCE_S) as answer:
                [tab, *_] = [one for one in json.load(answer) if one["type"] == "page"]
            with connect(tab["webSocketDebuggerUrl"], max_size=None) as line:
                yield Tab(line)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
