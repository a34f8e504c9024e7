"""What ``--reload`` costs while nobody saves anything: the CPU of looking at 1,000 files.

    python bench/watcher.py [SECONDS]

Exit code 1: more than a hundredth of a core.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from reactor.loop import Loop
from reactor.server.workers.watching import SourceWatch, Watcher

FILES, FOLDERS = 1000, 50
SHARE_MAX = 0.01


def main(seconds: float) -> int:
    with tempfile.TemporaryDirectory() as folder, Loop() as loop:
        root = Path(folder)
        paths = [root / f"p{n % FOLDERS}" / f"m{n}.py" for n in range(FILES)]
        for path in paths:
            path.parent.mkdir(exist_ok=True)
            path.write_text("")
        time.sleep(0.1)  # a folder that has just changed is listed again
        watcher = Watcher([folder])
        watcher.watch(map(str, paths), time.time_ns())
        watcher.changed()
        watch = SourceWatch(loop, watcher, print)
        loop.call_later(seconds, loop.stop)
        began = time.process_time()
        loop.run()
        share = (time.process_time() - began) / seconds
        watch.close()
    print(f"{FILES} files in {FOLDERS} folders: {share:.2%} of a core")
    return int(share > SHARE_MAX)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20))
