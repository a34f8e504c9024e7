"""Build the Cython modules; all metadata is in pyproject.toml.

REACTOR_DEBUG=1 builds them to find faults: bounds checks, assertions, ASan and UBSan.
"""

import os
import shutil
import sys
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("REACTOR_DEBUG", "")
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"] if DEBUG else []
SAFE = {"boundscheck": bool(DEBUG), "wraparound": False}
STYLE = {"language_level": 3, "cdivision": True, "embedsignature": True, "auto_pickle": False}
OPTIONS = {"include_dirs": ["reactor"], "depends": glob("reactor/*.h"), "extra_link_args": SANITIZE}


class build(build_ext):
    def build_extensions(self):
        compiler = getattr(self.compiler, "compiler_so", ["cl"])[0]
        if shutil.which(compiler) is None:
            sys.exit(f"reactor needs a C compiler, and there is no {compiler!r} here: install one, "
                     "e.g. `apt install gcc python3-dev`, and try again.")  # fmt: skip
        self.parallel = os.cpu_count()  # here: an editable install drops the option
        super().build_extensions()


flags = ["-O1", "-g", "-UNDEBUG", *SANITIZE] if DEBUG else ["-O3", "-g0"]
# The largest first, so that no core waits for one of them at the end.
paths = sorted(glob("reactor/**/*.pyx", recursive=True), key=os.path.getsize, reverse=True)
names = {path: path.removesuffix(".pyx").replace("/", ".") for path in paths}
modules = [Extension(names[p], [p], extra_compile_args=flags, **OPTIONS) for p in paths]
directives = {**SAFE, **STYLE, "autotestdict": False}
modules = cythonize(modules, compiler_directives=directives, nthreads=os.cpu_count())
setup(ext_modules=modules, cmdclass={"build_ext": build})
