"""`get` as a process of its own: run to its end, or killed when its part has some size."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 600.0
_POLL_S = 0.0002
# The command as it is, and the most memory that it ever had, as a last line on stderr.
_PEAK = """
import sys
from reactor.cli import main
try:
    code = main(sys.argv[1:])
finally:
    with open("/proc/self/status") as status:
        peak = next(line for line in status if line.startswith("VmHWM:"))
    print(peak.strip(), file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True)
class Done:
    code: int
    stdout: str
    stderr: str
    peak_kib: int = 0


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "reactor", "get", *arguments]


def fetch(
    *arguments: str,
    folder: str | Path,
    env: dict[str, str] | None = None,
    stdout: int = subprocess.PIPE,
    stdin: int = subprocess.DEVNULL,
) -> Done:
    """Run ``get ARGUMENTS`` to its end, and say how much memory it had at most."""
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, "get", *arguments],
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=PATIENCE_S,
        check=False,
    )
    # Not as text=True has it, which makes a line end of every CR.
    out, err = (
        (data or b"").decode("utf-8", "surrogateescape") for data in (done.stdout, done.stderr)
    )
    stderr, _, peak = err.rpartition("VmHWM:")
    return Done(done.returncode, out, stderr, int(peak.split()[0]))


def killed_at(size: int, part: Path, *arguments: str) -> int | None:
    """SIGKILL it as soon as ``part`` has so many bytes: how many it has then; None if it ended."""
    with subprocess.Popen(
        command("-q", *arguments), cwd=part.parent, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            if _size(part) >= size:
                process.send_signal(signal.SIGKILL)
                break
            time.sleep(_POLL_S)
        code = process.wait(PATIENCE_S)
    return _size(part) if code == -signal.SIGKILL and part.exists() else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
