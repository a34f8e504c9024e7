"""HAProxy in front of two hosts, and one of them replaced after the other, 20 times, under load.

    python bench/soak_hosts.py [TIMES]

32 kept connections that think for 2 ms, and 200 new ones a second. A loss is a request without its
whole answer, or with another one (HAProxy's 502, 503). Exit code 1: something was lost.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

from behind_haproxy import TwoHosts, replace_under_load  # noqa: E402


def main(times: int) -> int:
    lost_any = False
    for drain in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "note.txt").write_text("a note\n")
            begun = time.monotonic()
            with TwoHosts(folder) as hosts:
                counts, lost = replace_under_load(hosts, times, drain)
            how = "told by its runtime API before" if drain else "that finds it out by its checks"
            print(
                f"{times} replacements behind an HAProxy {how}: {counts['answered']:,} answered, "
                f"lost: {lost or 0} ({time.monotonic() - begun:.0f} s)",
                flush=True,
            )
            lost_any = lost_any or bool(lost)
    return int(lost_any)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
