"""Compare the parser with its oracles on many random connections.

    python fuzz/compare.py --oracle abnf --kind request --examples 1000000

The same comparison as ``tests/test_oracle_abnf.py`` and ``tests/test_oracle_h11.py``, without
Hypothesis between, which makes it fast enough for millions. Each example has its own seed, which is
printed with a difference; ``--seed N --examples 1`` repeats it. The exit status is 1 when any
differed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

import differential  # noqa: E402

COMPARE = {"abnf": differential.against_abnf, "h11": differential.against_h11}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--oracle", choices=COMPARE, default="abnf")
    options.add_argument("--kind", choices=("request", "response", "lenient"), default="request")
    options.add_argument("--examples", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--show", type=int, default=5, help="stop after so many differences")
    asked = options.parse_args()
    compare, found, started = COMPARE[asked.oracle], 0, time.monotonic()
    done = 0
    for seed in range(asked.seed, asked.seed + asked.examples):
        done += 1
        difference = compare(Random(seed), asked.kind)
        if difference is not None:
            found += 1
            print(f"seed {seed}: {difference}", flush=True)
            if found == asked.show:
                break
    print(
        f"{asked.oracle} {asked.kind}: {done} examples from seed {asked.seed}, "
        f"{found} differences, {time.monotonic() - started:.0f} s"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
