"""``reactor ws URL``: each line of the input is sent, and each message that comes is printed."""

from __future__ import annotations

import argparse

from reactor.cli.numbers import seconds_or_0
from reactor.cli.output import say, shown
from reactor.errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


CLOSED_BY_A_FAULT = 1
WRONG_USAGE = 2
NOBODY_READS = 141


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "ws",
        help="talk to a WebSocket",
        description="Send each line of the input as a message, and print each message that comes. "
        "Ends when the server closes, or some time after the end of the input. Exit codes: those "
        "of get for a connection that fails, 22 if the server answers by another status than 101, "
        "1 if it closes by anything but 1000 and 1001.",
    )
    parser.add_argument("url", metavar="URL", help="ws://HOST/PATH or wss://HOST/PATH")
    parser.add_argument(
        "--json",
        action="store_true",
        help="an object for each thing that happens, one a line: open, text, binary (in base64), "
        "close",
    )
    parser.add_argument(
        "-H",
        "--header",
        action="append",
        type=_header,
        default=[],
        dest="headers",
        metavar="NAME:VALUE",
        help="send this field; repeatable",
    )
    parser.add_argument(
        "--subprotocol",
        action="append",
        default=[],
        dest="subprotocols",
        metavar="NAME",
        help="offer this sub-protocol; repeatable",
    )
    parser.add_argument(
        "--wait",
        type=seconds_or_0,
        default=1.0,
        metavar="SECONDS",
        help="after the end of the input, without a message, before it closes; default: 1",
    )
    parser.add_argument("--cacert", metavar="FILE", help="believe the certificates in FILE")
    parser.add_argument(
        "-k", "--insecure", action="store_true", help="believe any certificate: DANGEROUS"
    )
    parser.set_defaults(run=run)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError(f"{text!r:.60} is no NAME:VALUE")
    return name.strip(), value.strip()


def run(options: argparse.Namespace) -> int:
    from reactor.cli.talk import Talk
    from reactor.client.client import Client
    from reactor.client.websocket import connect
    from reactor.limits import CLIENT_LIMITS
    from reactor.net import Reactor

    with Reactor() as reactor:
        client = Client(reactor, CLIENT_LIMITS, cafile=options.cacert, insecure=options.insecure)
        talk = Talk(reactor, options.json, options.wait)

        def failed(error: Exception) -> None:
            talk.failure = error
            reactor.stop()

        try:
            connect(
                client,
                options.url,
                talk,
                failed,
                headers=options.headers,
                subprotocols=options.subprotocols,
            )
        except LocalProtocolError as error:
            say(str(error))
            return WRONG_USAGE
        reactor.run()
        client.close()
    if talk.failure is not None:
        raise talk.failure
    if talk.broken:
        return NOBODY_READS
    if talk.code in (1000, 1001):
        return 0
    if not options.json:
        say(f"the server closed: {talk.code} {shown(talk.reason)}".rstrip())
    return CLOSED_BY_A_FAULT
