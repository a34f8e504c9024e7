"""What a second worker brings: an application of 5 ms of CPU a request, by one worker and by two.

    python bench/worker_throughput.py [SECONDS]

Turn by turn, A B B A; 16 kept clients ask as fast as they are answered, which costs them under 3 %
of a core. The ratio of two quiet cores should be at least 1.85.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests"), str(REPOSITORY / "bench")]

from clients import NOTE  # noqa: E402
from processes import command  # noqa: E402
from reloading import RollingLoad  # noqa: E402
from reloads import free_port, running  # noqa: E402

APP = f"""
import time
from reactor import Response

def app(request):
    until = time.thread_time() + 0.005
    while time.thread_time() < until:
        pass
    return Response(200, {{}}, {NOTE!r})
"""


def answered(folder: str, workers: int, seconds: float) -> float:
    """Requests a second."""
    port = free_port()
    words = ("--no-access-log", "--allow-root", "--allowed-host", "*")
    program = command("serve", "busy:app", *words, "--port", port, "--workers", workers)
    with running(program, folder, port):
        load = RollingLoad(("127.0.0.1", port), kept=16, think_s=0, new_per_s=0)
        load.run(1)
        before = load.counts["answered"]
        load.run(seconds)
        count = load.counts["answered"] - before
        load.finish()
    return count / seconds


def main(seconds: float) -> None:
    rates: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "busy.py").write_text(APP)
        for workers in (1, 2, 2, 1):
            rates[workers].append(answered(folder, workers, seconds))
            print(f"{workers} workers: {rates[workers][-1]:.0f} requests/s", flush=True)
    print(f"two to one: {sum(rates[2]) / sum(rates[1]):.2f}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10)
