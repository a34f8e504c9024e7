"""Build the Cython modules. REACTOR_DEBUG=1: with bounds checks, assertions, ASan and UBSan."""

import gc
import os
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # pip's build leaves it out
from building.docstrings import take_from_stubs
from building.optimisation import level
from building.sources import check_compiler, forget_older, headers, modules

DEBUG = bool(os.environ.get("REACTOR_DEBUG"))
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"] if DEBUG else []
SLOW = ["-O1", "-g", "-UNDEBUG", *SANITIZE]
# A typed argument refuses None: to look for a member of it would be a crash.
SAFE = {"allow_none_for_extension_args": False, "boundscheck": DEBUG, "wraparound": False}
STYLE = {"language_level": 3, "cdivision": True, "binding": False}
NONE = {"auto_pickle": False, "autotestdict": False}
HOW = {"include_dirs": ["reactor/parser"], "extra_link_args": SANITIZE, "depends": headers()}


class build(build_ext):
    def build_extensions(self):
        check_compiler(self.compiler)
        self.parallel = os.cpu_count()  # here: an editable install drops the option
        super().build_extensions()


gc.set_threshold(100_000)  # a third of Cython's work was to look for garbage
forget_older(paths := modules())
take_from_stubs()
flags = {path: SLOW if DEBUG else [level(path), "-g0"] for path in paths}
names = {path: path[:-4].replace("/", ".") for path in paths}
found = [Extension(names[path], [path], extra_compile_args=flags[path], **HOW) for path in paths]
made = cythonize(found, compiler_directives={**SAFE, **STYLE, **NONE}, nthreads=os.cpu_count())
setup(ext_modules=made, cmdclass={"build_ext": build})
