"""Memory that workers write and their supervisor reads, without locks."""

from typing import Self, final

COUNTERS: tuple[str, ...]
"""The names of what only grows: `Page.retire` keeps it."""

GAUGES: tuple[str, ...]
"""The names of what says how it is now."""

FREE: int
STARTING: int
READY: int
DRAINING: int

STATES: tuple[str, ...]
"""The names of these four, which are the values of ``state``."""

@final
class Page:
    """Shared memory of ``slots`` slots, to be made before the first fork. A slot has one writer.

    >>> page = Page(2)
    >>> page.slot(0)["requests"] += 3
    >>> page.slot(0)["connections"] = 1
    >>> page.retire(0)
    >>> page.total("requests"), page.total("connections")
    (3, 0)
    """

    def __new__(cls, slots: int) -> Self: ...
    @property
    def slots(self) -> int:
        """How many there are; `gone` is one more."""

    def slot(self, index: int) -> Slot:
        """One of them.

        Raises:
            IndexError: there is no such slot.
        """

    @property
    def gone(self) -> Slot:
        """What the workers have counted whose slots were retired."""

    def retire(self, index: int) -> None:
        """Its worker has ended: add its counters to `gone`, and free the slot: all zero.

        Raises:
            IndexError: there is no such slot.
        """

    def total(self, name: str) -> int:
        """The sum of all slots and of `gone`. Raises KeyError for no name of a single value."""

    def total_row(self, name: str) -> tuple[int, ...]:
        """The sums of a row, value by value. Raises KeyError for no name of a row."""

@final
class Slot:
    """The values of one process by name: those of ``page``, or memory of its own.

    >>> slot = Slot()
    >>> slot["turn_began_ns"] = 7
    >>> slot["turn_began_ns"], slot.row("latency_ns")
    (7, (0, 0, 0, 0, 0))
    """

    def __new__(cls, page: Page | None = None, index: int = 0) -> Self: ...
    @property
    def page(self) -> Page:
        """Where it is; one that was made alone has a page of one slot."""

    @property
    def index(self) -> int:
        """Which of its page's slots it is."""

    def __getitem__(self, name: str, /) -> int:
        """Raises KeyError for no name of a single value."""

    def __setitem__(self, name: str, value: int, /) -> None:
        """Raises KeyError for no name of a single value, OverflowError beyond 64 bits."""

    def keys(self) -> list[str]:
        """The names of single values: `dict` of a slot is a copy of them."""

    def row(self, name: str) -> tuple[int, ...]:
        """A row of values. Raises KeyError for no name of a row."""
