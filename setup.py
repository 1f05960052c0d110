"""The optional extension; everything else is in pyproject.toml.

AMISTREAM_NO_EXTENSIONS=1 leaves it out. AMISTREAM_REQUIRE_EXTENSIONS=1 makes its failure fatal.
AMISTREAM_ANNOTATE=1 writes build/cython/ext/*.html, which shows the C of each Cython line.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup


def is_set(variable):
    return os.environ.get(variable, "") not in ("", "0")


def extensions():
    if is_set("AMISTREAM_NO_EXTENSIONS") or sys.implementation.name != "cpython":
        return []
    from Cython.Build import cythonize

    macros = [("AMISTREAM_PORTABLE", "1")] if is_set("AMISTREAM_PORTABLE") else []
    module = Extension(
        "amistream._compiled",
        ["ext/_compiled.pyx"],
        include_dirs=["ext"],
        depends=[str(path) for path in Path("ext").iterdir()],
        define_macros=macros,
    )
    # An error in the Cython text is raised here, before anything is optional.
    built = cythonize(
        [module], force=True, build_dir="build/cython", annotate=is_set("AMISTREAM_ANNOTATE")
    )
    for extension in built:
        extension.optional = not is_set("AMISTREAM_REQUIRE_EXTENSIONS")
    return built


setup(ext_modules=extensions())
