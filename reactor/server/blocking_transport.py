"""A `Transport` over a blocking socket: the same protocols, in a thread of their own.

    serve ─> connection_made ─> recv ─> data_received ─> ... ─> linger ─> close ─> connection_lost

What a protocol writes is with the kernel when `write` returns. Deadlines are the time-outs of
the socket. What other threads may call is said to be for them.

Must never know: who accepts, and how many there are.
"""

from __future__ import annotations

import errno
import math
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from reactor._protocol import is_python, seconds_checked, write_buffer_marks
from reactor.errors import RemoteProtocolError, TruncatedFileError, is_of_its_code
from reactor.limits import DEFAULT_LIMITS, Limits
from reactor.log import report
from reactor.net import Protocol, Transport, reset_on_close
from reactor.net._socket import has_input, unacknowledged
from reactor.net._timed import charged
from reactor.net.proxied import Refusals, introduced, receive_header
from reactor.process._forked import end_if_forked

_FILE_PIECE = 1024 * 1024


class BlockingTransport(Transport):
    """A `Transport` whose writes block until the kernel has taken them."""

    def __init__(
        self, sock: socket.socket, protocol: Protocol, peer: Any, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self._sock = sock
        self.set_protocol(protocol)
        self._peer = peer
        self._limits = limits
        self._marks = limits.write_low_water_bytes, limits.write_high_water_bytes
        self._half_closed = self._finishing = self._giving_way = self._only_waits = False
        self._reading = self._lingers = True
        self._closing = self._aborted = self._eof_seen = False
        self._deadline: float | None = None
        self._since = time.monotonic()  # when that was set
        self._held: bytearray | None = None  # what was written since `cork`
        self._soon: deque[Callable[[], object]] = deque()
        self._queued: int | None = None  # what the kernel had when it took no more; None: not known
        self._paid = 0.0  # what its time-outs have cost the peer
        self._called: threading.Event | None = None  # while somebody waits for a call

    def introduce(self, version: str, refusals: Refusals) -> bool:
        """Receive the header of the PROXY protocol; false: it did not come, and all is closed."""
        self._only_waits = True
        try:
            header = receive_header(self._sock, version, self._limits)
        except (OSError, RemoteProtocolError) as error:
            refusals.say(self._peer, error)
            self.bury()
            return False
        self._only_waits = False
        self._peer, self.arrival = introduced(self._peer, header)
        return True

    def serve(self) -> None:
        """The life of a connection, in the thread that is its own."""
        error: BaseException | None = None
        try:
            self._sock.settimeout(self._limits.write_timeout_s)
            self._tell("connection_made", self)
            self._serve_until_closing()
            end_if_forked()
            self._linger()
        except TruncatedFileError as cut:
            # The peer gets what was sent, and an end that comes too early says that it is broken.
            error = cut
            self._linger()
        except OSError as lost:
            error = lost
            if lost.errno == errno.EBADF:
                self._sock.detach()  # the application has closed it: the number may be another's
        except BaseException as failed:
            # A SystemExit too: what an application raises ends its connection.
            error = failed
        end_if_forked(error)
        self._closing = True
        of_users = self._users and is_of_its_code(error)
        if of_users and error is not None:
            report(error, f"serving {self._peer!r}")
            # What a user's protocol wrote before it raised arrives, as with asyncio. One of ours
            # has its own way to end an answer that is a part, and this is a fault of it.
            self._linger()
        elif not (error is None or isinstance(error, TruncatedFileError)):
            self._aborted = True
        if self._aborted:
            reset_on_close(self._sock.fileno())
        with suppress(OSError):  # close(2): its number is free all the same
            self._sock.close()
        # Only now: to say it takes memory, which may be what there is not.
        if not (error is None or of_users or isinstance(error, OSError)):
            report(error, f"serving {self._peer!r}")
        try:
            self._tell("connection_lost", error)
        except BaseException as failed:
            report(failed, f"ending the connection of {self._peer!r}")

    # --- for other threads -------------------------------------------------------------------

    def finish(self) -> None:
        """Make the connection end after the response under way."""
        # The thread that reads gets what has come, then the end, as if the client had half-closed.
        self._finishing = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RD)
        self._wake()

    def give_way(self) -> None:
        """Make the connection end for another; who has asked meanwhile is answered first."""
        self._giving_way = True
        self.finish()

    def finish_idle(self) -> None:
        """`finish`, if nothing is under way, or nobody can know whether it is."""
        if self.idle or self._tell("is_idle") is None:
            self.finish()

    def cut(self) -> None:
        """End it by reset, as soon as its thread or the process ends."""
        self._aborted = self._closing = True
        with suppress(OSError):  # it has ended
            reset_on_close(self._sock.fileno())
        if not self._users:
            self._tell("cut_off")
        self._wake()

    def bury(self) -> None:
        """The end of one that nobody serves any more."""
        with suppress(OSError):
            self._sock.close()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way, as the protocol's ``is_idle()`` says, if it has one."""
        return not self._closing and bool(self._tell("is_idle"))

    @property
    def waits_since(self) -> float:
        """When its deadline was set: who is closed for others is closed in this order."""
        return -math.inf if self._only_waits else self._since

    @property
    def gives_way(self) -> bool:
        """Whether it may be closed for another: it is idle, or has only waited for long enough."""
        if not self._only_waits:
            return self.idle and not self._giving_way
        # The peer has our last bytes, and sends no more, so no reset can take anything back.
        waited = self.waited() >= self._limits.silent_grace_s
        return waited and unacknowledged(self._sock.fileno()) == 0

    @property
    def under_way(self) -> bool:
        return not self._closing and not self.idle

    # --- the life of the connection ----------------------------------------------------------

    def _serve_until_closing(self) -> None:
        while not self._closing:
            if self._soon:
                self._soon.popleft()()
                # A call that plans the next one for ever is no reason not to see the peer's end.
                if self._soon and self._reading and not self._closing and self.has_input():
                    self._read()
            elif not self._reading or self._eof_seen:
                end_if_forked()
                if not self._wait_for_a_call():
                    return  # nothing can happen any more
            else:
                self._read()

    def _wait_for_a_call(self) -> bool:
        """Wait for a `call_soon` from the thread of another connection, as long as the deadline
        lets it; false if there is no deadline, so that nobody has promised a call. A user's
        protocol that has paused is waited for until a stop: another thread may resume it."""
        left = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        if self._reading or (left is None and (not self._users or self._finishing)):
            return False
        self._called = threading.Event()
        ended = self._soon or self._reading or self._closing or (left is None and self._finishing)
        if not ended and not self._called.wait(left):
            self._deadline = None
            self._tell("deadline_expired")
        return True

    def _read(self) -> None:
        end_if_forked()
        buffer = self._protocol.get_buffer(-1) if self._buffered else None
        try:
            data = self._receive(buffer)
        except TimeoutError:
            self._deadline = None
            self._sock.settimeout(self._limits.write_timeout_s)
            self._tell("deadline_expired")
            return
        self._sock.settimeout(self._limits.write_timeout_s)
        if isinstance(data, bytes) and data:
            self._tell("data_received", data)  # it may have none
        elif data:
            self._protocol.buffer_updated(data)
        else:
            self._eof_seen = True
            if self._giving_way and self.idle:
                self.close(linger=False)
                return
            if self._finishing:
                self._tell("finish")  # here, since a protocol is its own thread's
            if not self._tell("eof_received"):
                self.close()
        self.uncork()

    def _receive(self, buffer: Any) -> bytes | int:
        """What came; of a BufferedProtocol, how much of its buffer that fills."""
        try:
            self._sock.settimeout(self._seconds_left())
            return self._receive_into(buffer)
        except TimeoutError:
            # A client that asked in time is answered, though the process was stopped since, or
            # busy: what is there is read before a deadline is over.
            self._sock.settimeout(0)
            try:
                return self._receive_into(buffer)
            except BlockingIOError:
                raise TimeoutError from None

    def _receive_into(self, buffer: Any) -> bytes | int:
        if buffer is None:
            return self._sock.recv(self._limits.read_bytes_max)
        if not len(buffer):
            raise RuntimeError("get_buffer() returned an empty buffer")
        return self._sock.recv_into(buffer)

    def _seconds_left(self) -> float | None:
        if self._deadline is None:
            return None
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _linger(self) -> None:
        """Read the peer's last bytes: unread ones would make the kernel send a reset."""
        if self._eof_seen or self._aborted or not self._lingers:
            return
        # Everything was sent: what fails from here on must not become a reset, which would take
        # back what a slow peer has not read yet.
        with suppress(OSError):
            self._drop_last_bytes()

    def _drop_last_bytes(self) -> None:
        limits = self._limits
        end = time.monotonic() + limits.linger_time_s
        self.set_deadline(limits.linger_timeout_s)
        self._only_waits = True
        self._sock.shutdown(socket.SHUT_WR)
        while True:
            self._sock.settimeout(self._seconds_left())
            if not (dropped := len(self._sock.recv(limits.read_bytes_max))):
                return
            self._since = time.monotonic()
            latest = min(limits.linger_timeout_s, end - self._since)
            self.extend_deadline(dropped / limits.linger_rate_min, latest)

    def _tell(self, method: str, *args: object) -> object:
        callback = getattr(self._protocol, method, None)
        return None if callback is None else callback(*args)

    # --- Transport -------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._half_closed:
            raise RuntimeError("nothing can be written after write_eof")
        if self._closing:
            return
        if self._held is not None:
            self._held += data
            return
        # Not sendall: its time-out is for all of the data, and a slow peer is no stalled one.
        sent = self._send(data)
        while sent < len(data):
            with memoryview(data) as view, view[sent:] as rest:
                sent += self._send(rest)

    def cork(self) -> int:
        if self._held is None:
            self._held = bytearray()
        return 0

    def uncork(self) -> int:
        held, self._held = self._held, None
        if held:
            self.write(held)
        return 0

    def _send(self, data: bytes | bytearray | memoryview) -> int:
        end_if_forked()  # or the answer of its parent would be sent twice
        try:
            sent = self._sock.send(data)
        except TimeoutError:
            if not self._takes_some():
                raise
            return 0
        self._queued = unacknowledged(self._sock.fileno()) if sent < len(data) else None
        self.taken += sent
        return sent

    def _takes_some(self) -> bool:
        """Whether the peer did take what was sent: there is room, if the process was stopped or had
        no turn; or it is slow, or pauses, as in `TimedEndpoint.takes_slowly`."""
        limits = self._limits
        before, self._queued = self._queued, unacknowledged(self._sock.fileno())
        room = select.poll()
        room.register(self._sock, select.POLLOUT)
        if room.poll(0):
            return True
        read = self.taken - self._queued - limits.write_window_bytes
        self._paid = charged(self._paid, read, limits.least_taken, limits.write_pauses_max)
        took = before is None or before - self._queued >= limits.least_taken or read >= self._paid
        return self._queued >= 0 and took

    def sendfile(self, file: BinaryIO, offset: int, count: int) -> None:
        self.uncork()
        with file:
            file.seek(offset)
            while count:
                # In pieces, so that a stop knows how much a client has taken.
                sent = self._send_file(file, offset, min(count, _FILE_PIECE))
                offset, count = offset + sent, count - sent
                if not sent:
                    raise TruncatedFileError(errno.EIO, "the file became shorter while it was sent")

    def _send_file(self, file: BinaryIO, offset: int, count: int) -> int:
        while True:
            waited = False
            try:
                self._sock.sendfile(file, offset, count)
            except TimeoutError:
                waited = True
            finally:
                sent = file.tell() - offset  # where `socket.sendfile` has come to
                self.taken += sent
            if sent:
                self._queued = None
            if waited and not self._takes_some():
                raise TimeoutError(errno.ETIMEDOUT, "the peer takes nothing of what is sent")
            if sent or not waited:
                return sent

    def write_eof(self) -> None:
        self.uncork()
        if not self._half_closed and not self._closing:
            self._sock.shutdown(socket.SHUT_WR)
        self._half_closed = True

    def close(self, linger: bool = True) -> None:
        self.uncork()
        self._closing = True
        self._lingers = linger
        self._wake()

    def abort(self) -> None:
        self._closing = self._aborted = True
        self._wake()

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._wake()

    def is_reading(self) -> bool:
        return self._reading and not self._closing

    def has_input(self) -> bool:
        return not self._eof_seen and has_input(self._sock.fileno())

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered, so nothing is bounded: the limits are kept for callers that ask."""
        self._marks = write_buffer_marks(high, low, self._limits.write_high_water_bytes)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._marks

    def get_protocol(self) -> Any:
        return self._protocol

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol
        self._users = is_python(protocol)
        self._buffered = not isinstance(protocol, Protocol) and hasattr(protocol, "buffer_updated")

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        match name:
            case "peername":
                return self._peer
            case "socket":
                return self._sock
            case "sockname":
                return self._sock.getsockname()
            case _:
                return default

    def time(self) -> float:
        return time.monotonic()

    def set_deadline(self, seconds: float | None) -> None:
        left = None if seconds is None else seconds_checked(seconds)
        self._since = time.monotonic()
        self._deadline = None if left is None else self._since + left

    def waited(self) -> float:
        return time.monotonic() - self._since

    def extend_deadline(self, seconds: float, at_most: float) -> None:
        seconds, at_most = seconds_checked(seconds), seconds_checked(at_most)
        if self._deadline is not None:
            self._deadline = min(self._deadline + seconds, time.monotonic() + at_most)

    def call_soon(self, callback: Callable[[], object]) -> None:
        self._soon.append(callback)
        self._wake()

    def _wake(self) -> None:
        if self._called is not None:
            self._called.set()
