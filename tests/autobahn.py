"""Autobahn's cases against a WebSocket echo of this server; kosoku runs them, without Docker.

`python tests/autobahn.py` runs what takes long, as a nightly check: the performance groups (9) and
the many messages of permessage-deflate (12, 13). `test_autobahn.py` runs all others.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path

from processes import serving

ECHO = """
from reactor import WebSocket

class Echo(WebSocket):
    def on_message(self, data):
        self.send(data)

def app(request):
    return request.websocket(Echo)
"""
KOSOKU = Path(sysconfig.get_path("scripts")) / "kosoku"
LONG = ("9.*", "12.*", "13.*")
RIGHT = {"OK", "NON-STRICT", "INFORMATIONAL"}


def results(address: str, folder: Path, *which: str, patience_s: float) -> dict[str, str]:
    """{case: how it went}, of what kosoku has asked the server at ``address``."""
    run = subprocess.run(
        [KOSOKU, "-m", "fuzzingclient", address, *which, "-o", folder],
        capture_output=True,
        text=True,
        timeout=patience_s,
    )
    index = folder / "index.json"
    assert index.exists(), run.stdout + run.stderr
    [cases] = json.loads(index.read_text()).values()
    return {name: how(case) for name, case in cases.items()}


def how(case: dict[str, str]) -> str:
    if case["behavior"] == "ERROR":
        return "ERROR"  # of the case's own code: some of 12 and 13 hash a str
    # An end that was not clean is a fault of its own.
    return case["behavior"] if case["behaviorClose"] in RIGHT else case["behaviorClose"]


def run_cases(folder: Path, *which: str, patience_s: float = 300) -> dict[str, str]:
    (folder / "echo.py").write_text(ECHO)
    with serving("echo:app", "--log-level=error", "--no-access-log", cwd=folder) as server:
        address = f"127.0.0.1:{server.port}"
        return results(address, folder / "reports", *which, patience_s=patience_s)


def main() -> int:
    chosen = [word for group in LONG for word in ("-i", group)]
    with tempfile.TemporaryDirectory() as folder:
        found = run_cases(Path(folder), *chosen, "-p", "4", patience_s=3600)
    print(len(found), "cases:", dict(Counter(found.values())))
    wrong = {case: result for case, result in found.items() if result not in RIGHT}
    for case, result in wrong.items():
        print(case, result)
    return 1 if {*wrong.values()} - {"ERROR"} else 0


if __name__ == "__main__":
    sys.exit(main())
