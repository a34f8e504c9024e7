"""One transfer: a request, the redirects and tries that it takes, and its one end.

Knows what a response means for the transfer: to be delivered, followed, or asked for again. Body
bytes pass through on their way from the machine to the user's callback. After a head was given
to the user nothing is tried again here: only the user knows what became of the bytes, and asks
`next_try` when a new transfer may begin. The docstrings are in `_transfer.pyi`.
"""

cimport cython
from libc.stdint cimport int64_t

from reactor.parser._length cimport has_content
from reactor.parser._message cimport Response
from reactor.http._client cimport ClientMachine, Exchange
from reactor.loop._core cimport Loop

import time

import reactor.client.failures as failures
from reactor.client.refusal import TEXT_BYTES_MAX as _TEXT_BYTES_MAX
from reactor.client.request import PASSING as _PASSING
from reactor.client.request import pause_before
from reactor.errors import FetchError
from reactor.net import Inet

_GLIMPSE_BYTES = _TEXT_BYTES_MAX + 1  # one more tells that there is more

cdef enum:
    PIECE_BYTES = 64 * 1024  # decoding.PIECE_BYTES_MAX


@cython.nonecheck(True)
cdef class Transfer(Exchange):

    cdef readonly object asked
    cdef readonly int64_t received
    cdef object client
    cdef Loop loop
    cdef object on_head, on_body, on_done
    cdef object trace
    cdef object route, pool
    cdef ClientMachine machine          # None: no connection is its own
    cdef object peer
    cdef bytes message
    cdef object following               # the ClientRequest of a redirect, or the same again
    cdef object decoder
    cdef object decoding                # the pieces that come of what was received; None: no more
    cdef object deadline, timer         # TimerHandle or None
    cdef list redirected
    cdef dict steps                     # seconds of what its own connection took
    cdef double began, first_byte_s, total_s, pause_s
    cdef int64_t drained
    cdef bytes first_bytes              # of what nobody wants; None: nothing has come
    cdef readonly int tries             # after the first, as far as they count
    cdef int retries                    # how many may be made
    cdef bint unwanted                  # the body goes nowhere
    cdef bint queued                    # at the pool, for a connection
    cdef bint over, delivering
    cdef bint held                      # by its user: see `pause`
    cdef bint whole                     # all was received, while there is more to decode
    cdef bint decoding_soon             # it goes on in the next turn of the loop

    def __init__(self, client, asked, on_head, on_body, on_done, int retries, int tries=0):
        self.asked = asked
        self.retries = retries
        self.tries = tries
        self.client = client
        self.loop = client.reactor
        self.trace = client.trace
        self.on_head, self.on_body, self.on_done = on_head, on_body, on_done
        self.began = self.loop.time_now()
        self.first_byte_s = self.total_s = -1

    @property
    def url(self):
        return self.asked.url.text

    @property
    def glimpse(self):
        return self.first_bytes or b""

    @property
    def redirects(self):
        return [] if self.redirected is None else self.redirected

    @property
    def timings(self):
        if self.steps is None:
            self.steps = {}
        if self.first_byte_s >= 0:
            self.steps["first_byte"] = self.first_byte_s
        if self.total_s >= 0:
            self.steps["total"] = self.total_s
        return self.steps

    @property
    def address(self):
        return str(Inet(*self.peer[:2])) if isinstance(self.peer, tuple) else None

    # --- what its user asks ---------------------------------------------------------------

    def cancel(self):
        if not self.over:
            self.finish_up()
            self.let_go()

    def give_up(self, error):
        self.end(error)

    def pause(self):
        self.held = True
        if self.machine is not None:
            self.machine.pause()

    def resume(self):
        self.held = False
        if self.decoding is not None:
            self.decode_soon()
        elif self.machine is not None:
            self.machine.resume()

    def discard(self):
        self.unwanted = True

    def next_try(self, str failure, Response response=None):
        if self.tries >= self.retries or not self.asked.repeatable:
            return None
        pause = pause_before(self.tries + 1, response, self.client.limits, time.time())
        if pause is not None:
            self.tries += 1
            if self.client.note is not None:
                self.client.note(f"{failure}; trying again in {pause:.1f} s")
        return pause

    # --- its requests ---------------------------------------------------------------------

    def start(self, max_time_s):
        self.prepare()
        if max_time_s is not None:
            self.deadline = self.loop.call_later(max(max_time_s, 0.0), self._too_long)
        self._submit()

    cdef int prepare(self) except -1:
        self.message, self.route = self.client.writer.write(self.asked)
        return 0

    def _submit(self, fresh=False):
        self.queued = True
        # Anew each time: while this waited for its next try, an empty pool may have been forgotten.
        self.pool = self.client.pools.of(self.route)
        self.pool.submit(self, fresh)

    def begin_on(self, ClientMachine machine not None):
        self.machine = machine
        self.following = None
        self.drained = 0
        self.queued = False
        self.peer = machine.transport.get_extra_info("peername")
        if self.trace is not None:
            self.trace(self.message)
        upload = self.asked.upload
        machine.ask(
            self.asked.method, self.message, self, None if upload is None else upload.pieces())

    def not_connected(self, error):
        self.queued = False
        # A refusal is an answer; whatever else kept the connection from being made may pass.
        refused = isinstance(error.__cause__, ConnectionRefusedError)
        passing = error.exit_code in (failures.EXIT_CONNECT, failures.EXIT_TIMEOUT) and not refused
        pause = self.next_try(error.message) if passing else None
        if pause is None:
            self.end(error)
        else:
            self.timer = self.loop.call_later(pause, self._submit)

    # --- what the machine tells -----------------------------------------------------------

    cpdef interim_received(self, Response response):
        if self.trace is not None:
            self.trace(response)

    cpdef head_received(self, Response response):
        if self.trace is not None:
            self.trace(response)
        if self.client.cookies is not None:
            self.client.cookies.take(
                self.asked.url, response.headers.getall("set-cookie"), time.time())
        if response.status_code >= 300:  # a redirect, or what may pass
            try:
                self.following = self.what_follows(response)
            except FetchError as error:
                self.end(error)
                return
        if self.following is None:
            self.first_byte_s = self.loop.time_now() - self.began
            self.delivering = True
            try:
                self.deliver_head(response)
            except Exception as error:
                self.fail(error)
                return
        if response.status_code >= 300 and not self.over and self.is_too_long(response):
            if self.following is not None:
                self.let_go()
                self.go_on()
            elif self.unwanted:
                self.end(None)

    cdef object what_follows(self, Response response):
        """What is asked for when this response is over, instead of giving it to the user."""
        following = self.asked.redirected(response, self.client.limits, time.time())
        if following is not None:
            bound = self.client.limits.redirects_max
            if len(self.redirects) >= bound:
                raise FetchError(
                    f"{self.asked.url.text}: redirected more than {bound} times",
                    failures.EXIT_REDIRECTS)
            self.pause_s = 0
            return following
        if response.status_code in _PASSING:
            pause = self.next_try(
                f"{self.asked.url.text}: the server answered {response.status}", response)
            if pause is not None:
                self.pause_s = pause
                return self.asked
        return None

    cdef int deliver_head(self, Response response) except -1:
        if self.client.compressed and has_content(self.asked.method, response.status_code):
            from reactor.client.decoding import decoder_for  # only who decodes loads zlib

            self.decoder = decoder_for(
                response.headers.getall("content-encoding"), self.client.limits)
        self.on_head(response, self)
        return 0

    cpdef body_received(self, data):
        if self.following is not None:
            if self.is_drained(data):
                self.let_go()
                self.go_on()
            return
        self.received += len(data)
        if self.over:
            return
        if self.unwanted:
            if self.first_bytes is None:
                self.first_bytes = bytes(data[:_GLIMPSE_BYTES])
            elif len(self.first_bytes) < _GLIMPSE_BYTES:
                self.first_bytes += bytes(data[:_GLIMPSE_BYTES])
            if self.is_drained(data):
                self.end(None)
            return
        try:
            if self.decoder is None:
                self.on_body(data)
            else:
                self.decoding = self.decoder.feed(data)
                self.deliver_decoded()
        except Exception as error:
            self.fail(error)

    cdef bint is_too_long(self, Response response) except -1:
        """Whether a body that nobody wants is so long that a new connection costs less."""
        return (has_content(self.asked.method, response.status_code)
                and response.facts.content_length > self.client.limits.drain_bytes_max)

    cdef bint is_drained(self, object data) except -1:
        """The same of one whose length only its end tells."""
        self.drained += len(data)
        return self.drained > self.client.limits.drain_bytes_max

    cdef int deliver_decoded(self) except -1:
        """Some of what comes of a read: it may be a thousand times as much, and others wait."""
        cdef Py_ssize_t left = self.client.limits.decoded_per_turn_max
        for piece in self.decoding:
            if piece:
                self.on_body(piece)
            if self.over or self.unwanted:
                break
            left -= len(piece) or PIECE_BYTES  # empty: as much as a piece was gone through
            if left <= 0 or self.held:
                if self.machine is not None:
                    self.machine.pause()
                return 0 if self.held else self.decode_soon()
        self.decoding = None
        return 0

    cdef int decode_soon(self) except -1:
        if not self.decoding_soon:
            self.decoding_soon = True
            self.loop.call_soon(self._decode_on)
        return 0

    def _decode_on(self):
        self.decoding_soon = False
        if self.over or self.held:
            return
        try:
            self.deliver_decoded()
        except Exception as error:
            self.fail(error)
        if self.over or self.held or self.decoding is not None:
            return
        if self.whole:
            self.end_decoded()
        elif self.machine is not None:
            self.machine.resume()

    cpdef completed(self, trailers):
        self.machine = None
        if self.following is not None:
            self.go_on()
        elif self.decoding is not None:
            self.whole = True
        else:
            self.end_decoded()

    cdef int end_decoded(self) except -1:
        try:
            if self.decoder is not None and not self.unwanted:
                self.decoder.finish()
        except FetchError as error:
            return self.end(error)
        return self.end(None)

    cpdef failed(self, error):
        machine, self.machine = self.machine, None
        if self.over:
            return
        response_begun = machine is not None and machine.response_begun
        if self.following is not None:
            self.go_on()  # its head was all that mattered
        elif self.unwanted:
            self.end(None)  # so it was here
        elif (not response_begun and machine is not None and machine.served
                and not isinstance(error, TimeoutError) and self.asked.repeatable):
            # RFC 9112 9.3.1: the server had closed a connection that was idle. No fault, no try.
            self._submit(fresh=True)
        else:
            url = self.asked.url
            failure = failures.transfer_failure(
                url.text, url.where, error, response_begun, self.delivering)
            failure.__cause__ = error
            self.end(failure)

    # --- how it goes on, and ends ---------------------------------------------------------

    cdef int go_on(self) except -1:
        """Ask the next, after a pause if there has to be one."""
        following, self.following = self.following, None
        if following is None:
            return 0
        if self.pause_s:
            self.timer = self.loop.call_later(self.pause_s, self._submit)
            return 0
        if following is not self.asked:
            if self.redirected is None:
                self.redirected = []
            self.redirected.append(self.asked.url.text)
            self.asked = following
            try:
                self.prepare()
            except Exception as error:  # a Location that no request can be made of
                return self.end(error)
        self._submit()
        return 0

    def _too_long(self):
        text = self.asked.url.text
        self.end(FetchError(
            f"{text}: it took longer than the time that it was given", failures.EXIT_TIMEOUT))

    cdef int fail(self, object error) except -1:
        """What the user's code raises ends the transfer, and is told to the user."""
        if self.over:
            raise error  # there is nobody to be told any more
        return self.end(error)

    cdef int end(self, object error) except -1:
        if not self.over:
            on_done = self.on_done
            self.finish_up()
            self.let_go()
            on_done(error)
        return 0

    cdef int finish_up(self) except -1:
        self.over = True
        # The maker of the callbacks may hold the transfer: what is over is in no cycle, so its
        # memory is free at once, and ten thousand of them take no more than one.
        self.on_head = self.on_body = self.on_done = self.decoding = None
        self.total_s = self.loop.time_now() - self.began
        if self.deadline is not None:
            self.deadline.cancel()
        if self.timer is not None:
            self.timer.cancel()
        self.client.ended(self)
        return 0

    cdef int let_go(self) except -1:
        """Give up the connection, or the wait for one."""
        machine, self.machine = self.machine, None
        if machine is not None:
            machine.cancel()
        elif self.queued:
            self.queued = False
            self.pool.withdraw(self)
        return 0
