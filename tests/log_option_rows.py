"""The rows of `serve`'s options about logs, for `test_options_logs.py`, on real servers."""

from __future__ import annotations

import json
from pathlib import Path

from option_table import Shown
from processes import exchange, serving

APPS = """
import time
from reactor import Response

def app(request):
    if request.path == "/sleeps":
        time.sleep(0.6)
    if request.path == "/fails":
        raise ValueError("an application that fails")
    return Response(200, {}, b"fine")
"""
INI = """
[loggers]
keys=root
[handlers]
keys=file
[formatters]
keys=
[logger_root]
level=INFO
handlers=file
[handler_file]
class=FileHandler
args=("by.ini.log",)
"""


def make_places(root: Path) -> dict[str, object]:
    """What the rows name."""
    (root / "seen.py").write_text(APPS)
    (root / "log.ini").write_text(INI)
    return {"root": root, "app": "seen:app", "out": root / "out.log", "ini": root / "log.ini"}


def ask(server, target="/note"):
    data = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    return exchange(server.address, data.encode())


def run(words, places, targets=("/note",)):
    """What a server wrote to stdout after its first line, and to stderr."""
    words = [places["app"], *words]
    with serving(*words, cwd=places["root"], traceback_expected=True) as server:
        for target in targets:
            ask(server, target)
        server.stop()
        return server.access_log, server.err


def lines(words, places):
    return len(run(words, places)[0])


def failures(words, places):
    return "an application that fails" in run(words, places, ["/fails"])[1]


def in_file(targets):
    """How many lines of the file are of these requests."""

    def look(words, places):
        places["out"].unlink(missing_ok=True)
        run(words, places, targets)
        if not places["out"].exists():
            return 0
        return places["out"].read_text().count("GET /note") + (
            "an application that fails" in places["out"].read_text()
        )

    return look


def is_json(words, places):
    try:
        return json.loads(run(words, places)[0][0])["url.path"]
    except ValueError:
        return "none"


def by_ini(words, places):
    path = places["root"] / "by.ini.log"
    path.unlink(missing_ok=True)
    run(words, places, ["/note", "/fails"])
    text = path.read_text() if path.exists() else ""
    return "GET /note" in text, "an application that fails" in text


def as_json(words, places):
    """What the log says of a failure, if that is JSON."""
    for line in run(words, places, ["/fails"])[1].splitlines():
        if line.startswith("{"):
            return json.loads(line)["exception.message"]
    return None


def coloured(words, places):
    return "\x1b[31mERROR" in run(words, places, ["/fails"])[1]


def slow(words, places):
    return "slow request: GET /sleeps" in run(words, places, ["/sleeps"])[1]


def sampled(words, places):
    return len(run(words, places, ["/note"] * 5)[0])


LOG_TABLE = [
    Shown("--log-level", ["--log-level", "critical"], failures, True, False),
    Shown("--no-access-log", ["--no-access-log"], lines, 1, 0),
    Shown("--access-log", ["--access-log"], lines, 0, 1, ("--no-access-log",)),
    Shown("--access-logfile", ["--access-logfile", "{out}"], in_file(["/note"]), 0, 1),
    Shown("--error-logfile", ["--error-logfile", "{out}"], in_file(["/fails"]), 0, 1),
    Shown("--access-log-format", ["--access-log-format", "json"], is_json, "none", "/note"),
    Shown("--access-log-sample", ["--access-log-sample", "2"], sampled, 5, 3),
    Shown("--log-format", ["--log-format", "json"], as_json, None, "an application that fails"),
    Shown("--slow-request", ["--slow-request", "0.2"], slow, False, True),
    Shown("--use-colors", ["--use-colors"], coloured, False, True),
    Shown("--no-use-colors", ["--no-use-colors"], coloured, True, False, ("--use-colors",)),
    Shown("--log-config", ["--log-config", "{ini}"], by_ini, (False, False), (True, True)),
]
