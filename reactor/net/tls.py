"""TLS between a connection and a protocol: to the one a protocol, to the other a transport.

    Connection <──ciphertext──> TlsProtocol ─ ssl.SSLObject ─ TlsTransport <──plain──> protocol

The `ssl` module works on two memory buffers here, so `recv` and `send` stay where they are, and
both roles are the same code: a server wraps what it accepts with a server's context. The protocol
above is connected when the handshake is done. An end without close_notify is an error, never
an end: whoever cut the line could have cut it anywhere (RFC 8446 section 6.1).
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, BinaryIO

from reactor._protocol import Protocol, Transport
from reactor.limits import DEFAULT_LIMITS, Limits

# The largest TLS record's data: SSLObject gives no more at a time.
_RECORD_BYTES = 16 * 1024


class PinnedKeyError(ssl.SSLError):
    """The server has another key than it shall have."""


def client_context(
    cafile: str | None = None,
    insecure: bool = False,
    certificate: tuple[str, str | None] | None = None,
    tls_max: str | None = None,
) -> ssl.SSLContext:
    """TLS 1.2 or later, the system's trust store (or ``cafile`` alone), the host checked.

    ``certificate`` is the client's own: a file of PEM, and one of its key if that is another.

    Raises:
        OSError: a file cannot be read, or holds no certificate or no key of it.
    """
    context = ssl.create_default_context(cafile=cafile)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls_max == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        # Always a function: without one OpenSSL would ask at the terminal.
        context.load_cert_chain(*certificate, password=_no_password)
    context.set_alpn_protocols(["http/1.1"])
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")


class TlsProtocol(Protocol):
    """Carries ``protocol`` over TLS.

    ``on_failed(error)`` is called instead of ``protocol.connection_made`` if the handshake
    fails: ssl.SSLError, TimeoutError or what the connection was lost by. ``pins`` are SHA-256 of
    the public keys that the other end may have; none: any.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        protocol: Any,
        on_failed: Callable[[Exception], object],
        *,
        server_hostname: str | None = None,
        server_side: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        pins: Iterable[bytes] = (),
    ) -> None:
        self._pins = frozenset(pins)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.ssl_object = context.wrap_bio(
            self._incoming, self._outgoing, server_side, server_hostname
        )
        self.protocol = protocol
        self._on_failed = on_failed
        self._timeout_s = limits.connect_timeout_s
        self._connected = self._over = False
        self.paused = False
        self.full = False  # the connection holds more than the high-water mark

    # --- what the connection tells --------------------------------------------------------

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport
        transport.set_deadline(self._timeout_s)
        self._advance()

    def data_received(self, data: bytes) -> None:
        if not self._over:
            self._incoming.write(data)
            self._advance()

    def eof_received(self) -> bool:
        self._incoming.write_eof()
        self._advance()
        return not self._over  # the protocol may have paused, or have something to say still

    def deadline_expired(self) -> None:
        if self._connected:
            self.protocol.deadline_expired()
        else:
            self._fail(TimeoutError("the TLS handshake took too long"))

    def pause_writing(self) -> None:
        self.full = True
        if self._connected:
            self.protocol.pause_writing()

    def resume_writing(self) -> None:
        self.full = False
        if self._connected:
            self._plain.send_queued()
            if not self.full:
                self.protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connected:
            self._plain.drop_queued()
        if self._connected and not self._over:
            self._over = True
            self.protocol.connection_lost(exc)
        elif not self._over:
            self._fail(exc or ConnectionResetError("closed in the middle of the TLS handshake"))

    # --- what a server asks -----------------------------------------------------------------

    def is_idle(self) -> bool | None:
        return self._ask("is_idle", None) if self._connected else False

    def finish(self) -> object:
        return self._ask("finish", NotImplemented)

    def end_stream(self) -> None:
        self._ask("end_stream", None)

    def _ask(self, method: str, unknown: Any) -> Any:
        # A protocol that is no Protocol of ours may leave out any method.
        asked = getattr(self.protocol, method, None) if self._connected else None
        return unknown if asked is None else asked()

    # --- the machine of OpenSSL -----------------------------------------------------------

    def _advance(self) -> None:
        """Do what the bytes that are there allow."""
        try:
            if not self._connected:
                self.ssl_object.do_handshake()
                self._check_pins()
                self._connected = True
                self.flush()
                self.transport.set_deadline(None)
                self._plain = TlsTransport(self)
                self.protocol.connection_made(self._plain)
            self.read()
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLError, ssl.CertificateError) as error:
            self.flush()  # the alert that says why
            self._fail(error)
            return
        self.flush()

    def _check_pins(self) -> None:
        """Before anything is said over the connection."""
        if not self._pins:
            return
        import hashlib

        from reactor.net.x509 import public_key_of

        der = self.ssl_object.getpeercert(binary_form=True) or b""
        try:
            key = public_key_of(der)
        except ValueError as error:
            raise PinnedKeyError("its certificate cannot be read") from error
        if hashlib.sha256(key).digest() not in self._pins:
            raise PinnedKeyError("its public key is none of those that are pinned")

    def read(self) -> None:
        """Give the protocol what can be decrypted, until it pauses."""
        while not self.paused and not self._over:
            data = self.ssl_object.read(_RECORD_BYTES)
            if not data:
                # close_notify came: an end that the peer has signed.
                self._ended()
                return
            self.protocol.data_received(data)

    def _ended(self) -> None:
        self.paused = True  # nothing more comes
        if not self.protocol.eof_received():
            self.close()

    def go_on(self) -> None:
        """After a pause: what was received before it may be waiting here."""
        if not self._over:
            self._advance()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        # 0020: into a buffer in memory: it is never full, and takes all.
        self.ssl_object.write(data)
        self.flush()

    def flush(self) -> None:
        if self._outgoing.pending and not self.transport.is_closing():
            self.transport.write(self._outgoing.read())

    def close(self, linger: bool = True) -> None:
        """close_notify, then the end of the connection."""
        if not self.transport.is_closing():
            # The peer's close_notify is not waited for; or the session is broken.
            with suppress(ssl.SSLError):
                self.ssl_object.unwrap()
            self.flush()
            self.transport.close(linger)

    def _fail(self, error: Exception) -> None:
        connected, self._over = self._connected, True
        if connected:
            self.protocol.connection_lost(error)
        else:
            self._on_failed(error)
        self.transport.close(linger=False)


