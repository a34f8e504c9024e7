"""``reactor get URL``."""

from __future__ import annotations

import argparse
import errno
import os
import secrets
import stat
import sys
from contextlib import suppress
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from reactor._message import Response
from reactor.cli.output import Output, say, shown
from reactor.client import EXIT_HTTP, EXIT_WRITE, Url, fetch
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
    url = Url.parse(options.url)
    download = Download(url.text, options.output or file_name(url.text))
    try:
        fetch(url.text, download.begin, download.write)
        if download.status >= 400:
            raise FetchError(f"{url.text}: the server answered {download.status}", EXIT_HTTP)
        download.finish()
    except BaseException:
        download.discard()
        raise
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
        self._temporary: str | None = None
        self.status = 0
        self.size = 0

    def begin(self, head: Response) -> None:
        self.status = head.status
        lines = [f"HTTP/1.{head.version - 10} {head.status} {head.reason}"]
        lines += [f"{name}: {value}" for name, value in head.headers.items()]
        try:
            Output(sys.stdout).write("".join(shown(line) + "\n" for line in [*lines, ""]))
        except BrokenPipeError:
            raise  # nobody reads: no failure to tell anyone of
        except OSError as error:
            raise self._failed("stdout", error) from error
        if head.status < 400:
            try:
                self._file = self._open()
            except OSError as error:
                raise self._failed(self._path, error) from error

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self._file is not None:
            try:
                self._file.write(data)
            except OSError as error:
                raise self._failed(self._path, error) from error

    def finish(self) -> None:
        """The body is whole: it gets its name."""
        if self._file is None:
            return
        try:
            self._file.close()
            if self._temporary is not None:
                os.replace(self._temporary, os.path.realpath(self._path))
                self._temporary = None
        except OSError as error:
            raise self._failed(self._path, error) from error
        say(f"saved {self._path} ({self.size} bytes)", who="")

    def discard(self) -> None:
        if self._file is not None:
            with suppress(OSError):  # what was not written yet cannot be written now either
                self._file.close()
        if self._temporary is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._temporary)

    def _open(self) -> IO[bytes]:
        # A link stays a link: the file that it leads to is replaced.
        path = os.path.realpath(self._path)
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            mode = stat.S_IFDIR if self._path.endswith(os.sep) else stat.S_IFREG
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            return open(path, "wb")  # /dev/null, a pipe: written to, never replaced by a file
        # Its name is kept before it exists: Ctrl-C may come at any time, and must leave nothing.
        name = f".reactor-{secrets.token_hex(8)}.part"
        self._temporary = os.path.join(os.path.dirname(path), name)
        return open(self._temporary, "xb")

    def _failed(self, where: str, error: OSError) -> FetchError:
        return FetchError(f"{self._url}: cannot write {where}: {error.strerror}", EXIT_WRITE)
