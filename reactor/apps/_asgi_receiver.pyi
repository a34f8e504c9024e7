from collections.abc import Generator
from typing import Any, final

from typing_extensions import disjoint_base

from reactor.apps._tasks import TaskBody
from reactor.http._exchange import Exchange

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

@final
class Ready:
    """A ``send`` that is done: awaited, it gives None."""

    def __await__(self) -> Generator[Any]: ...
    def __iter__(self) -> Ready: ...
    def __next__(self) -> Any: ...
    def send(self, value: Any) -> Any: ...
    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any: ...
    def close(self) -> None: ...

@final
class Awaited:
    """``receive()``, or a ``send()`` that has to wait for room."""

    def __await__(self) -> Generator[Any, None, Any]: ...
    def __iter__(self) -> Awaited: ...
    def __next__(self) -> Any: ...
    def send(self, value: Any) -> Any: ...
    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any: ...
    def close(self) -> None: ...

@disjoint_base
class AsgiReceiver(TaskBody):
    """The half of a call that receives."""

    def receive_message(self) -> Awaited:
        """An ASGI application's ``receive``."""

@final
class AsgiExchange(Exchange):
    """What the machine tells of an answer that comes later."""
