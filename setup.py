"""Build the Cython modules; all metadata is in pyproject.toml.

``REACTOR_DEBUG=1`` builds them for finding faults: bounds checks, assertions,
line tracing for coverage, AddressSanitizer and UBSan (``REACTOR_DEBUG=trace``
leaves the sanitizers out, so that coverage runs need no preloaded library).
"""

import os
import sys
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CCompilerError, PlatformError

DEBUG = os.environ.get("REACTOR_DEBUG", "")
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"] if DEBUG == "1" else []
CFLAGS = ["-O1", "-g", "-UNDEBUG", "-DCYTHON_TRACE_NOGIL=1", *SANITIZE] if DEBUG else ["-O3"]
DIRECTIVES = {"language_level": 3, "boundscheck": bool(DEBUG), "wraparound": False,
              "cdivision": True, "embedsignature": True, "autotestdict": False,
              "linetrace": bool(DEBUG)}


class build(build_ext):
    def build_extensions(self):
        try:
            super().build_extensions()
        except (CCompilerError, PlatformError, OSError) as error:
            sys.exit(f"reactor needs a C compiler to build its parser ({error}). "
                     "Install one, e.g. `apt install gcc python3-dev`, and try again.")


pyx = sorted(glob("reactor/**/*.pyx", recursive=True))
modules = [Extension(path[:-4].replace("/", "."), [path], depends=glob("reactor/*.h"),
                     extra_compile_args=CFLAGS, extra_link_args=SANITIZE) for path in pyx]
setup(ext_modules=cythonize(modules, compiler_directives=DIRECTIVES), cmdclass={"build_ext": build})
