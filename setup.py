"""Build the Cython modules. REACTOR_DEBUG=1: with bounds checks, assertions, ASan and UBSan."""

import os
import shutil
import sys
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("REACTOR_DEBUG", "")
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"] if DEBUG else []
FLAGS = ["-O1", "-g", "-UNDEBUG", *SANITIZE] if DEBUG else ["-O3", "-g0"]
SAFE = {"boundscheck": bool(DEBUG), "wraparound": False, "cdivision": True}
# A typed argument refuses None: to look for a member of it would be a crash.
SAFE["allow_none_for_extension_args"] = False
STYLE = {"language_level": 3, "embedsignature": True, "auto_pickle": False, "autotestdict": False}
HOW = {"include_dirs": ["reactor/parser"], "extra_compile_args": FLAGS, "extra_link_args": SANITIZE}


class build(build_ext):
    def build_extensions(self):
        compiler = getattr(self.compiler, "compiler_so", ["cl"])[0]
        if shutil.which(compiler) is None:
            sys.exit(f"reactor needs a C compiler, and there is no {compiler!r} here: install one, "
                     "e.g. `apt install gcc python3-dev`, and try again.")  # fmt: skip
        self.parallel = os.cpu_count()  # here: an editable install drops the option
        super().build_extensions()


found = {kind: glob(f"reactor/**/*.{kind}", recursive=True) for kind in ("pyx", "pxd", "pyi", "h")}
lost = {path[:-3] + "pyx" for path in found["pxd"] + found["pyi"]} - {*found["pyx"]}
if lost or not all(found.values()):  # a wheel without them would install, and hold no module
    sys.exit(f"reactor's sources are missing ({', '.join(sorted(lost)) or 'all .pyx or .h'}): "
             "build from a git clone or from the sdist.")  # fmt: skip
# The largest first, so that no core waits for one of them at the end.
paths = sorted(found["pyx"], key=os.path.getsize, reverse=True)
modules = [Extension(p[:-4].replace("/", "."), [p], depends=found["h"], **HOW) for p in paths]
modules = cythonize(modules, compiler_directives={**SAFE, **STYLE}, nthreads=os.cpu_count())
setup(ext_modules=modules, cmdclass={"build_ext": build})
