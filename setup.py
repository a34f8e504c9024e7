"""Build the Cython modules. REACTOR_DEBUG=1: with bounds checks, assertions, ASan and UBSan."""

import os
import shutil
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # pip's build leaves it out
from building.docstrings import take_from_stubs
from building.sources import forget_older, headers, modules

DEBUG = os.environ.get("REACTOR_DEBUG", "")
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"] if DEBUG else []
FLAGS = ["-O1", "-g", "-UNDEBUG", *SANITIZE] if DEBUG else ["-O3", "-g0"]
SAFE = {"boundscheck": bool(DEBUG), "wraparound": False, "cdivision": True}
# A typed argument refuses None: to look for a member of it would be a crash.
SAFE["allow_none_for_extension_args"] = False
STYLE = {"language_level": 3, "auto_pickle": False, "autotestdict": False}
HOW = {"include_dirs": ["reactor/parser"], "extra_compile_args": FLAGS, "extra_link_args": SANITIZE}


class build(build_ext):
    def build_extensions(self):
        compiler = getattr(self.compiler, "compiler_so", ["cl"])[0]
        if shutil.which(compiler) is None:
            sys.exit(f"reactor needs a C compiler, and there is no {compiler!r} here: install one, "
                     "e.g. `apt install gcc python3-dev`, and try again.")  # fmt: skip
        self.parallel = os.cpu_count()  # here: an editable install drops the option
        super().build_extensions()


take_from_stubs()
paths = modules()
forget_older(paths)
extensions = [Extension(p[:-4].replace("/", "."), [p], depends=headers(), **HOW) for p in paths]
extensions = cythonize(extensions, compiler_directives={**SAFE, **STYLE}, nthreads=os.cpu_count())
setup(ext_modules=extensions, cmdclass={"build_ext": build})
