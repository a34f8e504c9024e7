"""The options of `serve` that are about an application: what it is, and where it runs."""

from __future__ import annotations

from typing import Any


def add_applications(group: Any) -> None:
    group.add_argument(
        "--interface",
        choices=("auto", "native", "wsgi", "asgi", "tcp"),
        default="auto",
        help="what TARGET is, if its shape does not tell; default: %(default)s",
    )
    group.add_argument(
        "--loop",
        choices=("auto", "reactor", "asyncio"),
        default="auto",
        help="asyncio: a TCP protocol, too, gets asyncio's running loop; auto: only what is "
        "asynchronous; default: %(default)s",
    )
    group.add_argument(
        "--lifespan",
        choices=("auto", "on", "off"),
        default="auto",
        help="whether an ASGI application is told of the server's start and stop; auto: if it "
        "takes part; default: %(default)s",
    )
    group.add_argument(
        "--root-path",
        default="",
        metavar="PATH",
        help="where the application is mounted: of ASGI put in front of each path, of WSGI "
        "SCRIPT_NAME, and taken off a path that begins with it",
    )
    group.add_argument(
        "--body-dir",
        metavar="FOLDER",
        help="where request bodies over 512 KiB are, in files without a name; "
        "default: the temporary folder of the system",
    )
