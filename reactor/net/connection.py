"""One connection: bytes in, bytes out, and how it ends.

It is a `Handler` to the loop and a `Transport` to its protocol. What the protocol
writes during a read leaves when the read is over, in one send; what it writes at
other times leaves at the end of the turn. EVENT_WRITE is wanted only after a send
that left something over.

    OPEN ──close()──> FLUSHING ──all sent──> LINGERING ──EOF, time, bytes──> CLOSED
      └──────────── abort(), error, time-out of a stalled peer ──────────────┘

LINGERING: our end is sent, the peer's last bytes are read and dropped. If the
socket were closed with unread bytes in it, the kernel would send a reset, and
the reset would destroy what the peer has not read yet (RFC 9112 section 9.6).
"""

from __future__ import annotations

import enum
import errno
import socket
from collections.abc import Callable
from typing import Any, BinaryIO

from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.loop import Deadline, Loop
from reactor.loop.core import EVENT_READ, EVENT_WRITE
from reactor.net.outgoing import FileRegion, Outgoing
from reactor.net.protocol import Protocol, Transport, reset_on_close


class State(enum.Enum):
    OPEN = enum.auto()
    FLUSHING = enum.auto()
    LINGERING = enum.auto()
    CLOSED = enum.auto()


class Connection(Transport):
    """Carries ``protocol`` over a connected, non-blocking socket, which it owns.

    ``on_closed(connection)`` is called once, after `Protocol.connection_lost`.
    """

    __slots__ = (
        "_deadline",
        "_eof_seen",
        "_eof_sent",
        "_eof_wanted",
        "_flush_planned",
        "_high",
        "_limits",
        "_linger_bytes",
        "_loop",
        "_low",
        "_on_closed",
        "_outgoing",
        "_peer",
        "_producer_paused",
        "_reading",
        "_registration",
        "_sock",
        "_stall",
        "_state",
        "protocol",
    )

    def __init__(
        self,
        loop: Loop,
        sock: socket.socket,
        protocol: Protocol,
        peer: Any,
        limits: Limits = DEFAULT_LIMITS,
        on_closed: Callable[[Connection], object] | None = None,
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._peer = peer
        self._limits = limits
        self._on_closed = on_closed
        self.protocol = protocol
        self._state = State.OPEN
        self._outgoing = Outgoing()
        self._high = limits.write_high_water_bytes
        self._low = limits.write_low_water_bytes
        self._reading = True
        self._eof_seen = False
        self._eof_wanted = False
        self._eof_sent = False
        self._producer_paused = False
        self._flush_planned = False
        self._linger_bytes = 0
        self._deadline: Deadline | None = None
        self._stall: Deadline | None = None
        self._registration = loop.register(sock, 0, self)

    def open(self) -> None:
        """Tell the protocol, and begin to read."""
        self._loop.modify(self._registration, EVENT_READ)
        self._call_protocol("connection_made", self)

    # --- events of the loop ----------------------------------------------------------------

    def on_readable(self) -> None:
        # Whatever the protocol writes from here on leaves below, in one send.
        self._flush_planned = True
        try:
            data = self._receive()
        except BlockingIOError:
            pass
        except OSError as error:
            self._close_now(error)
        else:
            self._received(data)
        self._flush()

    def on_writable(self) -> None:
        self._flush()

    def _receive(self) -> bytes:
        scratch = self._loop.scratch
        return bytes(scratch[: self._sock.recv_into(scratch)])

    def _received(self, data: bytes) -> None:
        if self._state is State.LINGERING:
            self._linger_bytes += len(data)
            if not data or self._linger_bytes > self._limits.linger_bytes_max:
                self._close_now(None)
        elif data:
            self._call_protocol("data_received", data)
        else:
            self._eof_seen = True
            self.pause_reading()
            if not self._call_protocol("eof_received"):
                self.close()

    def _flush(self) -> None:
        self._flush_planned = False
        try:
            sent = self._outgoing.send(self._sock, self._limits.write_per_turn_bytes_max)
        except OSError as error:
            self._close_now(error)
            return
        if self._state is State.CLOSED:
            return
        self._watch_for_stall(progress=sent > 0)
        if self._producer_paused and self._outgoing.size <= self._low:
            self._producer_paused = False
            self._call_protocol("resume_writing")
        if not self._outgoing.size:
            self._all_sent()
        self._update_events(want_write=bool(self._outgoing.size))

    def _plan_flush(self) -> None:
        if not self._flush_planned:
            self._flush_planned = True
            self._loop.call_soon(self._flush)

    def _all_sent(self) -> None:
        if self._state is State.FLUSHING:
            if self._eof_seen:
                self._close_now(None)  # the peer has sent its end: nothing can come any more
            else:
                self._linger()
        elif self._eof_wanted:
            self._send_eof()

    def _linger(self) -> None:
        self._send_eof()
        if self._state is State.FLUSHING:
            self._state = State.LINGERING
            self._reading = True
            self._own_deadline().set(self._limits.linger_timeout_s)

    def _send_eof(self) -> None:
        if not self._eof_sent:
            self._eof_sent = True
            try:
                self._sock.shutdown(socket.SHUT_WR)
            except OSError as error:
                self._close_now(error)

    def _watch_for_stall(self, progress: bool) -> None:
        if self._outgoing.size:
            if self._stall is None:
                self._stall = Deadline(self._loop, self._stalled)
                progress = True
            if progress:
                self._stall.set(self._limits.write_timeout_s)
        elif self._stall is not None:
            self._stall.clear()

    def _stalled(self) -> None:
        self._close_now(TimeoutError(errno.ETIMEDOUT, "the peer takes nothing of what is sent"))

    def _update_events(self, want_write: bool | None = None) -> None:
        if self._state is State.CLOSED:
            return
        if want_write is None:
            want_write = bool(self._registration.events & EVENT_WRITE)
        events = (EVENT_READ if self._reading else 0) | (EVENT_WRITE if want_write else 0)
        self._loop.modify(self._registration, events)

    # --- Transport: writing ----------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._check_not_half_closed()
        if self._state is not State.OPEN:
            return  # as asyncio does: the protocol learns of the end by connection_lost
        self._outgoing.append(data)
        self._wrote()

    def sendfile(self, file: BinaryIO, offset: int, count: int) -> None:
        self._check_not_half_closed()
        if self._state is not State.OPEN or not count:
            file.close()
            return
        self._outgoing.append_file(FileRegion(file, offset, count))
        self._wrote()

    def _wrote(self) -> None:
        # After a short send the selector says when to go on.
        if not self._registration.events & EVENT_WRITE:
            self._plan_flush()
        if self._outgoing.size > self._high and not self._producer_paused:
            self._producer_paused = True
            self._call_protocol("pause_writing")

    def write_eof(self) -> None:
        self._eof_wanted = True
        if not self._outgoing.size and self._state is State.OPEN:
            self._send_eof()

    def _check_not_half_closed(self) -> None:
        if self._eof_wanted:
            raise RuntimeError("nothing can be written after write_eof")

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = self._limits.write_high_water_bytes if high is None else high
        self._low = self._high // 4 if low is None else low
        if not 0 <= self._low <= self._high:
            raise ValueError(f"0 <= low <= high does not hold for {self._low} and {self._high}")

    def get_write_buffer_size(self) -> int:
        return self._outgoing.size

    # --- Transport: reading ----------------------------------------------------------------

    def pause_reading(self) -> None:
        if self._state is State.OPEN:
            self._reading = False
            self._update_events()

    def resume_reading(self) -> None:
        if self._state is State.OPEN and not self._eof_seen:
            self._reading = True
            self._update_events()

    def is_reading(self) -> bool:
        return self._state is State.OPEN and self._reading

    # --- Transport: time, turns, facts -----------------------------------------------------

    def set_deadline(self, seconds: float | None) -> None:
        if self._state is not State.OPEN:
            return
        if seconds is not None:
            self._own_deadline().set(seconds)
        elif self._deadline is not None:
            self._deadline.clear()

    def extend_deadline(self, seconds: float, at_most: float) -> None:
        if self._state is State.OPEN:
            self._own_deadline().extend(seconds, at_most)

    def _own_deadline(self) -> Deadline:
        if self._deadline is None:
            self._deadline = Deadline(self._loop, self._deadline_expired)
        return self._deadline

    def _deadline_expired(self) -> None:
        if self._state is State.LINGERING:
            self._close_now(None)
        elif self._state is State.OPEN:
            self._call_protocol("deadline_expired")

    def call_soon(self, callback: Callable[[], object]) -> None:
        self._loop.call_soon(self._call_user, callback)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        match name:
            case "peername":
                return self._peer
            case "socket":
                return self._sock
            case "sockname":
                return self._sock.getsockname() if self._state is not State.CLOSED else default
            case _:
                return default

    # --- the end ---------------------------------------------------------------------------

    def is_closing(self) -> bool:
        return self._state is not State.OPEN

    def close(self) -> None:
        if self._state is not State.OPEN:
            return
        self._state = State.FLUSHING
        self._reading = False
        if self._deadline is not None:
            self._deadline.clear()
        self._update_events()
        # Even with nothing to send: the peer's end may be waited for only from the loop.
        if not self._registration.events & EVENT_WRITE:
            self._plan_flush()

    def finish(self) -> None:
        """End after what is under way: the protocol's ``finish()``, if it has one, decides."""
        if hasattr(self.protocol, "finish"):
            self._call_protocol("finish")
        else:
            self.close()

    def abort(self) -> None:
        reset_on_close(self._sock)
        self._close_now(None)

    def _close_now(self, error: Exception | None) -> None:
        if self._state is State.CLOSED:
            return
        self._state = State.CLOSED
        if self._outgoing.size:
            reset_on_close(self._sock)
        self._outgoing.clear()
        for deadline in (self._deadline, self._stall):
            if deadline is not None:
                deadline.cancel()
        self._loop.unregister(self._registration)
        self._loop.close_at_turn_end(self._sock)
        # Not from here: the protocol may be in the middle of the call that led to this.
        self._loop.call_soon(self._lost, error)

    def _lost(self, error: Exception | None) -> None:
        self._call_protocol("connection_lost", error)
        if self._on_closed is not None:
            self._on_closed(self)

    # --- user code is called on these lines only -------------------------------------------

    def _call_protocol(self, method: str, *args: object) -> object:
        # An asyncio.Protocol subclass has no deadline_expired; ours may leave out any method.
        callback = getattr(self.protocol, method, None)
        return None if callback is None else self._call_user(callback, *args)

    def _call_user(self, callback: Callable[..., object], *args: object) -> object:
        try:
            return callback(*args)
        except Exception as exception:
            self._loop.report(exception, f"calling {callback!r} for {self._peer or 'a peer'}")
            self._close_now(exception)
            return None