class _Region:
    """So many bytes of a file, from where it stands."""

    __slots__ = ("count", "file")

    def __init__(self, file: BinaryIO, count: int) -> None:
        self.file = file
        self.count = count


class TlsTransport(Transport):
    """What the protocol above TLS has for its transport."""

    def __init__(self, tls: TlsProtocol) -> None:
        self._tls = tls
        self._below = tls.transport
        # Files that are being sent, and what was written behind them.
        self._queue: deque[bytes | _Region] = deque()
        self._queued_bytes = 0
        self._closing: bool | None = None  # whether to linger, once the queue is empty

    def time(self) -> float:
        return self._below.time()

    def turn_began(self) -> float:
        return self._below.turn_began()

    def waited(self) -> float:
        return self._below.waited()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.is_closing() or not len(data):
            return
        if self._queue:
            self._queue.append(bytes(data))
            self._queued_bytes += len(data)
        else:
            self._tls.write(data)

    def sendfile(self, file: BinaryIO, offset: int, count: int) -> None:
        if self.is_closing() or not count:
            file.close()
            return
        file.seek(offset)
        self._queue.append(_Region(file, count))
        self._queued_bytes += count
        self.send_queued()

    def send_queued(self) -> None:
        """Encrypt what is queued until the connection is full: it is told when there is room."""
        while self._queue and not self._tls.full and not self._below.is_closing():
            first = self._queue[0]
            if isinstance(first, bytes):
                data = first
                self._queue.popleft()
            else:
                data = first.file.read(min(first.count, 4 * _RECORD_BYTES))
                if not data:
                    # As `Transport.sendfile` says of a file that became shorter; no close_notify.
                    self.drop_queued()
                    self._below.close()
                    return
                first.count -= len(data)
                if not first.count:
                    self._queue.popleft()
                    first.file.close()
            self._queued_bytes -= len(data)
            self._tls.write(data)
        if not self._queue and self._closing is not None:
            self._tls.close(self._closing)

    def drop_queued(self) -> None:
        for item in self._queue:
            if isinstance(item, _Region):
                item.file.close()
        self._queue.clear()
        self._queued_bytes = 0

    def cork(self) -> int:
        return self._below.cork()

    def uncork(self) -> int:
        return self._below.uncork()

    def write_eof(self) -> None:
        raise NotImplementedError("TLS has no half-close that peers understand")

    def can_write_eof(self) -> bool:
        return False

    def close(self, linger: bool = True) -> None:
        if self._queue:
            self._closing = linger
        else:
            self._tls.close(linger)

    def abort(self) -> None:
        self.drop_queued()
        self._below.abort()

    def is_closing(self) -> bool:
        return self._closing is not None or self._below.is_closing()

    def pause_reading(self) -> None:
        self._tls.paused = True
        self._below.pause_reading()

    def resume_reading(self) -> None:
        if self._tls.paused:
            self._tls.paused = False
            self._below.resume_reading()
            self._below.call_soon(self._tls.go_on)

    def is_reading(self) -> bool:
        return self._below.is_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._below.set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._below.get_write_buffer_limits()

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size() + self._queued_bytes

    def get_protocol(self) -> Any:
        return self._tls.protocol

    def set_protocol(self, protocol: Any) -> None:
        self._tls.protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._tls.ssl_object
        return self._below.get_extra_info(name, default)

    def set_deadline(self, seconds: float | None) -> None:
        self._below.set_deadline(seconds)

    def extend_deadline(self, seconds: float, at_most: float) -> None:
        self._below.extend_deadline(seconds, at_most)

    def call_soon(self, callback: Callable[[], object]) -> None:
        self._below.call_soon(callback)
