"""Where a comparison ran: what the machine and the command line were."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from reactor.bench.results import Environment

GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def observe(command_line: Sequence[str], versions: Mapping[str, str | None]) -> Environment:
    return Environment(
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        kernel=f"{platform.system()} {platform.release()}",
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        governor=GOVERNOR.read_text().strip() if GOVERNOR.exists() else None,
        python=platform.python_version(),
        load_average=[load_average(), load_average()],
        git_revision=_git_revision(),
        command_line=list(command_line),
        versions=dict(versions),
        commands={},
        configurations={},
    )


def load_average() -> float:
    return round(os.getloadavg()[0], 2)


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _git_revision() -> str | None:
    """Of this package's source; None when it was installed without."""
    root = Path(__file__).resolve().parents[2]
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None
    output = subprocess.run(
        [git, "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return output.stdout.strip() or None
