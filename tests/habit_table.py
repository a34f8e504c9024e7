"""What users of other programs type without thinking, and what becomes of it.

    python tests/habit_table.py         writes the tables of docs/habits.md anew

A row has a program, the words that its users type, and the words that mean the same here; None if
there is nothing that does, so that one sentence says what to use. `tests/test_habits.py` tries
each of them; what the words that mean the same do is seen in `tests/test_options_*.py`.
"""

from __future__ import annotations

import contextlib
import io
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from made_parts import write_part  # noqa: E402

from reactor.cli import main as reactor_main  # noqa: E402

PAGE = ROOT / "docs" / "habits.md"
HEAD = "| users of | type | here |\n|---|---|---|\n"


class Habit(NamedTuple):
    who: str
    typed: str
    same_as: str | None = None


GUNICORN, UVICORN, NODE, PYTHON = "gunicorn", "uvicorn", "http-server, serve", "http.server"
MINISERVE, CURL, WGET = "miniserve", "curl", "wget"

SERVE = [
    Habit(UVICORN, "app:app --host 0.0.0.0", "app:app --host 0.0.0.0"),
    Habit(UVICORN, "app:app --port 9000", "app:app --port 9000"),
    Habit(UVICORN, "app:app --uds /tmp/s", "app:app --bind unix:/tmp/s"),
    Habit(UVICORN, "app:app --fd 3", "app:app --bind fd:3"),
    Habit(UVICORN, "app:app --reload"),
    Habit(UVICORN, "app:app --reload-dir src"),
    Habit(UVICORN, "app:app --reload-include '*.html'"),
    Habit(UVICORN, "app:app --workers 4"),
    Habit(UVICORN, "app:app --env-file .env", "app:app --env-file .env"),
    Habit(UVICORN, "app:app --log-level debug", "app:app --log-level debug"),
    Habit(UVICORN, "app:app --log-config log.ini"),
    Habit(UVICORN, "app:app --no-access-log", "app:app --no-access-log"),
    Habit(UVICORN, "app:app --no-use-colors", "app:app"),
    Habit(UVICORN, "app:app --use-colors"),
    Habit(UVICORN, "app:app --proxy-headers"),
    Habit(UVICORN, "app:app --no-proxy-headers", "app:app"),
    Habit(UVICORN, "app:app --forwarded-allow-ips '*'"),
    Habit(UVICORN, "app:app --root-path /api", "app:app --root-path /api"),
    Habit(UVICORN, "app:app --limit-concurrency 100", "app:app --limit-concurrency 100"),
    Habit(UVICORN, "app:app --backlog 64", "app:app --backlog 64"),
    Habit(UVICORN, "app:app --limit-max-requests 1000"),
    Habit(UVICORN, "app:app --timeout-keep-alive 5", "app:app --timeout-keep-alive 5"),
    Habit(
        UVICORN,
        "app:app --timeout-graceful-shutdown 9",
        "app:app --timeout-graceful-shutdown 9",
    ),
    Habit(UVICORN, "app:app --ssl-keyfile k.pem --ssl-certfile c.pem"),
    Habit(UVICORN, "app:app --header 'X-A: b'", "app:app --header 'X-A: b'"),
    Habit(UVICORN, "app:app --no-server-header", "app:app"),
    Habit(UVICORN, "app:app --server-header"),
    Habit(UVICORN, "app:app --date-header", "app:app"),
    Habit(UVICORN, "app:app --no-date-header"),
    Habit(UVICORN, "app:app --app-dir src", "app:app --app-dir src"),
    Habit(UVICORN, "--factory app:create_app", "--factory app:create_app"),
    Habit(UVICORN, "app:app --interface wsgi", "app:app --interface wsgi"),
    Habit(UVICORN, "app:app --lifespan on", "app:app --lifespan on"),
    Habit(UVICORN, "app:app --loop asyncio", "app:app --loop asyncio"),
    Habit(UVICORN, "app:app --http httptools"),
    Habit(UVICORN, "app:app --ws websockets"),
    Habit(UVICORN, "app:app --version", "app:app --version"),
    Habit(GUNICORN, "-b 127.0.0.1:9000 app:app", "--bind 127.0.0.1:9000 app:app"),
    Habit(GUNICORN, "-b :9000 app:app", "--bind :9000 app:app"),
    Habit(GUNICORN, "-b unix:/tmp/s app:app", "--bind unix:/tmp/s app:app"),
    Habit(GUNICORN, "-w 4 app:app"),
    Habit(GUNICORN, "-w4 app:app"),
    Habit(GUNICORN, "-k gthread app:app"),
    Habit(GUNICORN, "--threads 4 app:app"),
    Habit(GUNICORN, "--worker-connections 500 app:app", "--limit-concurrency 500 app:app"),
    Habit(GUNICORN, "--max-requests 1000 app:app"),
    Habit(GUNICORN, "-t 60 app:app"),
    Habit(GUNICORN, "--graceful-timeout 9 app:app", "--timeout-graceful-shutdown 9 app:app"),
    Habit(GUNICORN, "--keep-alive 5 app:app", "--timeout-keep-alive 5 app:app"),
    Habit(GUNICORN, "--limit-request-line 4094 app:app", "--limit-request-line 4094 app:app"),
    Habit(
        GUNICORN,
        "--limit-request-field_size 9000 app:app",
        "--limit-request-field-size 9000 app:app",
    ),
    Habit(GUNICORN, "--preload app:app", "app:app"),
    Habit(GUNICORN, "--chdir src app:app", "--chdir src app:app"),
    Habit(GUNICORN, "--pythonpath src app:app"),
    Habit(GUNICORN, "-e DEBUG=1 app:app", "--env DEBUG=1 app:app"),
    Habit(GUNICORN, "--pid /tmp/pid app:app", "--pid /tmp/pid app:app"),
    Habit(GUNICORN, "-D app:app"),
    Habit(GUNICORN, "-u www-data -g www-data app:app"),
    Habit(GUNICORN, "--umask 007 app:app"),
    Habit(GUNICORN, "--access-logfile - app:app", "--access-log app:app"),
    Habit(GUNICORN, "--error-logfile - app:app", "app:app"),
    Habit(GUNICORN, "--access-logfile /tmp/log app:app"),
    Habit(GUNICORN, "--access-logformat '%(h)s' app:app"),
    Habit(GUNICORN, "-c gunicorn.conf.py app:app"),
    Habit(GUNICORN, "--check-config app:app"),
    Habit(GUNICORN, "-n name app:app"),
    Habit(GUNICORN, "--reuse-port app:app"),
    Habit(GUNICORN, "--statsd-host localhost:8125 app:app"),
    Habit(GUNICORN, "--certfile c.pem --keyfile k.pem app:app"),
    Habit(GUNICORN, "--proxy-protocol app:app"),
    Habit(GUNICORN, "'app:create_app()'", "'app:create_app()'"),
    Habit(PYTHON, "9000"),
    Habit(PYTHON, "--bind 127.0.0.1", "--host 127.0.0.1"),
    Habit(PYTHON, "-d docs", "docs"),
    Habit(PYTHON, "--directory docs", "docs"),
    Habit(PYTHON, "-p HTTP/1.1"),
    Habit(PYTHON, "--protocol HTTP/1.1"),
    Habit(PYTHON, "--cgi"),
    Habit(PYTHON, "--tls-cert c.pem"),
    Habit("manage.py runserver", "0.0.0.0:9000"),
    Habit(NODE, "docs -p 9000", "docs --port 9000"),
    Habit(NODE, "docs -a 127.0.0.1"),
    Habit(NODE, "docs -l 9000"),
    Habit(NODE, "docs --cors", "docs --cors"),
    Habit(NODE, "docs -C"),
    Habit(NODE, "docs -s"),
    Habit(NODE, "docs --single"),
    Habit(NODE, "docs --gzip", "docs"),
    Habit(NODE, "docs --brotli", "docs"),
    Habit(NODE, "docs --no-dotfiles", "docs"),
    Habit(NODE, "docs -c-1"),
    Habit(NODE, "docs -o"),
    Habit(NODE, "docs -S -K key.pem"),
    Habit(NODE, "docs --ext html"),
    Habit(NODE, "docs --no-etag"),
    Habit(NODE, "docs -L"),
    Habit(NODE, "docs --proxy http://localhost:3000"),
    Habit(NODE, "docs --username me --password secret"),
    Habit(MINISERVE, "docs -i 127.0.0.1"),
    Habit(MINISERVE, "docs --index index.html", "docs --index index.html"),
    Habit(MINISERVE, "docs --spa", "docs --spa"),
    Habit(MINISERVE, "docs --header 'X-A: b'", "docs --header 'X-A: b'"),
    Habit(MINISERVE, "docs --auth me:secret"),
    Habit(MINISERVE, "docs -q"),
    Habit(MINISERVE, "docs --qrcode"),
    Habit(MINISERVE, "docs -H"),
    Habit(MINISERVE, "docs -P"),
    Habit(MINISERVE, "docs --upload-files"),
    Habit(MINISERVE, "docs --route-prefix /files"),
    Habit("caddy file-server", "--root docs --listen :9000 --browse", "docs --bind :9000"),
]

U = "http://a/b"
GET: list[Habit] = []


def said(command: str, typed: str) -> str:
    """The one sentence that these words are answered with; "" if there is none, or more."""
    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.suppress(SystemExit):
        reactor_main([command, *shlex.split(typed)])
    lines = err.getvalue().splitlines()
    return lines[0] if len(lines) == 1 else ""


def sentence(command: str, typed: str) -> str:
    """What it says, without who says it and where there is more."""
    return said(command, typed).partition(": ")[2].removesuffix(f" (see reactor {command} --help)")


def table(command: str, habits: list[Habit]) -> str:
    rows = []
    for habit in habits:
        if habit.same_as is None:
            here = sentence(command, habit.typed).replace("|", r"\|").replace("*", r"\*")
        elif habit.same_as == habit.typed:
            here = "works"
        else:
            here = f"works: `{habit.same_as}`"
        rows.append(f"| {habit.who} | `{habit.typed}` | {here} |\n")
    return HEAD + "".join(rows)


TABLES = {"serve": SERVE, "get": GET}


def main() -> None:
    for command, habits in TABLES.items():
        write_part(PAGE, f"tests/habit_table.py: {command}", table(command, habits))


if __name__ == "__main__":
    main()
