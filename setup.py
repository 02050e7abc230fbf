"""Builds the recorder, an executable and no extension module, into a wheel for any Python 3 on this platform.

Everything else about the package is in pyproject.toml.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, ClassVar

from setuptools import Command, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build import build
from setuptools.command.build_py import build_py

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.path.join("vestige", "_bin", "vestige-recorder")
EXAMPLES = {os.path.join("examples", "flights"): os.path.join("vestige", "examples", "flights")}
ARCHITECTURES = ("x86_64", "aarch64")
FLAGS = ["-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-pthread"]

WITHOUT_SENDER = "VESTIGE_BUILD_WITHOUT_SENDER"
SENDER = ("wire", "worker")  # the only modules of telemetry's client that know a network

NO_COMPILER = """
vestige: the recorder was not built: {reason}
         vestige works without it, by sampling alone: short processes and exact peaks are missed then.
         To have it, install a C compiler and libc's headers (Debian, Ubuntu: `apt-get install gcc libc6-dev`,
         Fedora: `dnf install gcc glibc-devel`) and install vestige again.
"""


class BuildRecorder(Command):
    """Compiles native/*.c into one executable; says what is missing, and goes on, where that can't be."""

    description = "build the recorder (C, libc only)"
    user_options: ClassVar[list[tuple[str, str, str]] | list[tuple[str, str | None, str]]] = []
    build_lib: str | None
    editable_mode: bool

    def initialize_options(self) -> None:
        self.build_lib = None
        self.editable_mode = False

    def finalize_options(self) -> None:
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def run(self) -> None:
        machine = os.uname().machine
        if not sys.platform.startswith("linux") or machine not in ARCHITECTURES:
            self.warn(NO_COMPILER.format(reason=f"it knows Linux on {' and '.join(ARCHITECTURES)} only"))
            return
        target = os.path.join(HERE, "src" if self.editable_mode else self.build_lib or "build", BINARY)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        compiler = os.environ.get("CC", "cc")
        sources = sorted(glob.glob(os.path.join(HERE, "native", "*.c")))
        try:
            subprocess.run([compiler, *FLAGS, "-o", f"{target}.new", *sources], check=True)
            os.replace(f"{target}.new", target)  # who runs the old one meanwhile is not disturbed
        except (OSError, subprocess.CalledProcessError) as error:
            self.warn(NO_COMPILER.format(reason=error))

    def get_source_files(self) -> list[str]:
        return [os.path.relpath(path, HERE) for path in sorted(glob.glob(os.path.join(HERE, "native", "*.[ch]")))]

    def get_outputs(self) -> list[str]:
        return [] if self.editable_mode else [os.path.join(self.build_lib or "build", BINARY)]

    def get_output_mapping(self) -> dict[str, str]:
        return {}


class BuildWithRecorder(build):
    """The build, and the recorder after it."""

    sub_commands = [*build.sub_commands, ("build_recorder", None)]  # noqa: RUF012 - the base class's way


class BuildWithExamples(build_py):
    """The packages, and the example projects that `vestige demo` copies; on request without what sends telemetry."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        found = super().find_package_modules(package, package_dir)  # type: ignore[no-untyped-call]
        is_left_out = WITHOUT_SENDER in os.environ and package == "vestige.telemetry"
        return [module for module in found if not (is_left_out and module[1] in SENDER)]

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for source, target in EXAMPLES.items():
            for path in _own_files(os.path.join(HERE, source)):
                _copy(os.path.join(HERE, source, path), os.path.join(self.build_lib, target, path))


def _copy(source: str, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(source, target)


def _own_files(top: str) -> Iterator[str]:
    """Every file of the example that belongs to it: no outputs of a run, nothing compiled."""
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name not in ("__pycache__", ".vestige", ".ipynb_checkpoints")]
        inside = os.path.relpath(folder, top)
        for name in files:
            if not inside.startswith("data") or name == ".gitignore":
                yield os.path.normpath(os.path.join(inside, name))


class PlatformWheel(bdist_wheel):
    """`py3-none-<platform>`: an executable inside, but nothing tied to one interpreter's ABI."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        platform: str = super().get_tag()[2]
        return "py3", "none", platform


setup(
    cmdclass={
        "build": BuildWithRecorder,
        "build_py": BuildWithExamples,
        "build_recorder": BuildRecorder,
        "bdist_wheel": PlatformWheel,
    },
)
