"""What kind of file system a folder is on. Must never know: why somebody asks."""

from __future__ import annotations

import os


def kind_of(folder: str) -> str:
    """As mount(8) names it: "ext4", "tmpfs", "nfs4"; "" where nobody can tell."""
    try:
        device = os.stat(folder).st_dev
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
            lines = [line.split() for line in mounts]
    except OSError:  # not Linux, or no such folder
        return ""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    # proc(5): the third field is the device; behind a lone hyphen is the kind of file system.
    kinds = (fields[fields.index("-") + 1] for fields in lines if fields[2] == wanted)
    return next(kinds, "")
