"""Other people's clients that send a large body to a server which refuses it: what do they see?

For `test_lingering.py`, which takes those that are installed, and for `bench/refused_uploads.py`,
which prints the table.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

from processes import PATIENCE_S

UPLOAD_BYTES = 40 * 1024 * 1024

# A handler over whose limit a body is, and an app that asks who it is before it reads any.
APPS = """
from reactor import Response


def takes(request):
    return Response(200)


class Refuses:
    body_bytes_max = 0

    def respond(self, request):
        return Response(401, [("WWW-Authenticate", "Basic")], b"who are you?")


refuses = Refuses()
"""
STATUS_OF = {"takes": 413, "refuses": 401}

_CURL = ["-s", "-o", os.devnull, "-w", "%{http_code}", "--max-time", str(PATIENCE_S)]
_READ = f"""
import sys
url, data, patience = sys.argv[1], open(sys.argv[2], "rb").read(), {PATIENCE_S}
"""
_PYTHON = {
    "requests": """
import requests
print(requests.post(url, data=data, timeout=patience).status_code)
""",
    "httpx": """
import httpx
print(httpx.post(url, content=data, timeout=patience).status_code)
""",
    "http.client": """
import http.client, urllib.parse
connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=patience)
connection.request("POST", "/", body=data)
print(connection.getresponse().status)
""",
    "urllib": """
import urllib.error, urllib.request
try:
    print(urllib.request.urlopen(url, data, patience).status)
except urllib.error.HTTPError as answer:
    print(answer.code)
""",
}
CLIENTS = ("curl, length", "curl, chunked", *_PYTHON)


def installed(client):
    """Whether this machine, or this interpreter, has the client."""
    if client.startswith("curl"):
        return shutil.which("curl") is not None
    return client in {"http.client", "urllib"} or find_spec(client) is not None


def upload(client, url, path):
    """What the client says of its upload of the file: a status, or its error in a few words."""
    if client == "curl, length":
        command = ["curl", *_CURL, "--data-binary", f"@{path}", url]
    elif client == "curl, chunked":
        command = [
            "curl",
            *_CURL,
            "-H",
            "Transfer-Encoding: chunked",
            "-T",
            path,
            "-X",
            "POST",
            url,
        ]
    else:
        command = [sys.executable, "-c", _READ + _PYTHON[client], url, path]
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        env=environment,
        timeout=2 * PATIENCE_S,
    )
    said = done.stdout.strip()
    if done.returncode == 0 and said.isdigit():
        return said
    lines = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
    return lines[-1][:60] if client in _PYTHON else f"exit {done.returncode}"
