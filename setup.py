"""Build the Cython modules; all metadata is in pyproject.toml.

``REACTOR_DEBUG=1`` builds them for finding faults: bounds checks, assertions,
line tracing for coverage, AddressSanitizer and UBSan (``REACTOR_DEBUG=trace``
leaves the sanitizers out, so that coverage runs need no preloaded library).
"""

import os
import shutil
import sys
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DEBUG = os.environ.get("REACTOR_DEBUG", "")
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"] if DEBUG == "1" else []
CFLAGS = ["-O1", "-g", "-UNDEBUG", "-DCYTHON_TRACE_NOGIL=1", *SANITIZE] if DEBUG else ["-O3"]
DIRECTIVES = {"language_level": 3, "boundscheck": bool(DEBUG), "wraparound": False,
              "cdivision": True, "embedsignature": True, "autotestdict": False,
              "linetrace": bool(DEBUG)}


class build(build_ext):
    def build_extensions(self):
        compiler = getattr(self.compiler, "compiler_so", ["cl"])[0]
        if shutil.which(compiler) is None:
            sys.exit(f"reactor builds its parser with a C compiler, and there is no {compiler!r} "
                     "here: install one, e.g. `apt install gcc python3-dev`, and try again.")
        super().build_extensions()


pyx = sorted(glob("reactor/**/*.pyx", recursive=True))
modules = [Extension(path[:-4].replace("/", "."), [path], depends=glob("reactor/*.h"),
                     include_dirs=["reactor"], extra_compile_args=CFLAGS,
                     extra_link_args=SANITIZE) for path in pyx]
setup(ext_modules=cythonize(modules, compiler_directives=DIRECTIVES, nthreads=os.cpu_count()),
      cmdclass={"build_ext": build}, options={"build_ext": {"parallel": os.cpu_count()}})
