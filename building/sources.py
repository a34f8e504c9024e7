"""Which modules there are to compile, whether all their parts are there, what is out of date."""

import os
import shutil
import sys
from glob import glob

# What changes every module that is made.
MAKERS = ("setup.py", *glob("building/*.py"))


def modules():
    """The paths of all `.pyx`, the largest first: so that no core waits for one of them at the
    end. Ends the build without one of the files that belong to them."""
    if os.name != "posix":
        sys.exit("reactor builds on Linux and other POSIX systems: on Windows, use it in WSL.")
    found = {kind: glob(f"reactor/**/*.{kind}", recursive=True) for kind in ("pyx", "pxd", "pyi")}
    lost = {path[:-3] + "pyx" for path in found["pxd"] + found["pyi"]} - {*found["pyx"]}
    if lost or not all(found.values()) or not headers():
        # A wheel without them would install, and hold no module.
        sys.exit(
            f"reactor's sources are missing ({', '.join(sorted(lost)) or 'all .pyx or .h'}): "
            "build from a git clone or from the sdist."
        )
    return sorted(found["pyx"], key=os.path.getsize, reverse=True)


def check_compiler(compiler):
    """End the build, in a sentence, where there is none."""
    command = getattr(compiler, "compiler_so", ["cl"])[0]
    if shutil.which(command) is None:
        sys.exit(
            f"reactor needs a C compiler, and there is no {command!r} here: install one, "
            "e.g. `apt install gcc python3-dev`, and try again."
        )


def headers():
    return glob("reactor/**/*.h", recursive=True)


def forget_older(paths):
    """Remove what was made of a module before its stub, or what makes it, was changed: Cython
    looks at neither."""
    for path in paths:
        made, stub = path[:-3] + "c", path[:-3] + "pyi"
        newest = max(os.path.getmtime(p) for p in (stub, *MAKERS) if os.path.exists(p))
        if os.path.exists(made) and os.path.getmtime(made) < newest:
            os.remove(made)
