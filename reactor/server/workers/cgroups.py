"""What this process may use, and has used up: processors and memory, by its affinity and cgroups.

A container of two processors on a machine of 64 sees all 64; the quota is in the file system of
cgroups, of its own group or of any that this one is in. Must never know: what for.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from reactor.parser._digits import parse_digits

_DIGITS_MAX = 18  # microseconds


def processors(root: str = "/") -> int:
    """At least 1. ``root``: where /proc and /sys are."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    available = available or os.cpu_count() or 1
    quotas = [quota for quota in _quotas(Path(root)) if quota > 0]
    return max(1, min([available, *(math.ceil(quota) for quota in quotas)]))


def killed_for_memory(root: str = "/") -> int:
    """How many processes of this one's cgroup the kernel has killed because memory was short."""
    top = Path(root)
    found = [*_of_groups(top, "memory", _killed_2, _killed_1)]
    return max(found, default=0)


def _quotas(root: Path) -> Iterator[float]:
    """Processors, of each group that this process is in and that has a bound."""
    yield from _of_groups(root, "cpu", _quota_2, _quota_1)


def _of_groups(
    root: Path, controller: str, of_2: Callable[[Path], Any], of_1: Callable[[Path], Any]
) -> Iterator[Any]:
    """What stands in the folders of this process's group and those above, of either version."""
    with suppress(OSError):
        for line in (root / "proc/self/cgroup").read_text(errors="replace").splitlines():
            _, controllers, group = line.split(":", 2)
            if not controllers:  # version 2
                yield from _in_all(root / "sys/fs/cgroup", group, of_2)
            elif controller in controllers.split(","):
                for name in dict.fromkeys((controllers, controller)):
                    yield from _in_all(root / "sys/fs/cgroup" / name, group, of_1)


def _in_all(top: Path, group: str, found_in: Callable[[Path], Any]) -> Iterator[Any]:
    # In a container the group's own path may not be there: its root is the group then.
    folder = top / group.strip("/")
    while True:
        with suppress(OSError):
            found = found_in(folder)
            if found is not None:
                yield found
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


def _killed_2(folder: Path) -> int | None:
    return _number_of("oom_kill", folder / "memory.events")


def _killed_1(folder: Path) -> int | None:
    return _number_of("oom_kill", folder / "memory.oom_control")


def _number_of(name: str, path: Path) -> int | None:
    for line in path.read_text().splitlines():
        word, _, number = line.partition(" ")
        if word == name:
            return parse_digits(number, _DIGITS_MAX)
    return None
