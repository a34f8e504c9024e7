"""``reactor get URL``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from reactor._message import Response
from reactor.client import EXIT_HTTP, EXIT_WRITE, fetch
from reactor.errors import FetchError


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "get",
        help="fetch a URL: print the header, save the body",
        description="Fetch URL by HTTP: the header goes to stdout, the body into a file with "
        "the URL's last name (index.html for a folder). A body that ends early leaves no file. "
        "Exit codes are curl's: 3 no http URL, 6 unknown host, 7 cannot connect, 18 broke off, "
        "22 status 400 or above, 23 cannot write, 28 time-out.",
    )
    parser.add_argument("url", metavar="URL")
    parser.add_argument("-o", "--output", metavar="FILE", help="save the body as FILE")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    download = Download(options.url, options.output or file_name(options.url))
    try:
        fetch(options.url, download.begin, download.write)
    except BaseException:
        download.discard()
        raise
    if download.status >= 400:
        download.discard()
        raise FetchError(f"{options.url}: the server answered {download.status}", EXIT_HTTP)
    download.finish()
    return 0


def file_name(url: str) -> str:
    """The last name of a URL's path, made harmless: no separator, no dotfile, no control byte."""
    name = unquote(urlsplit(url).path.rpartition("/")[2], errors="surrogateescape")
    name = "".join(c for c in name if c.isprintable() and c not in "/\\").lstrip(".")
    return name or "index.html"


class Download:
    """A body on its way to a file: in a temporary file beside it until it is whole."""

    def __init__(self, url: str, path: str) -> None:
        self._url = url
        self._path = path
        self._file: IO[bytes] | None = None
        self.status = 0
        self.size = 0

    def begin(self, head: Response) -> None:
        self.status = head.status
        print(f"HTTP/1.{head.version - 10} {head.status} {head.reason}")
        for name, value in head.headers.items():
            print(f"{name}: {value}")
        print(flush=True)
        if head.status < 400:
            self._file = self._guarded(self._open)

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self._file is not None:
            self._guarded(self._file.write, data)

    def finish(self) -> None:
        """The body is whole: it gets its name."""
        if self._file is not None:
            self._guarded(self._file.close)
            self._guarded(os.replace, self._file.name, self._path)
            print(f"saved {self._path} ({self.size} bytes)", file=sys.stderr)

    def discard(self) -> None:
        if self._file is not None:
            self._file.close()
            os.unlink(self._file.name)

    def _open(self) -> IO[bytes]:
        folder = os.path.dirname(self._path) or "."
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed by finish or discard
            dir=folder, prefix=f"{os.path.basename(self._path)}.", suffix=".part", delete=False
        )
        # A temporary file is private; a download is like any file that the user makes.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(file.name, 0o666 & ~umask)
        return file

    def _guarded(self, action: Any, *args: Any) -> Any:
        try:
            return action(*args)
        except OSError as error:
            raise FetchError(
                f"{self._url}: cannot write {self._path}: {error.strerror}", EXIT_WRITE
            ) from error
