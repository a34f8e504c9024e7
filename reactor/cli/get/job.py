"""One URL: its request, the judgement of the answer, its body into a sink, and another try.

Knows how a transfer and a sink go together. A body that breaks off is continued from
what is there if its version can be verified, else begun anew; each distrusted answer to
a range is asked for again without one, once. Must never know about other URLs.
"""

from __future__ import annotations

import argparse
import os
from functools import partial

from reactor.cli.get.options import upload_of
from reactor.cli.get.secrets import visible
from reactor.client.failures import (
    EXIT_EMPTY,
    EXIT_HTTP,
    EXIT_PARTIAL,
    EXIT_PROTOCOL,
    EXIT_RECEIVE,
    EXIT_TIMEOUT,
    EXIT_URL,
    EXIT_WRITE,
)
from reactor.client.names import name_from_disposition, name_from_url
from reactor.client.resuming import Verdict, Version, judge, range_fields, total_of
from reactor.client.saving import FileSink, Saver, Sink, StreamSink, open_given
from reactor.client.url import Url
from reactor.errors import FetchError, LocalProtocolError
from reactor.limits import KIB
from reactor.net import Reactor
from reactor.parser._message import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, Protocol

    from reactor.client import Client
    from reactor.client.partial import Part

    class Teller(Protocol):
        """Tells the user how it goes."""

        def note(self, sentence: str) -> None: ...
        def head(self, response: Response) -> None: ...

    class Command(Protocol):
        """What a job asks of the command that it is a part of."""

        options: argparse.Namespace
        reactor: Reactor
        client: Client
        method: str
        body: bytes | None

        @property
        def teller(self) -> Teller: ...
        @property
        def saver(self) -> Saver: ...
        def stdout(self) -> int: ...
        def fields_for(self, url: str) -> list[tuple[str, str]]: ...
        def is_over(self, job: Job) -> bool: ...
        def finishing(self) -> None: ...
        def ended(self, job: Job) -> None: ...
        def crash(self, error: Exception) -> None: ...


EXIT_CHECKSUM = 1
# What a shell says of a program that wrote into a closed pipe; nobody is there to be told.
EXIT_NOBODY_READS = 141
# What may be over at the next try: it broke off, no answer came, the connection was lost.
_PASSING = {EXIT_PARTIAL, EXIT_TIMEOUT, EXIT_EMPTY, EXIT_RECEIVE}
_SAFE_TO_REPEAT = {"GET", "HEAD"}
# An error page this small is read for the sake of its connection, which then serves the next URL.
_DRAIN_BYTES_MAX = 64 * KIB
# The first pause between two tries; each next one is twice as long, up to the last.
_BACKOFF_FIRST_S, _BACKOFF_MAX_S = 1.0, 30.0


class Nothing(Sink):
    """For HEAD: there is no body to save."""

    def write(self, data: bytes | memoryview) -> None:
        pass

    def finish(self, on_saved: Any) -> None:
        on_saved(None)


