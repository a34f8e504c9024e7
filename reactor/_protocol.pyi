"""The two sides of a connection, with asyncio's names.

The calls that a `Protocol` gets, in the order it may get them:

    connection_made  data_received*  eof_received?  connection_lost

with ``pause_writing``/``resume_writing`` alternating in between. A class written
for `asyncio.Protocol` works unchanged; so does one for `asyncio.BufferedProtocol`, which has
``get_buffer`` and ``buffer_updated`` instead of ``data_received`` (docs/tcp.md).
"""

from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

from typing_extensions import disjoint_base

def write_buffer_marks(high: int | None, low: int | None, high_usual: int) -> tuple[int, int]:
    """(low, high) as ``set_write_buffer_limits(high, low)`` means them, as asyncio does.

    Raises:
        ValueError: 0 <= low <= high does not hold.
    """

def seconds_checked(seconds: float) -> float:
    """Of a deadline: what is below zero is over at once.

    Raises:
        ValueError: it is nan.
    """

def is_python(protocol: object) -> bool:
    """Whether its class, a subclass of a compiled one too, was written in Python."""

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

@disjoint_base
class Transport:
    """What a protocol may ask of its connection.

    Two implementations: `reactor.net.Connection` (non-blocking, on a loop) and the
    blocking one of the thread-per-connection model.
    """

    taken: int
    """How many bytes the kernel has taken since the connection began."""

    arrival: Any
    """The `Arrival` of every request here: over TLS, or by a proxy that has named the client (the
    PROXY protocol). None: over plain TCP, by the client itself."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send ``data`` after everything written before. Never blocks a loop."""

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """`write` all of it, as one."""

    def sendfile(self, file: BinaryIO, offset: int, count: int) -> None:
        """Send ``count`` bytes of ``file`` from ``offset``; the file is closed afterwards.

        A file that turns out to be shorter ends the connection after what was sent of it: nothing
        else could keep the peer from taking the next message for the rest of this one.
        """

    def cork(self) -> int:
        """Hold back what is written, until `uncork`, or the end of the read that is under way."""

    def uncork(self) -> int:
        """Send what was written, now."""

    def write_eof(self) -> None:
        """Half-close: after what was written comes the end; reading goes on."""

    def can_write_eof(self) -> bool: ...
    def close(self, linger: bool = True) -> None:
        """Send what was written, then end both directions. Idempotent.

        The peer's last bytes are read and dropped for a while (`Limits.linger_time_s`),
        since a reset, which a kernel sends for unread data, would destroy what it was sent.
        ``linger=False`` is for a peer that has said that nothing more comes.
        """

    def abort(self) -> None:
        """End now; what was not sent yet is lost. Idempotent."""

    def is_closing(self) -> bool: ...
    def pause_reading(self) -> None:
        """No more `data_received` until `resume_reading`. Idempotent."""

    def resume_reading(self) -> None: ...
    def is_reading(self) -> bool: ...
    def has_input(self) -> bool:
        """Whether the peer has sent something, or its end, that was not read yet."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Bytes unsent above which the protocol is paused, and below which it is resumed."""

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """(low, high)."""

    def get_write_buffer_size(self) -> int: ...
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """``socket``, ``peername``, ``sockname`` or ``unacknowledged``: how much of what was sent
        the peer's kernel has not, if ours says that."""

    def get_protocol(self) -> Any: ...
    def set_protocol(self, protocol: Any) -> None:
        """Carry another protocol from here on: what a tunnel or an upgrade leads to. Neither
        is told."""

    def time(self) -> float:
        """Seconds, by the clock that its deadlines go by, read now."""

    def turn_began(self) -> float:
        """What that clock said when the turn of the loop began: no reading."""

    def set_deadline(self, seconds: float | None) -> None:
        """Call `Protocol.deadline_expired` in so many seconds, at once if they are below zero;
        None: not at all.

        Raises:
            ValueError: they are nan.
        """

    def waited(self) -> float:
        """Seconds since its deadline was set; 0 where nobody knows."""

    def extend_deadline(self, seconds: float, at_most: float) -> None:
        """Give ``seconds`` more, but never more than ``at_most`` from now."""

    def call_soon(self, callback: Callable[[], object]) -> None:
        """Call back in the loop's next turn, when other connections have had theirs."""

@disjoint_base
class Protocol:
    """What a connection tells its user. Every method may be left out."""

    def __init__(self) -> None: ...
    def connection_made(self, transport: Transport) -> None:
        """The connection is open. Called once, first."""

    def data_received(self, data: bytes) -> None:
        """Some bytes came, at least one."""

    def eof_received(self) -> bool | None:
        """The peer will send nothing more. Return true to go on writing; else it is closed."""

    def pause_writing(self) -> None:
        """More is unsent than the high-water mark: stop writing for now."""

    def resume_writing(self) -> None:
        """Less is unsent than the low-water mark: go on."""

    def deadline_expired(self) -> None:
        """The time set by `Transport.set_deadline` has passed."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by an error if ``exc`` is not None. Called once, last."""

    def is_idle(self) -> bool | None:
        """Whether nothing is under way, so that the connection may be closed to make room for
        another. None, as here: nobody can know."""

    def finish(self) -> object:
        """The server stops: end the connection when what is under way is done. NotImplemented, as
        here: the server closes it after a grace (docs/stop.md)."""

    def end_stream(self) -> None:
        """The grace of a stop is over: end what has no end of its own."""

@disjoint_base
class Factory:
    """Makes the protocol of each connection; a compiled one is asked in C (`_protocol.pxd`)."""

    def __call__(self, *args: Any, **kwargs: Any) -> Protocol: ...
