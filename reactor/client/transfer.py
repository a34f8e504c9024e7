"""One transfer: a request, the redirects and tries that it takes, and its one end.

Knows what a response means for the transfer: to be delivered, followed, or asked for again. Body
bytes pass through on their way from the machine to the user's callback. After a head was given
to the user nothing is tried again here: only the user knows what became of the bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from reactor._message import Headers, Response
from reactor.client.asked import PASSING, Asked, pause_before
from reactor.client.failures import (
    EXIT_CONNECT,
    EXIT_REDIRECTS,
    EXIT_TIMEOUT,
    transfer_failure,
)
from reactor.client.opening import Way
from reactor.client.pool import Pool, PooledMachine
from reactor.errors import FetchError
from reactor.http._client import Exchange
from reactor.loop.timers import TimerHandle
from reactor.net import Inet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from reactor.client.decoding import Decoder
    from reactor.client.shared import Shared
    from reactor.client.writing import Writer

    class Owner(Shared, Protocol):
        """Whose transfers these are."""

        writer: Writer

        def pool(self, way: Way) -> Pool: ...
        def ended(self, transfer: Transfer) -> None: ...


OnHead = Callable[[Response, "Transfer"], object]
OnBody = Callable[[bytes], object]
OnDone = Callable[[Exception | None], object]


class Transfer(Exchange):
    """A transfer under way: what `Client.request` returns.

    ``on_done`` gets None, a FetchError, or what ``on_head`` or ``on_body`` raised.
    """

    def __init__(
        self, client: Owner, asked: Asked, on_head: OnHead, on_body: OnBody, on_done: OnDone
    ) -> None:
        self.asked = asked
        #: The URLs that redirected, in order.
        self.redirects: list[str] = []
        #: Seconds: "dns", "connect", "tls" of its own connection; "first_byte" and "total" since
        #: the transfer began.
        self.timings: dict[str, float] = {}
        #: Bytes of the body as they came, before any decoding.
        self.received = 0
        self._client = client
        self._on_head, self._on_body, self._on_done = on_head, on_body, on_done
        self._peer: Any = None
        self._pool: Pool | None = None
        self._queued = False  # at the pool, for a connection
        self._machine: PooledMachine | None = None
        self._over = self._delivering = False
        self._message = b""
        self._tries = 0
        self._next: Asked | None = None  # a redirect, or the same again
        self._pause_s = 0.0
        self._drained = 0
        self._decoder: Decoder | None = None
        self._deadline: TimerHandle | None = None
        self._timer: TimerHandle | None = None
        self._began = client.reactor.time()

    @property
    def url(self) -> str:
        """Where the transfer is now, after redirects; without a password."""
        return self.asked.url.text

    @property
    def address(self) -> str | None:
        """Whom the last request was sent to, "HOST:PORT"."""
        return str(Inet(*self._peer[:2])) if isinstance(self._peer, tuple) else None

    # --- what its user asks ---------------------------------------------------------------

    def cancel(self) -> None:
        """Give up; there are no more callbacks. Idempotent."""
        if not self._over:
            self._finish_up()
            self._let_go()

    def pause(self) -> None:
        """No more ``on_body`` until `resume`: the server is made to wait. It may be called in a
        callback; what is being decoded still comes."""
        if self._machine is not None:
            self._machine.pause()

    def resume(self) -> None:
        if self._machine is not None:
            self._machine.resume()

    # --- its requests ---------------------------------------------------------------------

    def start(self, max_time_s: float | None) -> None:
        """Raises FetchError or LocalProtocolError for what cannot be asked for."""
        self._prepare()
        if max_time_s is not None:
            self._deadline = self._client.reactor.call_later(max(max_time_s, 0.0), self._too_long)
        self._submit()

    def _prepare(self) -> None:
        self._message, way = self._client.writer.write(self.asked)
        self._pool = self._client.pool(way)

    def _submit(self, fresh: bool = False) -> None:
        if self._pool is not None:
            self._queued = True
            self._pool.submit(self, fresh)

    def begin_on(self, machine: PooledMachine) -> None:
        """The pool has a connection."""
        self._machine = machine
        self._next = None
        self._drained = 0
        self._queued = False
        self._peer = machine.transport.get_extra_info("peername")
        upload = self.asked.upload
        if self._client.trace is not None:
            self._client.trace(self._message)
        machine.send(
            self.asked.method,
            self._message,
            self,
            None if upload is None else upload.pieces(),
        )

    def not_connected(self, error: FetchError) -> None:
        self._queued = False
        # A refusal is an answer; whatever else kept the connection from being made may pass.
        refused = isinstance(error.__cause__, ConnectionRefusedError)
        passing = error.exit_code in {EXIT_CONNECT, EXIT_TIMEOUT} and not refused
        if passing and self._may_try_again():
            self._tries += 1
            pause = pause_before(self._tries, None, self._client.limits)
            self._timer = self._client.reactor.call_later(pause or 0.0, self._submit)
        else:
            self._end(error)

    # --- what the machine tells -----------------------------------------------------------

    def head_received(self, response: Response) -> None:
        if self._client.trace is not None:
            self._client.trace(response)
        try:
            self._next = self._what_follows(response)
        except FetchError as error:
            self._end(error)
            return
        if self._next is None:
            self.timings["first_byte"] = self._client.reactor.time() - self._began
            self._delivering = True
            self._guarded(self._deliver_head, response)

    def _what_follows(self, response: Response) -> Asked | None:
        """What is asked for when this response is over, instead of giving it to the user."""
        following = self.asked.redirected(response)
        if following is not None:
            if len(self.redirects) >= self._client.limits.redirects_max:
                raise FetchError(
                    f"{self.asked.url.text}: redirected more than "
                    f"{self._client.limits.redirects_max} times",
                    EXIT_REDIRECTS,
                )
            self._pause_s = 0.0
            return following
        if response.status in PASSING and self._may_try_again():
            pause = pause_before(self._tries + 1, response, self._client.limits, time.time())
            if pause is not None:
                self._tries += 1
                self._pause_s = pause
                return self.asked
        return None

    def _deliver_head(self, response: Response) -> None:
        if self._client.compressed and self.asked.method != "HEAD" and response.status != 304:
            from reactor.client.decoding import decoder_for  # only who decodes loads zlib

            self._decoder = decoder_for(response.headers.get("content-encoding"))
        self._on_head(response, self)

    def body_received(self, data: bytes) -> None:
        if self._next is not None:
            self._drained += len(data)
            if self._drained > self._client.limits.drain_bytes_max:
                self._let_go()  # a new connection costs less than the rest
                self._go_on()
            return
        self.received += len(data)
        if self._decoder is not None:
            self._guarded(self._deliver_decoded, data)
        elif not self._over:
            try:
                self._on_body(data)
            except Exception as error:
                self._end(error)

    def _deliver_decoded(self, data: bytes) -> None:
        if self._decoder is not None:
            for piece in self._decoder.feed(data):
                if self._over:
                    return
                self._on_body(piece)

    def completed(self, trailers: Headers) -> None:
        self._machine = None
        if self._next is not None:
            self._go_on()
            return
        try:
            if self._decoder is not None:
                self._decoder.finish()
        except FetchError as error:
            self._end(error)
            return
        self._end(None)

    def failed(self, error: Exception) -> None:
        machine, self._machine = self._machine, None
        if self._over:
            return
        heard = machine is not None and machine.heard
        if self._next is not None:
            self._go_on()  # its head was all that mattered
        elif (
            not heard
            and machine is not None
            and machine.served
            and not isinstance(error, TimeoutError)
            and self.asked.repeatable
        ):
            # RFC 9112 9.3.1: the server had closed a connection that was idle. No fault, no try.
            self._submit(fresh=True)
        else:
            url = self.asked.url
            told = transfer_failure(url.text, url.where, error, heard, self._delivering)
            told.__cause__ = error
            self._end(told)

    # --- how it goes on, and ends ---------------------------------------------------------

    def _go_on(self) -> None:
        """Ask the next, after a pause if there has to be one."""
        following, self._next = self._next, None
        if following is None:
            return
        if self._pause_s:
            self._timer = self._client.reactor.call_later(self._pause_s, self._submit)
            return
        if following is not self.asked:
            self.redirects.append(self.asked.url.text)
            self.asked = following
            try:
                self._prepare()
            except Exception as error:  # a Location that no request can be made of
                self._end(error)
                return
        self._submit()

    def _may_try_again(self) -> bool:
        return self._tries < self._client.retries and self.asked.repeatable

    def _too_long(self) -> None:
        url = self.asked.url
        self._end(
            FetchError(f"{url.text}: it took longer than the time that it was given", EXIT_TIMEOUT)
        )

    def _guarded(self, callback: Callable[[Any], object], argument: Any) -> None:
        """What the user's code raises ends the transfer, and is told to the user."""
        if not self._over:
            try:
                callback(argument)
            except Exception as error:
                self._end(error)

    def _end(self, error: Exception | None) -> None:
        if not self._over:
            on_done = self._on_done
            self._finish_up()
            self._let_go()
            on_done(error)

    def _finish_up(self) -> None:
        self._over = True
        # Whoever made the callbacks holds the transfer, maybe: what is over is in no cycle, so its
        # memory is free at once, and ten thousand of them take no more than one.
        self._on_head = self._on_body = self._on_done = _nobody
        self.timings["total"] = self._client.reactor.time() - self._began
        if self._deadline is not None:
            self._deadline.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._client.ended(self)

    def _let_go(self) -> None:
        """Give up the connection, or the wait for one."""
        machine, self._machine = self._machine, None
        if machine is not None:
            machine.cancel()
        elif self._queued and self._pool is not None:
            self._queued = False
            self._pool.withdraw(self)


def _nobody(*_: object) -> None:
    """Is told nothing any more."""
