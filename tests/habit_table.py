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
    Habit(UVICORN, "app:app --reload", "app:app --reload"),
    Habit(UVICORN, "app:app --no-reload", "app:app"),
    Habit(UVICORN, "app:app --reload-dir src", "app:app --reload-dir src"),
    Habit(UVICORN, "app:app --reload-include '*.html'", "app:app --reload-include '*.html'"),
    Habit(UVICORN, "app:app --reload-exclude '*.tmp'", "app:app --reload-exclude '*.tmp'"),
    Habit(UVICORN, "app:app --reload-delay 1"),
    Habit("granian", "app:app --reload --reload-paths src", "app:app --reload --reload-dir src"),
    Habit("granian", "app:app --reload-ignore-dirs tests"),
    Habit(
        GUNICORN, "--reload --reload-extra-file x app:app", "app:app --reload --reload-include x"
    ),
    Habit(GUNICORN, "--reload-engine poll app:app"),
    Habit(UVICORN, "app:app --workers 4", "app:app --workers 4"),
    Habit(UVICORN, "app:app --env-file .env", "app:app --env-file .env"),
    Habit(UVICORN, "app:app --log-level debug", "app:app --log-level debug"),
    Habit(UVICORN, "app:app --log-config log.ini", "app:app --log-config log.ini"),
    Habit(UVICORN, "app:app --no-access-log", "app:app --no-access-log"),
    Habit(UVICORN, "app:app --no-use-colors", "app:app --no-use-colors"),
    Habit(UVICORN, "app:app --use-colors", "app:app --use-colors"),
    Habit(UVICORN, "app:app --proxy-headers"),
    Habit(UVICORN, "app:app --no-proxy-headers", "app:app"),
    Habit(
        UVICORN,
        "app:app --forwarded-allow-ips '*'",
        "app:app --trusted-proxy '*'",
    ),
    Habit(UVICORN, "app:app --root-path /api", "app:app --root-path /api"),
    Habit(UVICORN, "app:app --limit-concurrency 100", "app:app --limit-concurrency 100"),
    Habit(UVICORN, "app:app --backlog 64", "app:app --backlog 64"),
    Habit(UVICORN, "app:app --limit-max-requests 1000", "app:app --max-requests 1000"),
    Habit(UVICORN, "app:app --timeout-keep-alive 5", "app:app --timeout-keep-alive 5"),
    Habit(
        UVICORN,
        "app:app --timeout-graceful-shutdown 9",
        "app:app --timeout-graceful-shutdown 9",
    ),
    Habit(
        UVICORN,
        "app:app --ssl-keyfile k.pem --ssl-certfile c.pem",
        "app:app --ssl-keyfile k.pem --ssl-certfile c.pem",
    ),
    Habit(UVICORN, "app:app --ssl-version 17"),
    Habit(UVICORN, "app:app --header 'X-A: b'", "app:app --header 'X-A: b'"),
    Habit(UVICORN, "app:app --no-server-header"),
    Habit(UVICORN, "app:app --server-header", "app:app"),
    Habit(UVICORN, "app:app --date-header", "app:app"),
    Habit(UVICORN, "app:app --no-date-header"),
    Habit(UVICORN, "app:app --app-dir src", "app:app --app-dir src"),
    Habit(UVICORN, "--factory app:create_app", "--factory app:create_app"),
    Habit(UVICORN, "app:app --interface wsgi", "app:app --interface wsgi"),
    Habit(UVICORN, "app:app --lifespan on", "app:app --lifespan on"),
    Habit(UVICORN, "app:app --loop asyncio", "app:app --loop asyncio"),
    Habit(UVICORN, "app:app --http httptools"),
    Habit(UVICORN, "app:app --ws websockets"),
    Habit(UVICORN, "app:app --ws-max-size 1000", "app:app --ws-max-size 1000"),
    Habit(UVICORN, "app:app --ws-ping-interval 9", "app:app --ws-ping-interval 9"),
    Habit(UVICORN, "app:app --version", "app:app --version"),
    Habit(GUNICORN, "-b 127.0.0.1:9000 app:app", "--bind 127.0.0.1:9000 app:app"),
    Habit(GUNICORN, "-b :9000 app:app", "--bind :9000 app:app"),
    Habit(GUNICORN, "-b unix:/tmp/s app:app", "--bind unix:/tmp/s app:app"),
    Habit(GUNICORN, "-w 4 app:app", "--workers 4 app:app"),
    Habit(GUNICORN, "-w4 app:app", "--workers 4 app:app"),
    Habit(GUNICORN, "-k gthread app:app"),
    Habit(GUNICORN, "--threads 4 app:app"),
    Habit(GUNICORN, "--worker-connections 500 app:app", "--limit-concurrency 500 app:app"),
    Habit(GUNICORN, "--max-requests 1000 app:app", "--max-requests 1000 app:app"),
    Habit(GUNICORN, "-t 60 app:app", "--timeout 60 app:app"),
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
    Habit(GUNICORN, "-u www-data -g www-data app:app", "app:app --user www-data --group www-data"),
    Habit(GUNICORN, "--umask 007 app:app"),
    Habit(GUNICORN, "--access-logfile - app:app", "--access-log app:app"),
    Habit(GUNICORN, "--access-logfile /tmp/log app:app", "app:app --access-logfile /tmp/log"),
    Habit(GUNICORN, "--log-file /tmp/log app:app", "app:app --error-logfile /tmp/log"),
    Habit(GUNICORN, "--error-logfile - app:app", "app:app"),
    Habit(
        GUNICORN,
        "--access-logformat '%(h)s' app:app",
        "app:app --access-log-format '%(h)s'",
    ),
    Habit(GUNICORN, "--log-config log.ini app:app", "app:app --log-config log.ini"),
    Habit(GUNICORN, "-c gunicorn.conf.py app:app"),
    Habit(GUNICORN, "--check-config app:app", "app:app --check-config"),
    Habit(GUNICORN, "--print-config app:app", "app:app --print-config"),
    Habit("hypercorn", "-c hypercorn.toml app:app", "app:app --config hypercorn.toml"),
    Habit(GUNICORN, "-n name app:app"),
    Habit(GUNICORN, "--reuse-port app:app"),
    Habit(GUNICORN, "--statsd-host localhost:8125 app:app"),
    Habit("granian", "app:app --metrics", "app:app --metrics"),
    Habit("granian", "app:app --metrics --metrics-port 9100"),
    Habit(
        GUNICORN,
        "--certfile c.pem --keyfile k.pem app:app",
        "--ssl-certfile c.pem --ssl-keyfile k.pem app:app",
    ),
    Habit(GUNICORN, "--proxy-protocol app:app"),
    Habit("granian", "app:app --static-path-mount static"),
    Habit(GUNICORN, "'app:create_app()'", "'app:create_app()'"),
    Habit(PYTHON, "9000"),
    Habit(PYTHON, "--bind 127.0.0.1", "--host 127.0.0.1"),
    Habit(PYTHON, "-d docs", "docs"),
    Habit(PYTHON, "--directory docs", "docs"),
    Habit(PYTHON, "-p HTTP/1.1"),
    Habit(PYTHON, "--protocol HTTP/1.1"),
    Habit(PYTHON, "--cgi"),
    Habit(PYTHON, "--tls-cert c.pem --tls-key k.pem", "--ssl-certfile c.pem --ssl-keyfile k.pem"),
    Habit(
        PYTHON,
        "--tls-cert c.pem --tls-password-file p",
        "--ssl-certfile c.pem --ssl-keyfile-password-file p",
    ),
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
GET = [
    Habit(CURL, f"-O {U}", U),
    Habit(CURL, f"-o x {U}", f"--output x {U}"),
    Habit(CURL, f"-L {U}", U),
    Habit(CURL, f"-sS {U}", f"--quiet {U}"),
    Habit(CURL, f"-fsSL {U}", f"--quiet {U}"),
    Habit(CURL, f"-sSLO {U}", f"--quiet {U}"),
    Habit(CURL, "example.org/x", "example.org/x"),
    Habit(CURL, f"-J {U}", f"--remote-header-name {U}"),
    Habit(CURL, f"-C - {U}", f"--continue {U}"),
    Habit(CURL, f"-A agent {U}", f"--user-agent agent {U}"),
    Habit(CURL, f"-e http://r/ {U}", f"--referer http://r/ {U}"),
    Habit(CURL, f"-b a=b {U}", f"--cookie a=b {U}"),
    Habit(CURL, f"-b jar -c jar {U}", f"--cookie jar --cookie-jar jar {U}"),
    Habit(CURL, f"-r 0-99 {U}", f"--range 0-99 {U}"),
    Habit(CURL, f"-w '%{{http_code}}' {U}", f"--write-out '%{{http_code}}' {U}"),
    Habit(CURL, f"--limit-rate 100k {U}", f"--limit-rate 102400 {U}"),
    Habit(CURL, f"-4 {U}", f"--ipv4 {U}"),
    Habit(CURL, f"-6 {U}", f"--ipv6 {U}"),
    Habit(CURL, f"-H 'A: b' {U}", f"--header 'A: b' {U}"),
    Habit(CURL, f"-X DELETE {U}", f"--request DELETE {U}"),
    Habit(CURL, f"-I {U}", f"--head {U}"),
    Habit(CURL, f"-d a=b {U}", f"--data a=b {U}"),
    Habit(CURL, f"--data-binary @x {U}", f"--data @x {U}"),
    Habit(CURL, f"--data-raw @x {U}", f"--data-raw @x {U}"),
    Habit(CURL, f"--data-urlencode a=b {U}"),
    Habit(CURL, f"-G -d a=b {U}"),
    Habit(CURL, f"-F file=@x {U}"),
    Habit(CURL, "--json '{}' http://a/b"),
    Habit(CURL, f"-T x {U}", f"--upload-file x {U}"),
    Habit(CURL, f"-u me:secret {U}", f"--user me:secret {U}"),
    Habit(CURL, f"-n {U}", f"--netrc {U}"),
    Habit(CURL, f"-k {U}", f"--insecure {U}"),
    Habit(CURL, f"-x http://p:1 {U}", f"--proxy http://p:1 {U}"),
    Habit(CURL, f"-v {U}", f"--verbose {U}"),
    Habit(CURL, f"-i {U}"),
    Habit(CURL, f"-D - {U}"),
    Habit(CURL, f"-m 9 {U}", f"--max-time 9 {U}"),
    Habit(CURL, f"--connect-timeout 9 {U}", f"--connect-timeout 9 {U}"),
    Habit(CURL, f"--retry 5 {U}", f"--retry 5 {U}"),
    Habit(CURL, f"--retry-delay 1 {U}"),
    Habit(CURL, f"--max-redirs 3 {U}", f"--max-redirs 3 {U}"),
    Habit(CURL, f"--compressed {U}", f"--compressed {U}"),
    Habit(CURL, f"--cacert x {U}", f"--cacert x {U}"),
    Habit(CURL, f"--cert x {U}", f"--cert x {U}"),
    Habit(CURL, f"-N {U}", U),
    Habit(CURL, f"-g {U}", U),
    Habit(CURL, f"-Z {U}", U),
    Habit(CURL, f"-# {U}", U),
    Habit(CURL, f"--http1.1 {U}", U),
    Habit(CURL, f"--http2 {U}"),
    Habit(CURL, f"-K file {U}"),
    Habit(CURL, f"-z yesterday {U}"),
    Habit(CURL, f"-R {U}"),
    Habit(CURL, f"--create-dirs -o a/b {U}"),
    Habit(CURL, f"--output-dir a {U}"),
    Habit(CURL, f"--no-clobber -o x {U}", f"-o x --no-clobber {U}"),
    Habit(CURL, f"--skip-existing {U}", f"--skip-existing {U}"),
    Habit(CURL, f"--fail-with-body {U}"),
    Habit(CURL, f"--fail-early {U}", f"--fail-early {U}"),
    Habit(CURL, f"--unix-socket s {U}", f"--unix-socket s {U}"),
    Habit(CURL, f"--resolve a:80:127.0.0.1 {U}"),
    Habit(CURL, f"--tlsv1.2 {U}"),
    Habit(CURL, f"--digest {U}"),
    Habit(CURL, f"--oauth2-bearer t {U}"),
    Habit(CURL, f"--trace-ascii - {U}"),
    Habit(WGET, f"-O x {U}"),
    Habit(WGET, f"--output-document=x {U}", f"--output x {U}"),
    Habit(WGET, f"-c {U}"),
    Habit(WGET, f"--continue {U}", f"--continue {U}"),
    Habit(WGET, f"-nc {U}"),
    Habit(WGET, f"-q {U}", f"--quiet {U}"),
    Habit(WGET, f"-nv {U}"),
    Habit(WGET, "-i list", "--input-file list"),
    Habit(WGET, f"-P folder {U}"),
    Habit(WGET, f"--directory-prefix=folder {U}"),
    Habit(WGET, f"-r {U}"),
    Habit(WGET, f"--mirror {U}"),
    Habit(WGET, f"-np {U}"),
    Habit(WGET, f"--spider {U}"),
    Habit(WGET, f"-U agent {U}"),
    Habit(WGET, f"--user-agent=agent {U}", f"-A agent {U}"),
    Habit(WGET, f"--referer=http://r/ {U}", f"-e http://r/ {U}"),
    Habit(WGET, f"--header='A: b' {U}", f"-H 'A: b' {U}"),
    Habit(WGET, f"--post-data=a=b {U}", f"-d a=b {U}"),
    Habit(WGET, f"--post-file=x {U}"),
    Habit(WGET, f"--method=PUT --body-data=x {U}", f"-X PUT -d x {U}"),
    Habit(WGET, f"--load-cookies=x {U}", f"-b x {U}"),
    Habit(WGET, f"--save-cookies=x {U}", f"-c x {U}"),
    Habit(WGET, f"--no-check-certificate {U}", f"-k {U}"),
    Habit(WGET, f"--ca-certificate=x {U}", f"--cacert x {U}"),
    Habit(WGET, f"--content-disposition {U}", f"-J {U}"),
    Habit(WGET, f"--max-redirect=3 {U}", f"--max-redirs 3 {U}"),
    Habit(WGET, f"--limit-rate=1m {U}", f"--limit-rate 1048576 {U}"),
    Habit(WGET, f"-t 3 {U}"),
    Habit(WGET, f"--tries=3 {U}"),
    Habit(WGET, f"--timeout=9 {U}"),
    Habit(WGET, f"-T 9 {U}"),
    Habit(WGET, f"--password=secret {U}"),
    Habit(WGET, f"--background {U}"),
    Habit(WGET, f"--timestamping {U}"),
    Habit(WGET, f"-S {U}", U),
    Habit(WGET, f"--show-progress {U}", U),
]


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
