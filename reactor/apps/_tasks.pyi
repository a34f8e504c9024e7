from collections.abc import Generator
from typing import Any, final

from typing_extensions import disjoint_base

from reactor.loop import Loop

# The functions for other Cython modules.
__pyx_capi__: dict[str, Any]

@final
class Tasks:
    """Makes the tasks of one application; their first steps run at once.

    ``task_type`` and ``cancelled`` are asyncio's; ``eager``: a task makes its first step itself.
    """

    @property
    def loop(self) -> Any: ...
    @property
    def reactor(self) -> Loop: ...
    @property
    def going(self) -> set[TaskBody]:
        """Those whose tasks have not ended."""

    @property
    def cancelled(self) -> type[BaseException]: ...
    def __init__(
        self,
        loop: Any,
        reactor: Loop,
        task_type: Any,
        cancelled: type[BaseException],
        eager: bool,
    ) -> None: ...
    def begin(self, body: TaskBody) -> None:
        """Make its task, and the first step: now, or from the loop's next turn if another task's
        step is under way."""

@disjoint_base
class TaskBody:
    """The coroutine of such a task: it drives the application's."""

    @property
    def task(self) -> Any:
        """None: it has ended, or is in its first step."""

    @property
    def over(self) -> bool: ...
    @property
    def cr_frame(self) -> Any: ...
    @property
    def cr_await(self) -> Any: ...
    @property
    def cr_code(self) -> Any: ...
    @property
    def cr_running(self) -> bool: ...
    def __await__(self) -> Generator[Any]: ...
    def __iter__(self) -> TaskBody: ...
    def __next__(self) -> Any: ...
    def send(self, value: Any) -> Any: ...
    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any: ...
    def close(self) -> None: ...

@final
class CallTask(TaskBody):
    """The body of a task for ``call``, whose ``begin`` gives what is awaited, and whose
    ``returned(value)`` or ``raised(exception)`` is called at its end."""

    def __init__(self, call: Any) -> None: ...
    @property
    def waited_for(self) -> Any:
        """The call's, if it has that: the request, while its answer has not begun; else None."""
