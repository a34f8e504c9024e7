"""Whose fault it is: the exceptions that cross reactor's module borders.

A protocol error names the side that broke HTTP. The side decides what happens
next: the peer's fault is answered with one canned response and a close; our own
(the application's) is a 500 if nothing was sent yet, else an abort. Incomplete
input is no error anywhere in this package: it is the value ``None``.
"""

from __future__ import annotations


class ReactorError(Exception):
    """Base of every exception that this package raises on purpose."""


class ProtocolError(ReactorError):
    """A message that breaks HTTP.

    Args:
        status: the HTTP status that answers it (400, 413, 414, 431, 501, 505).
        code: a stable, short name of the broken rule, for programs ("field-name").
        message: one sentence for people.
        offset: where in the input the rule broke, in bytes from the message's start.
    """

    def __init__(self, status: int, code: str, message: str, offset: int = 0) -> None:
        super().__init__(status, code, message, offset)
        self.status = status
        self.code = code
        self.message = message
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.message} (at byte {self.offset})"


class RemoteProtocolError(ProtocolError):
    """The peer broke HTTP: answer once with ``status``, then close."""


class LocalProtocolError(ProtocolError):
    """This side was asked to send a message that would break HTTP; nothing was sent."""

    def __init__(self, message: str, code: str = "local") -> None:
        super().__init__(500, code, message)
        # BaseException.__reduce__ replays args into this constructor.
        self.args = (message, code)

    def __str__(self) -> str:
        return self.message


class ClientDisconnected(ConnectionResetError):
    """What an ASGI application's ``send`` raises when nobody takes its stream any more."""


class TruncatedFileError(OSError):
    """A file became shorter, or could not be read on, while it was sent."""


class ConfigurationError(ReactorError):
    """What the user asked for cannot be done; the message says why and what to do."""


class HeaderError(ConfigurationError):
    """A header that a user of a folder cannot set."""


class StartupError(ConfigurationError):
    """An application did not start; the message says why."""


class ShutdownError(ReactorError):
    """An application did not shut down in order; everything else has."""


class LoopError(ReactorError):
    """The selector fails again and again: nothing can be served any more."""


class LoadError(ReactorError):
    """A load could not be made; the message says why and what to do."""


class WebSocketClosed(ReactorError, ConnectionError):
    """A WebSocket is closed: nothing can be sent, or nothing more comes.

    ``code`` and ``reason`` are what `WebSocket.on_close` gets.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"the WebSocket is closed: {self.code} {self.reason}".rstrip()


class FetchError(ReactorError):
    """A transfer failed; ``exit_code`` is curl's number for that kind of failure."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message, exit_code)
        self.message = message
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self.message


# How asyncio says that a class asked for its loop where none runs: get_running_loop (and so
# create_task and timeout), get_event_loop.
_NO_LOOP = ("no running event loop", "There is no current event loop")


def advise(exception: BaseException) -> None:
    """Add to an exception of a user's TCP protocol what he can do, where its text does not say."""
    if isinstance(exception, RuntimeError) and str(exception).startswith(_NO_LOOP):
        exception.add_note(
            "reactor serves a TCP protocol without asyncio's loop. Use transport.call_soon and "
            "transport.set_deadline in place of tasks and timers, or serve the class with asyncio: "
            "`loop.create_server(...)` on the loop of reactor.aio.new_event_loop (docs/tcp.md)."
        )


def is_of_its_code(error: BaseException | None) -> bool:
    """Whether a user's protocol has raised it, and no network, for all that can be seen."""
    others = ConnectionError, TimeoutError, MemoryError, TruncatedFileError
    return error is not None and not isinstance(error, others)
