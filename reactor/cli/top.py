"""``reactor top [ADDRESS]``: what a server with ``--metrics`` does, in a terminal.

Knows what `/status?json` says and nothing else, so the server may be of another machine, or of
another version. rich draws it; its own refresh is a thread, so this asks it to draw each time.
"""

from __future__ import annotations

import argparse
import http.client
import json
import select
import socket
import sys
import time
from contextlib import contextmanager, suppress

from reactor.cli.numbers import seconds
from reactor.cli.output import say, shown
from reactor.server.status.addresses import DEFAULT_ADDRESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

NOBODY_ANSWERS = 1
WRONG_USAGE = 2
# The server's own loop may be busy, and this one has all the time in the world.
PATIENCE_S = 10.0
# A server of many workers says some hundred KiB; what is longer is another server.
ANSWER_BYTES_MAX = 16 * 1024 * 1024


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "top",
        help="watch a server that was started with --metrics",
        description="Show what a server does, once a second, until q or Ctrl-C; once, if the "
        "output is no terminal. Exit code 1 if nobody answers.",
    )
    parser.add_argument(
        "address",
        nargs="?",
        default=DEFAULT_ADDRESS,
        metavar="ADDRESS",
        help="where its metrics are: HOST:PORT, a port, unix:PATH, or a URL; default: %(default)s",
    )
    parser.add_argument(
        "--every",
        type=seconds,
        default=1.0,
        metavar="SECONDS",
        help="how often it is asked; default: 1",
    )
    parser.add_argument("--once", action="store_true", help="show it once, and end")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    try:
        place = _place(options.address)
    except ValueError:
        say(f"{shown(options.address)} is no address: write HOST:PORT or unix:PATH")
        return WRONG_USAGE
    try:
        first = asked(place)
    except OSError as error:
        say(
            f"nobody answers at {shown(options.address)} ({error.strerror or error}): "
            "start the server with --metrics, or say where its metrics are"
        )
        return NOBODY_ANSWERS
    except ValueError as error:
        say(f"what answers at {shown(options.address)} is no server with --metrics: {error}")
        return NOBODY_ANSWERS
    from reactor.cli.top_screen import screen

    if options.once or not sys.stdout.isatty():
        from rich.console import Console

        console = Console()
        console.print(screen(first, "", console.width))
        return 0
    with suppress(KeyboardInterrupt):
        _follow(place, first, options.every)
    return 0


def _follow(place: str | tuple[str, int], status: dict[str, Any], every_s: float) -> None:
    from rich.live import Live

    from reactor.cli.top_screen import screen

    trouble = ""
    with _keys(), Live(screen(status, ""), auto_refresh=False, screen=True) as live:
        while not _quits(every_s):
            try:
                status, trouble = asked(place), ""
            except (OSError, ValueError):
                trouble = trouble or f"no answer since {time.strftime('%H:%M:%S')}"
            live.update(screen(status, trouble, live.console.width), refresh=True)


def _place(text: str) -> str | tuple[str, int]:
    """A path, or a host and a port.

    >>> _place("9464"), _place("http://[::1]:80/status"), _place("unix:/run/m")
    (('127.0.0.1', 9464), ('::1', 80), '/run/m')
    """
    if text.startswith("unix:"):
        return text.removeprefix("unix:")
    text = text.removeprefix("http://").partition("/")[0]
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(text)
    return host.strip("[]") or "127.0.0.1", int(port)


def asked(place: str | tuple[str, int]) -> dict[str, Any]:
    """What the server says of itself.

    Raises:
        OSError: nobody answers. ValueError: something else does.
    """
    connection = http.client.HTTPConnection("localhost", timeout=PATIENCE_S)
    try:
        if isinstance(place, str):
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.settimeout(PATIENCE_S)
            connection.sock.connect(place)
        else:
            connection.sock = socket.create_connection(place, PATIENCE_S)
        # Its own name, for a server that answers for no other.
        host = "localhost" if isinstance(place, str) else _authority(*place)
        connection.request("GET", "/status?json", headers={"Host": host})
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"it says {answer.status} {shown(answer.reason)}")
        try:
            status = json.loads(answer.read(ANSWER_BYTES_MAX))
        except ValueError as error:
            raise ValueError("its /status is no JSON") from error
        if not isinstance(status, dict) or "counters" not in status:
            raise ValueError("it says something else")
        return status
    except http.client.HTTPException as error:
        raise ValueError("it speaks no HTTP") from error
    finally:
        connection.close()


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _quits(seconds: float) -> bool:
    """Wait; whether somebody has typed q."""
    if not sys.stdin.isatty():
        time.sleep(seconds)
        return False
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0] and sys.stdin.read(1) in ("q", "Q", ""):
            return True
    return False


@contextmanager
def _keys() -> Iterator[None]:
    """A key is read when it is typed, and not shown."""
    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
