"""`Download`: one URL into a sink, whole and verified, by as many requests as that takes.

    Download ─> Client.request ─> Transfer      one for each try
        └─────> Sink                            what is there by now, and what comes

Knows how a transfer and a sink go together. A body that breaks off is continued from what the
sink has if its version can be verified, else begun anew; each distrusted answer to a range is
asked for again without one, once. Must never know about other downloads, and says nothing to a
user: it tells the callbacks, each with itself.
"""

from __future__ import annotations

import os
from functools import partial

from reactor.client import failures
from reactor.client.choices import Choices
from reactor.client.hashing import is_sha256
from reactor.client.names import name_from_disposition
from reactor.client.refusal import reason_in
from reactor.client.request import Upload, may_be_repeated, pairs_of
from reactor.client.resuming import Rest, ResumeAction, Version, total_of
from reactor.client.saving import Sink
from reactor.client.url import Url, visible
from reactor.errors import FetchError, LocalProtocolError
from reactor.parser._message import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

    from reactor.client._transfer import Transfer
    from reactor.client.choices import Target
    from reactor.client.client import Client
    from reactor.client.partial import Part
    from reactor.client.request import GivenFields

    OnDownload = Callable[["Download"], object]


class Download:
    """Fetches ``url`` with ``client``, into a file, once `start` was called.

    Args:
        sink: a path, where a file is replaced when the body is whole; or a `Sink`; or a function
            that makes one for the parsed URL.
        resume: continue what an earlier try left, if the file is still the same.
        sha256: in hexadecimal digits, else ValueError. Another hash is a failure (exit code 1), and
            leaves no file; ``"-"`` takes any hash, and tells it in `sha256`.
        retries: tries after the first, of the request and of a body that broke off together; by
            default as many as the client makes. Only what may be repeated is tried again.
        max_time_s: a bound for all tries together.
        header_name: a sink that may choose takes its name from Content-Disposition.
        on_head: the head of the response that counts for this try is there.
        on_progress: more was written: see ``size`` and ``total``.
        on_whole: all bytes came; a file may wait for its name (`Saver.commit`).
        on_done: it is over, well or with an ``error``. Once, and last.

    Each callback gets this object, while the reactor runs, never from `start`.

    Attributes:
        response, transfer: the last head; the last transfer, with redirects, address and timings.
        size, total: bytes that are there by now, those of an earlier try included; bytes that
            there will be, as far as that is known.
        received, attempts: bytes of bodies that came, and requests that were made, in all tries.
        resumed_from: the offset from which the last try went on.
        saved_as, sha256: the name of the file, if it was saved; the hash, if one was asked for.
        error: a FetchError, with curl's number for its kind; or what a callback raised.
        kept: after a failure, bytes that ``resume`` continues; None if the sink keeps none.
    """

    # Slots, each with a value from the start: ten thousand small files read them often, and what
    # an object finds in its class is found slowly.
    __slots__ = (
        *("_began", "_choices", "_complete", "_digest", "_fields", "_over", "_parsed", "_refused"),
        *("_rest", "_sink", "_telling", "_tries", "_upload", "_waiting", "_where", "attempts"),
        *("error", "kept", "received", "response", "resumed_from", "saved_as", "sha256", "size"),
        *("total", "transfer", "url"),
    )

    def __init__(
        self,
        client: Client,
        url: str,
        sink: Target,
        *,
        method: str = "GET",
        headers: GivenFields = (),
        body: bytes | BinaryIO | None = None,
        resume: bool = False,
        sha256: str | None = None,
        retries: int | None = None,
        max_time_s: float | None = None,
        header_name: bool = False,
        on_head: OnDownload | None = None,
        on_progress: OnDownload | None = None,
        on_whole: OnDownload | None = None,
        on_done: OnDownload | None = None,
    ) -> None:
        if sha256 is not None and not is_sha256(sha256):
            raise ValueError(f"{sha256!r:.80} is no SHA-256: 64 hexadecimal digits, or -")
        most = client.retries if retries is None else retries
        path = os.fspath(sink) if isinstance(sink, (str, os.PathLike)) else None
        self._choices = Choices(
            client, sink, path, method, resume, sha256 and sha256.lower(), most,
            max_time_s, header_name, on_head, on_progress, on_whole, on_done,
        )  # fmt: skip
        self._set_up(url, headers, body)

    def _set_up(self, url: str, headers: GivenFields, body: bytes | BinaryIO | None) -> None:
        self.url = url
        self.response: Response | None = None
        self.transfer: Transfer | None = None
        self.error: Exception | None = None
        self.saved_as: str | None = None
        self.size = self.received = self.resumed_from = self.attempts = 0
        self.total: int | None = None
        self.kept: int | None = None
        self.sha256: str | None = None
        self._fields = pairs_of(headers)
        self._upload = None if body is None else Upload(body)
        self._began = self._choices.client.reactor.time()
        self._parsed: Url | None = None
        self._sink: Sink | None = None
        self._where = self._choices.path  # that the sink could not be opened
        self._rest = Rest()
        self._refused = False  # the answer is not what was asked for
        self._complete = False  # it says that all is there
        self._telling = False  # a callback runs, or has raised what comes to `_done`
        self._over = False
        self._digest: Any = None
        self._waiting: Any = None  # the timer of the next try
        self._tries = 0

    def like(self, url: str, headers: GivenFields, body: bytes | BinaryIO | None) -> Download:
        """A download of another URL with the same sink and choices, for callers that have many."""
        other = Download.__new__(Download)
        other._choices = self._choices
        other._set_up(url, headers, body)
        return other

    @property
    def method(self) -> str:
        return self._choices.method

    @property
    def text(self) -> str:
        """The URL as it may be shown: without a password."""
        return visible(self.url) if self._parsed is None else self._parsed.text

    @property
    def label(self) -> str:
        """The name of the file, or the URL where it has none."""
        return (None if self._sink is None else self._sink.label) or self.text

    # --- asking ---------------------------------------------------------------------------

    def start(self) -> None:
        """Ask. What is wrong with the URL or the sink is an ``error`` like all others."""
        try:
            self._parsed = Url.parse(self.url)
            self._sink = self._choices.open_sink(self._parsed)
            if self._choices.resume:
                self._sink.resume(self._parsed.text)
        except FetchError as error:
            self._fail_soon(error)
        except OSError as error:
            self._where = self._where or error.filename
            self._fail_soon(self._cannot_write(error))
        else:
            self._request()

    def cancel(self) -> int | None:
        """Give up, without a callback; what is ``kept``. Raises OSError: that cannot be kept."""
        self._over = True
        if self._waiting is not None:
            self._waiting.cancel()
        self._let_go()
        self._stop_sink()
        return self.kept

    def _request(self) -> None:
        if self.attempts:
            self.response = None
            self._refused = self._complete = False
        self.attempts += 1
        fields, part = self._fields, self._part()
        # RFC 9110 14.2: other methods know no ranges. What is sent is not sent for a part.
        if part is not None and self._choices.method == "GET" and self._upload is None:
            fields = fields + self._rest.fields(part.version, part.size)
        try:
            self.transfer = self._choices.client.request(
                self._choices.method,
                self._parsed or self.url,
                headers=fields,
                body=self._upload,
                max_time_s=self._choices.time_left(self._began),
                retries=self._choices.retries,
                tries=self._tries,
                on_head=self._head,
                on_body=self._body,
                on_done=self._done,
            )
        except FetchError as error:
            self._fail_soon(error)
        except LocalProtocolError as error:
            self._fail_soon(FetchError(f"that cannot be asked for: {error}", failures.EXIT_URL))
        except RuntimeError as error:  # closed, while this waited for its next try
            self._fail_soon(FetchError(str(error), failures.EXIT_CLOSED))

    def _part(self) -> Part | None:  # what the file holds so far
        return None if self._sink is None else self._sink.part

    # --- what comes -----------------------------------------------------------------------

    # What `_head` and `_body` raise ends the transfer, and comes to `_done`.

    def _head(self, head: Response, transfer: Transfer) -> None:
        self.response = head
        if self._rest.asked is not None and self._answers_range(head):
            return
        self._tell_head()
        if head.status >= 300 and self._is_error(head):
            self._refused = True
            transfer.discard()
        elif head.status == 206 and not self._user_sent("range"):
            self._let_go()
            self._fail(FetchError("a part came that was not asked for", failures.EXIT_PROTOCOL))
        else:
            self._begin(head)

    def _tell_head(self) -> None:
        if self._choices.on_head is not None:
            self._telling = True
            self._choices.on_head(self)
            self._telling = False

    def _answers_range(self, head: Response) -> bool:
        """Whether it is an answer to a request for the rest, and is seen to."""
        part = self._part()
        action = None if part is None else self._rest.judge(part.size, head)
        if action in (ResumeAction.ANEW, ResumeAction.BY_DATE):
            self._ask_again()
            return True
        if part is None or action not in (ResumeAction.CONTINUE, ResumeAction.COMPLETE):
            return False
        self._tell_head()
        self._complete = action is ResumeAction.COMPLETE
        self._go_on(part.size, head)
        return True

    def _begin(self, head: Response) -> None:
        """A whole body comes, from its first byte."""
        if (sink := self._sink) is None:
            return
        if self._choices.header_name:
            name = name_from_disposition(head.headers.get("content-disposition") or "")
            if name is not None:
                sink.rename(name)
        if self.size and not sink.keeps:
            sentence = "broke off, and what is written cannot be taken back"
            self._let_go()
            self._fail(FetchError(sentence, failures.EXIT_PARTIAL))
            return
        self.size = self.resumed_from = 0
        # What is decoded before it is saved has another length.
        self.total = None if self._choices.client.compressed else head.content_length
        self._digest = self._choices.new_hash()
        sink.begin(self.total, partial(Version.of, self.text, head))

    def _go_on(self, offset: int, head: Response) -> None:
        self.size = self.resumed_from = offset
        self.total = total_of(head)
        self._digest = self._choices.new_hash()
        if self._digest is not None and self._sink is not None:
            for data in self._sink.written():
                self._digest.update(data)

    def _ask_again(self) -> None:
        """The answer to a range is not believed: once more with the date, or for the whole."""
        self._let_go()
        self._request()

    def _body(self, data: Any) -> None:
        self.received += len(data)
        if self._complete or self._sink is None:
            return
        if self.resumed_from and self.total is not None and self.size + len(data) > self.total:
            self._rest.distrust()  # more than the rest of anything
            self._ask_again()
            return
        if self._digest is not None:
            self._digest.update(data)
        self._sink.write(data)
        self.size += len(data)
        if self._choices.on_progress is not None:
            self._telling = True
            self._choices.on_progress(self)
            self._telling = False

    def _done(self, error: Exception | None) -> None:
        try:
            if error is None:
                self._finish()
            elif isinstance(error, OSError) and not self._telling:
                self._fail(self._cannot_write(error))
            elif self._telling or not isinstance(error, FetchError) or not self._try_again(error):
                self._fail(error)
        except OSError as refused:
            if self._over:
                raise  # it is no sink's
            self._fail(self._cannot_write(refused))

    def _finish(self) -> None:
        if self.response is None or self._sink is None:
            self._fail(FetchError("no answer came", failures.EXIT_PROTOCOL))
        elif self._refused:
            self.received += 0 if self.transfer is None else self.transfer.received
            glimpse = b"" if self.transfer is None else self.transfer.glimpse
            said = f"{self.response.status}{reason_in(self.response, glimpse)}"
            self._fail(FetchError(f"the server answered {said}", failures.EXIT_HTTP))
        elif self._rest.asked is not None and self.resumed_from and self.total != self.size:
            self._fail(FetchError("the rest did not come whole", failures.EXIT_PARTIAL))
        elif self.response.status == 304:
            self._sink.discard()
            self._saved(None)
        elif self._digest is None or self._hash_is_right(self._sink):
            self._sink.finish(self._saved)
            if self._choices.on_whole is not None:
                self._choices.on_whole(self)

    def _hash_is_right(self, sink: Sink) -> bool:
        self.sha256 = self._digest.hexdigest()
        if self._choices.takes_hash(self.sha256):
            return True
        sink.discard()
        self._sink = None
        sentence = f"its SHA-256 is {self.sha256}: not the file that you want"
        self._fail(FetchError(sentence, failures.EXIT_CHECKSUM))
        return False

    def _saved(self, outcome: str | OSError | None) -> None:
        if isinstance(outcome, OSError):
            error = self._cannot_write(outcome)
            self._sink = None
            self._fail(error)
            return
        self._sink = None
        self.saved_as = outcome
        self._end()

    # --- another try, and the end ---------------------------------------------------------

    def _try_again(self, error: FetchError) -> bool:
        """Whether a body that broke off is asked for again: after the same pauses as all else."""
        self._rest.forget()
        transfer, left = self.transfer, self._choices.time_left(self._began)
        if (
            transfer is None
            or self.response is None  # then the transfer has tried again already
            or error.exit_code not in failures.PASSING_EXITS
            or not may_be_repeated(self._choices.method, self._upload)
            or (self._sink is not None and self.size and not self._sink.keeps)
            or (left is not None and left <= 0)
        ):
            return False
        pause = transfer.next_try(self._named(error).message)
        if pause is None:
            return False
        self._tries = transfer.tries
        self._waiting = self._choices.client.reactor.call_later(pause, self._request)
        return True

    def _let_go(self) -> None:
        if self.transfer is not None:
            self.transfer.cancel()

    def _is_error(self, head: Response) -> bool:
        """Whether an answer of 300 or above is not what was asked for; its body is no file then.

        A redirect that comes here leads nowhere; 304 is an answer to who asked for it.
        """
        return head.status != 304 or not self._user_sent("if-none-match", "if-modified-since")

    def _user_sent(self, *names: str) -> bool:
        return any(name.lower() in names for name, _ in self._fields)

    def _fail_soon(self, error: FetchError) -> None:
        self._choices.client.reactor.call_soon(self._fail, error)

    def _fail(self, error: Exception) -> None:
        if self._over:
            return
        self.error = self._named(error) if isinstance(error, FetchError) else error
        try:
            self._stop_sink()
        except OSError as refused:
            self.error = self._named(self._cannot_write(refused))
        self._end()

    def _stop_sink(self) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            self._where = sink.label or self._where
            sink.stop()
            if sink.keeps:
                self.kept = 0 if sink.part is None else sink.part.size

    def _end(self) -> None:
        if not self._over:
            self._over = True
            if self._choices.on_done is not None:
                self._choices.on_done(self)

    def _named(self, error: FetchError) -> FetchError:
        return failures.named_failure(error, self.url, self.text)

    def _cannot_write(self, error: OSError) -> FetchError:
        label = "" if self._sink is None else self._sink.label
        return failures.write_failure(self.text, label or self._where or self.text, error)
