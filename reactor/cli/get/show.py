"""What the user sees of his transfers: headers, one line for each file, JSON, the exchange.

Knows words and where they go: results to stdout, everything about the work to stderr. What a
peer sent is shown so that it can drive no terminal, and what is secret is not shown at all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from reactor.cli.get.secrets import redacted
from reactor.cli.output import Output, shown
from reactor.client.download import Download
from reactor.client.failures import EXIT_NOBODY_READS, EXIT_WRITE, PASSING_EXITS
from reactor.client.url import visible
from reactor.errors import FetchError
from reactor.parser._message import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Show:
    """Writes for the user; ``through`` is how, while a progress display owns the terminal."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._many = len(options.urls) > 1 or options.input_file is not None
        self.through: Callable[[str], object] | None = None

    @property
    def shows_heads(self) -> bool:
        """``-v`` has them already."""
        options = self._options
        return not (
            options.quiet or options.json or options.verbose or options.write_out is not None
        )

    def head(self, download: Download) -> None:
        """The header as it came, and an empty line."""
        response = download.response
        if response is None:
            return
        lines = [*_head_lines(response), ""]
        if self._many:
            lines.insert(0, f"==> {visible(download.url)} <==")
        text = "".join(shown(line) + "\n" for line in lines)
        if self._options.output == "-":  # the body has stdout for itself
            self._say(text)
        else:
            self.print(text)

    def exchange(self, message: bytes | Response) -> None:
        """``-v``: a head that was sent (bytes) or received."""
        if isinstance(message, bytes):
            mark, lines = ">", message.decode("latin-1").split("\r\n")[:-1]
        else:
            mark, lines = "<", [*_head_lines(message), ""]
        self._say("".join(f"{mark} {shown(redacted(line))}".rstrip() + "\n" for line in lines))

    def note(self, sentence: str) -> None:
        if not self._options.quiet:
            self._say(f"reactor: {shown(sentence)}\n")

    def done(self, download: Download) -> None:
        """One line for a download that ended, well or not."""
        if self._options.json:
            import json  # only who wants JSON pays for it

            self.print(json.dumps(as_json(download)) + "\n")
        if self._options.write_out is not None:
            from reactor.cli.get.write_out import written  # few need it

            self.print(written(self._options.write_out, download, *failure_of(download)))
        saved_as = download.saved_as
        if download.error is not None:
            code, failure = failure_of(download)
            if code != EXIT_NOBODY_READS:
                self._say(f"reactor: {shown(failure)}\n")
        elif saved_as not in (None, "-") and not self._options.quiet and not self._options.json:
            again = f", from byte {download.resumed_from}" if download.resumed_from else ""
            whence = f" from {visible(download.url)}" if self._many else ""
            self._say(shown(f"saved {saved_as} ({download.size} bytes{again}){whence}") + "\n")

    def print(self, text: str) -> None:
        """To stdout. Raises BrokenPipeError if nobody reads it, and FetchError if it is full."""
        try:
            self._write(sys.stdout, text)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise FetchError(f"cannot write to stdout: {error.strerror}", EXIT_WRITE) from error

    def _say(self, text: str) -> None:
        """To stderr; if nobody reads that, to nobody."""
        try:
            self._write(sys.stderr, text)
        except OSError:
            return

    def _write(self, stream: Any, text: str) -> None:
        if self.through is not None and stream is not None and stream.isatty():
            self.through(text)
        else:
            Output(stream).write(text)


def failure_of(download: Download) -> tuple[int, str]:
    """Exit code and sentence; 0 and none if all went well."""
    error = download.error
    if not isinstance(error, FetchError):
        return 0, ""
    if download.kept and error.exit_code in {*PASSING_EXITS, EXIT_WRITE}:
        return error.exit_code, f"{error.message}; {how_to_go_on(download.kept)}"
    return error.exit_code, error.message


def how_to_go_on(kept: int) -> str:
    """For the user whose download broke off."""
    return f"{kept} bytes are kept, --continue fetches the rest"


def as_json(download: Download) -> dict[str, Any]:
    """The object of ``--json``; docs/get.md says what each field is."""
    response, transfer = download.response, download.transfer
    code, failure = failure_of(download)
    return {
        "url": visible(download.url),
        "method": download.method,
        "status": None if response is None else response.status,
        "exit_code": code,
        "error": failure or None,
        "file": download.saved_as,
        "size": download.size,
        "received": download.received,
        "resumed_from": download.resumed_from,
        "sha256": download.sha256,
        "attempts": download.attempts,
        "redirects": [] if transfer is None else [visible(url) for url in transfer.redirects],
        "address": None if transfer is None else transfer.address,
        "timings": {} if transfer is None else _rounded(transfer.timings),
    }


def _rounded(timings: dict[str, float]) -> dict[str, float]:
    """To microseconds: a clock tells no more, and a reader wants no more."""
    return {name: round(seconds, 6) for name, seconds in timings.items()}


def _head_lines(response: Response) -> list[str]:
    first = f"HTTP/1.{response.version - 10} {response.status} {response.reason}"
    return [first, *(f"{name}: {value}" for name, value in response.headers.items())]
