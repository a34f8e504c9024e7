"""A compiled module that is not there: what happened, and what to run.

Python looks in the current folder first, so in a clone that was never built its sources
hide an installed reactor too. Loads nothing: it is asked only when something is missing.
"""

from __future__ import annotations

import os
import sys

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def explain(error: ImportError) -> str | None:
    """One sentence, if what is missing is a compiled module of this package; else None."""
    first, *parts = (error.name or "").split(".")
    path = os.path.join(PACKAGE, *parts)
    if first != "reactor" or not any(os.path.exists(path + kind) for kind in (".pyi", ".pyx")):
        return None  # somebody else's module, or a name that we never had
    version = "{}.{}".format(*sys.version_info)
    home = os.path.dirname(PACKAGE)
    if not os.path.exists(os.path.join(home, "setup.py")):
        return (
            f"{error.name} in {PACKAGE} is not compiled for Python {version}: "
            f"run `{_python()} -m pip install --force-reinstall reactor-httpd`"
        )
    install = f"{_python()} -m pip install -e ."
    if sys.prefix == sys.base_prefix:  # no virtual environment: Debian's pip would refuse
        install = "python3 -m venv .venv && .venv/bin/pip install -e ."
    return (
        f"the sources in {home} are not compiled for Python {version}: run `{install}` there, "
        "or start from another folder to use a reactor that is installed"
    )


def _python() -> str:
    import shlex

    return shlex.quote(sys.executable or "python3")
