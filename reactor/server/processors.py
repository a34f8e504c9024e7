"""How many processors this process may use: by its affinity, and by the quota of its cgroups.

A container of two processors on a machine of 64 sees all 64; the quota is in the file system of
cgroups, of its own group or of any that this one is in. Must never know: what for.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from reactor.parser._digits import parse_digits

_DIGITS_MAX = 18  # microseconds


def processors(root: str = "/") -> int:
    """At least 1. ``root``: where /proc and /sys are."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    available = available or os.cpu_count() or 1
    quotas = [quota for quota in _quotas(Path(root)) if quota > 0]
    return max(1, min([available, *(math.ceil(quota) for quota in quotas)]))


def _quotas(root: Path) -> Iterator[float]:
    """Processors, of each group that this process is in and that has a bound."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text(errors="replace").splitlines():
            _, controllers, group = line.split(":", 2)
            if not controllers:  # version 2
                yield from _in_all(root / "sys/fs/cgroup", group, _quota_2)
            elif "cpu" in controllers.split(","):
                for name in (controllers, "cpu"):
                    yield from _in_all(root / "sys/fs/cgroup" / name, group, _quota_1)


def _in_all(top: Path, group: str, quota_in: Callable[[Path], float | None]) -> Iterator[float]:
    # In a container the group's own path may not be there: its root is the group then.
    folder = top / group.strip("/")
    while True:
        with suppress(OSError):
            quota = quota_in(folder)
            if quota is not None:
                yield quota
        if folder == top or top not in folder.parents:
            return
        folder = folder.parent


def _quota_2(folder: Path) -> float | None:
    quota, _, period = (folder / "cpu.max").read_text().strip().partition(" ")
    return _ratio(quota, period)


def _quota_1(folder: Path) -> float | None:
    quota = (folder / "cpu.cfs_quota_us").read_text().strip()
    return _ratio(quota, (folder / "cpu.cfs_period_us").read_text().strip())


def _ratio(quota: str, period: str) -> float | None:
    """None: there is no bound ("max", -1)."""
    microseconds, of = parse_digits(quota, _DIGITS_MAX), parse_digits(period, _DIGITS_MAX)
    return microseconds / of if microseconds and of else None
