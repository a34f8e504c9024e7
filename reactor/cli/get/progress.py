"""Bars for the transfers under way, on a terminal.

Knows rich, which is imported when the first bar is drawn: a transfer that is over sooner
pays nothing. rich's own refresh is a thread; here a timer of the reactor does it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection

from reactor.cli.output import shown
from reactor.client.download import Download
from reactor.net import Reactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What is over sooner needs no bar.
_PATIENCE_S = 0.4
_REFRESH_S = 0.1
# More bars than a terminal has lines would scroll away.
_BARS_MAX = 10


class Progress:
    """``jobs`` gives the transfers under way each time the bars are drawn."""

    def __init__(
        self,
        reactor: Reactor,
        jobs: Callable[[], Collection[Download]],
        on_through: Callable[[Callable[[str], object] | None], object],
    ) -> None:
        self._reactor = reactor
        self._jobs = jobs
        self._on_through = on_through
        self._bars: Any = None
        self._tasks: dict[Download, Any] = {}
        self._timer = reactor.call_later(_PATIENCE_S, self._draw)

    def stop(self) -> None:
        """Take the bars away; what was written stays."""
        self._timer.cancel()
        if self._bars is not None:
            for task in self._tasks.values():
                self._bars.remove_task(task)
            self._bars.stop()
            self._on_through(None)

    def _draw(self) -> None:
        self._timer = self._reactor.call_later(_REFRESH_S, self._draw)
        if self._bars is None:
            self._bars = _make_bars()
            self._bars.start()
            self._on_through(self._print)
        jobs = self._jobs()
        for job in [job for job in self._tasks if job not in jobs]:
            self._bars.remove_task(self._tasks.pop(job))
        for job in jobs:
            if job not in self._tasks and len(self._tasks) < _BARS_MAX:
                self._tasks[job] = self._bars.add_task(shown(job.label), total=None)
            if job in self._tasks:
                self._bars.update(self._tasks[job], completed=job.size, total=job.total)
        self._bars.refresh()

    def _print(self, text: str) -> None:
        self._bars.console.out(text, end="", highlight=False)


def wanted(quiet: bool) -> bool:
    return not quiet and sys.stderr is not None and sys.stderr.isatty()


def _make_bars() -> Any:
    from rich import progress
    from rich.console import Console
    from rich.constrain import Constrain
    from rich.table import Column

    console = Console(stderr=True)

    class Bars(progress.Progress):
        def get_renderable(self) -> Constrain:
            # Room for the "^C" that a terminal shows: a line that it made two could not be erased.
            return Constrain(super().get_renderable(), console.width - 2)

    def line() -> Column:
        return Column(no_wrap=True)  # whatever does not fit ends in an ellipsis

    name = Column(no_wrap=True, overflow="ellipsis", max_width=console.width // 3)
    return Bars(
        progress.TextColumn("{task.description}", markup=False, table_column=name),
        progress.BarColumn(),
        progress.DownloadColumn(table_column=line()),
        progress.TransferSpeedColumn(table_column=line()),
        progress.TimeRemainingColumn(table_column=line()),
        console=console,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
        transient=True,
    )