class Job:
    """``command`` is told once, by ``ended``, when it is over."""

    # Most of ten thousand jobs end with most of these as they began.
    label = ""  # for the user: the file's name, if it has one
    response: Response | None = None
    transfer: Any = None
    error: FetchError | None = None
    saved_as: str | None = None
    size = 0  # of the file so far
    total: int | None = None
    received = 0
    resumed_from = 0
    sha256: str | None = None
    attempts = 0
    upload: BinaryIO | None = None
    _sink: Sink | None = None
    _asked: Version | None = None  # whose rest was asked for
    _by_date = _anew = False
    _refused = False  # the answer is not what was asked for
    _complete = False  # it says that all is there
    _digest: Any = None
    _waiting: Any = None  # the timer of the next try

    def __init__(self, command: Command, url: str) -> None:
        self._command = command
        self._options: argparse.Namespace = command.options
        self.url = url
        self.method = command.method
        self._began = command.reactor.time()

    @property
    def failure(self) -> str:
        """The sentence of what went wrong, with the URL that it went wrong with."""
        return "" if self.error is None else self._sentence(self.error)

    def _sentence(self, error: FetchError) -> str:
        url = visible(self.url)
        message = error.message.replace(self.url, url)
        return message if url in message else f"{url}: {message}"

    # --- asking ---------------------------------------------------------------------------

    def start(self) -> None:
        if self._options.upload_file is not None:
            self.upload = upload_of(self._options)
        try:
            self._parsed = Url.parse(self.url)
            self._sink = self._open_sink()
            if self._options.resume and isinstance(self._sink, FileSink):
                self._sink.resume(visible(self.url))
        except FetchError as error:
            self._fail(error)
        except OSError as error:
            self._fail(self._cannot_write(error))
        else:
            self._request()

    def _request(self) -> None:
        if self.attempts:
            self.response = self._asked = None
            self._refused = self._complete = False
        self.attempts += 1
        command = self._command
        fields = command.fields_for(self.url)
        part = self._part()
        if part is not None and part.size and not self._anew:
            version = part.version
            if version is not None and version.resumable:
                self._asked = version
                fields = fields + range_fields(version, part.size, self._by_date)
        try:
            self.transfer = command.client.request(
                self.method,
                self._parsed,
                headers=fields,
                body=command.body if self.upload is None else self.upload,
                max_time_s=self.time_left(),
                on_head=self._head,
                on_body=self._body,
                on_done=self._done,
            )
        except FetchError as error:
            self._fail(error)
        except LocalProtocolError as error:
            self._fail(FetchError(f"that cannot be asked for: {error}", EXIT_URL))

    def _part(self) -> Part | None:
        """What the file holds so far, if it is a part by now."""
        return None if self._sink is None else self._sink.part

    def _open_sink(self) -> Sink:
        output = self._options.output
        if not output and self.method != "HEAD":
            self.label = name_from_url(self._parsed)
            return FileSink(self._command.saver, self.label, False, self._command.teller.note)
        self.label = visible(self.url)
        if self.method == "HEAD":
            return Nothing()
        if output == "-":
            return StreamSink(self._command.stdout(), "-")
        self.label = str(output)
        return open_given(output, self._command.teller.note)

    # --- what comes -----------------------------------------------------------------------

    # What `_head` and `_body` raise ends the transfer, and comes to `_done`.

    def _head(self, head: Response, _transfer: object) -> None:
        self.response = head
        if self._asked is not None and self._answers_range(self._asked, head):
            return
        self._command.teller.head(head)
        if head.status >= 300 and self._is_error(head):
            self._refused = True
            if (head.content_length or _DRAIN_BYTES_MAX + 1) > _DRAIN_BYTES_MAX:
                self._cancel()
                self._done(None)
        elif head.status == 206 and not self._user_sent("range"):
            self._cancel()
            self._fail(FetchError("a part came that was not asked for", EXIT_PROTOCOL))
        else:
            self._begin(head)

    def _answers_range(self, asked: Version, head: Response) -> bool:
        """Whether an answer to a request for the rest is one, and is seen to."""
        part = self._part()
        verdict = None if part is None else judge(asked, part.size, head, self._by_date)
        if verdict in (Verdict.ANEW, Verdict.BY_DATE):
            self._ask_again(by_date=verdict is Verdict.BY_DATE)
            return True
        if part is None or verdict not in (Verdict.CONTINUE, Verdict.COMPLETE):
            return False
        self._command.teller.head(head)
        self._complete = verdict is Verdict.COMPLETE
        self._go_on(part.size, head)
        return True

    def _begin(self, head: Response) -> None:
        """A whole body comes, from its first byte."""
        if self._options.remote_header_name and isinstance(self._sink, FileSink):
            name = name_from_disposition(head.headers.get("content-disposition") or "")
            if name is not None and self._options.output is None:
                self.label = name
                self._sink.rename(name)
        if self.size and isinstance(self._sink, StreamSink):
            self._cancel()
            self._fail(
                FetchError("broke off, and what is written cannot be taken back", EXIT_PARTIAL)
            )
            return
        self.size = self.resumed_from = 0
        # What is decoded before it is saved has another length.
        self.total = None if self._options.compressed else head.content_length
        self._digest = _sha256() if self._options.sha256 else None
        if self._sink is not None:
            self._sink.begin(self.total, partial(_version_of, self.url, head))

    def _go_on(self, offset: int, head: Response) -> None:
        self.size = self.resumed_from = offset
        self.total = total_of(head)
        if self._options.sha256 and isinstance(self._sink, FileSink):
            self._digest = _sha256()
            for data in self._sink.written():
                self._digest.update(data)

    def _ask_again(self, by_date: bool = False) -> None:
        """The answer to a range is not believed: once more with the date, or for the whole."""
        self._by_date, self._anew = by_date, not by_date
        self._cancel()
        self._request()

    def _body(self, data: Any) -> None:
        self.received += len(data)
        if self._complete or self._refused or self._sink is None:
            return
        if self.resumed_from and self.total is not None and self.size + len(data) > self.total:
            self._ask_again()  # more than the rest of anything
            return
        if self._digest is not None:
            self._digest.update(data)
        self._sink.write(data)
        self.size += len(data)

    def _done(self, error: Exception | None) -> None:
        try:
            if error is None:
                self._finish()
            elif not isinstance(error, FetchError):
                raise error  # from `_head` or `_body`
            elif not self._try_again(error):
                self._fail(error)
        except BrokenPipeError:
            self._fail(FetchError("nobody reads what is written", EXIT_NOBODY_READS))
        except OSError as refused:
            self._fail(self._cannot_write(refused))
        except Exception as fault:
            self._command.crash(fault)

    def _finish(self) -> None:
        """The response came whole."""
        if self.response is None or self._sink is None:
            self._fail(FetchError("no answer came", EXIT_PROTOCOL))
        elif self._refused:
            self._fail(FetchError(f"the server answered {self.response.status}", EXIT_HTTP))
        elif self._asked is not None and self.resumed_from and self.total != self.size:
            self._fail(FetchError("the rest did not come whole", EXIT_PARTIAL))
        elif self.response.status == 304:
            self._sink.discard()
            self._saved(None)
        elif self._digest is None or self._hash_is_right():
            self._sink.finish(self._saved)
            self._command.finishing()

    def _hash_is_right(self) -> bool:
        self.sha256 = self._digest.hexdigest()
        if self._options.sha256 in {"-", self.sha256}:
            return True
        if self._sink is not None:
            self._sink.discard()
            self._sink = None
        self._fail(
            FetchError(f"its SHA-256 is {self.sha256}: not the file that you want", EXIT_CHECKSUM)
        )
        return False

    def _saved(self, outcome: str | OSError | None) -> None:
        self._sink = None
        if isinstance(outcome, OSError):
            self._fail(self._cannot_write(outcome))
            return
        self.saved_as = outcome
        self._end()

    # --- another try, and the end ---------------------------------------------------------

    def _try_again(self, error: FetchError) -> bool:
        """The client itself has tried again whatever failed before a head came."""
        self._anew = self._by_date = False
        began = self.response is not None
        passing = error.exit_code in _PASSING and self.method in _SAFE_TO_REPEAT
        stream = isinstance(self._sink, StreamSink) and self.size > 0
        left = self.time_left()
        if (
            not (began and passing)
            or stream
            or self.attempts > self._options.retry
            or (left is not None and left <= 0)
        ):
            return False
        delay = min(_BACKOFF_FIRST_S * 2.0 ** (self.attempts - 1), _BACKOFF_MAX_S)
        self._command.teller.note(f"{self._sentence(error)}; trying again in {delay:g} s")
        self._waiting = self._command.reactor.call_later(delay, self._request)
        return True

    def time_left(self) -> float | None:
        """Seconds of ``--max-time`` that this transfer still has."""
        bound = self._options.max_time
        return None if bound is None else bound - (self._command.reactor.time() - self._began)

    def stop(self) -> int | None:
        """Give up, keeping what can be continued: so many bytes, None if there is no file."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._cancel()
        if self.upload is not None:
            self.upload.close()
        sink, self._sink = self._sink, None
        if sink is None:
            return None
        sink.stop()
        if not isinstance(sink, FileSink):
            return None
        return 0 if sink.part is None else sink.part.size

    def _cancel(self) -> None:
        if self.transfer is not None:
            self.transfer.cancel()

    def _is_error(self, head: Response) -> bool:
        """Whether an answer of 300 or above is not what was asked for; its body is no file then.

        A redirect that comes here leads nowhere; 304 is an answer to who asked for it.
        """
        return head.status != 304 or not self._user_sent("if-none-match", "if-modified-since")

    def _user_sent(self, *names: str) -> bool:
        return any(name.lower() in names for name, _ in self._options.header)

    def _fail(self, error: FetchError) -> None:
        if self._command.is_over(self):
            return
        self.error = error
        sink, self._sink = self._sink, None
        try:
            if sink is not None:
                sink.stop()
        except OSError as refused:
            self.error = self._cannot_write(refused)
        part = sink.part if sink is not None else None
        if part is not None and part.size and error.exit_code in {*_PASSING, EXIT_WRITE}:
            self.error = FetchError(
                f"{self.error.message}; {how_to_go_on(part.size)}", self.error.exit_code
            )
        self._end()

    def _end(self) -> None:
        if self.upload is not None:
            self.upload.close()
        self._command.ended(self)

    def _cannot_write(self, error: OSError) -> FetchError:
        where = self._options.output or self.label
        reason = error.strerror or os.strerror(error.errno or 0)
        return FetchError(f"{visible(self.url)}: cannot write {where}: {reason}", EXIT_WRITE)


def how_to_go_on(size: int) -> str:
    """For the user whose download broke off."""
    return f"{size} bytes are kept, --continue fetches the rest"


def _version_of(url: str, head: Response) -> Version:
    if head.status != 200:
        return Version(visible(url), None, None, head.content_length)
    return Version.of(visible(url), head)


def _sha256() -> Any:
    import hashlib  # loads OpenSSL: only who wants a hash pays for it

    return hashlib.sha256()
