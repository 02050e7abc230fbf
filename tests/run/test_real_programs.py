"""Real programs: the inputs and outputs are those that one would name by hand, the software what was really loaded."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.recorded import Run

pytestmark = pytest.mark.timeout(300)


def below(vestige: Vestige, run: Run, *kinds: str) -> set[str]:
    """Return the files of these classes, as paths below the folder that the run was made in; none may lie elsewhere."""
    return {os.path.relpath(path, folder_of(vestige)) for path in run.of_kind(*kinds) if not is_folder(run, path)}


def folder_of(vestige: Vestige) -> str:
    """Return the folder that runs are made in."""
    return os.path.dirname(vestige.path("any"))


def is_folder(run: Run, path: str) -> bool:
    """Say whether the run left a folder there."""
    after = run.files[path].after
    return after is not None and after["type"] == "directory"


def made(vestige: Vestige, run: Run) -> set[str]:
    """Return what the run left behind."""
    return below(vestige, run, "output", "modified")


def given(vestige: Vestige, run: Run) -> set[str]:
    """Return what the run was given."""
    return below(vestige, run, "input", "modified")


def write(vestige: Vestige, name: str, text: str) -> None:
    """Write a file for the run to use."""
    path = Path(vestige.path(name))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")


def bare(vestige: Vestige, script: str) -> None:
    """Prepare something outside of any run."""
    subprocess.run(["sh", "-ec", script], cwd=folder_of(vestige), check=True, capture_output=True)


@pytest.mark.needs("gcc")
@pytest.mark.needs("make")
def test_gcc_and_make(vestige: Vestige) -> None:
    write(vestige, "Makefile", "app: main.o part.o\n\tgcc -o $@ $^\n%.o: %.c part.h\n\tgcc -c -o $@ $<\n")
    write(vestige, "part.h", "int part(void);\n")
    write(vestige, "part.c", '#include "part.h"\nint part(void) { return 0; }\n')
    write(vestige, "main.c", '#include <stdio.h>\n#include "part.h"\nint main(void) { puts("x"); return part(); }\n')
    run = vestige.record("make", "-j2").run
    assert given(vestige, run) == {"Makefile", "main.c", "part.c", "part.h"}
    assert made(vestige, run) == {"app", "main.o", "part.o"}
    assert vestige.path("app") in run.files
    assert any(path.endswith("/stdio.h") for path in run.of_kind("software"))
    assert any(path.endswith(".s") for path in run.of_kind("temporary"))


@pytest.mark.needs("git")
def test_git_clone_of_a_local_repository(vestige: Vestige) -> None:
    write(vestige, "source/file", "content\n")
    bare(vestige, "cd source; git init -q; git add .; git -c user.name=t -c user.email=t@t commit -qm first")
    run = vestige.record("git", "clone", "--quiet", "--no-local", "source", "copy").run
    assert "copy/file" in made(vestige, run)
    assert all(path.startswith("copy/") for path in made(vestige, run))
    assert given(vestige, run)
    assert all(path.startswith("source/.git/objects/") for path in given(vestige, run))


@pytest.mark.needs("tar")
def test_tar(vestige: Vestige) -> None:
    write(vestige, "data/a.txt", "a\n")
    write(vestige, "data/b/c.txt", "c\n")
    run = vestige.record("tar", "-cf", "all.tar", "data").run
    assert given(vestige, run) == {"data/a.txt", "data/b/c.txt"}
    assert made(vestige, run) == {"all.tar"}
    run = vestige.record("tar", "-C", "data/b", "-xf", "all.tar").run
    assert given(vestige, run) == {"all.tar"}
    assert made(vestige, run) == {"data/b/data/a.txt", "data/b/data/b/c.txt"}


@pytest.mark.needs("rsync")
def test_rsync(vestige: Vestige) -> None:
    write(vestige, "from/a.txt", "a\n")
    write(vestige, "from/b/c.txt", "c\n")
    run = vestige.record("rsync", "-a", "from/", "to/").run
    assert given(vestige, run) == {"from/a.txt", "from/b/c.txt"}
    assert made(vestige, run) == {"to/a.txt", "to/b/c.txt"}
    # written under a temporary name and renamed into place
    assert any(name != vestige.path("to/a.txt") for name in run.files[vestige.path("to/a.txt")].names)


@pytest.mark.needs("sqlite3")
def test_sqlite3(vestige: Vestige) -> None:
    run = vestige.record("sqlite3", "base.db", "create table t (x); insert into t values (1);").run
    assert made(vestige, run) == {"base.db"}
    assert below(vestige, run, "temporary") == {"base.db-journal"}
    run = vestige.record("sqlite3", "base.db", "select * from t").run
    assert given(vestige, run) == {"base.db"}
    assert made(vestige, run) == set()
    run = vestige.record("sqlite3", "base.db", "insert into t values (2)").run
    assert given(vestige, run) == made(vestige, run) == {"base.db"}


def test_pip_install(vestige: Vestige) -> None:
    write(vestige, "project/pyproject.toml", """\
        [build-system]
        requires = []
        build-backend = "backend"
        backend-path = ["."]
        [project]
        name = "small"
        version = "1.0"
        """)  # fmt: skip
    write(vestige, "project/backend.py", """\
        import zipfile
        def build_wheel(folder, config_settings=None, metadata_directory=None):
            name = "small-1.0-py3-none-any.whl"
            with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
                wheel.write("small.py")
                info = "small-1.0.dist-info"
                wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: small\\nVersion: 1.0\\n")
                wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
                wheel.writestr(f"{info}/RECORD", "")
            return name
        """)  # fmt: skip
    write(vestige, "project/small.py", "print('small')\n")
    bare(vestige, f"{sys.executable} -m venv env")
    pip = [vestige.path("env/bin/python"), "-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-index"]
    # without other people's tools, which pip asks for their versions
    environ = vestige.variables | {"PATH": f"{vestige.variables['PATH'].partition(os.pathsep)[0]}:/usr/bin:/bin"}
    run = vestige.record(*pip, "--disable-pip-version-check", "./project", env=environ).run
    assert run.code == 0
    site = f"env/lib/python3.{sys.version_info[1]}/site-packages"
    outputs = made(vestige, run)
    assert {f"{site}/small.py", f"{site}/small-1.0.dist-info/METADATA"} <= outputs
    assert all(path.startswith(site) for path in outputs)
    assert {"project/pyproject.toml", "project/backend.py", "project/small.py"} <= given(vestige, run)
    assert all(path.startswith("project/") for path in given(vestige, run))
    loaded = {package["name"] for package in run.record["software"] if package["kind"] == "python"}
    assert "pip" in loaded


PANDAS = """
import pandas
table = pandas.read_csv("table.csv")
table.to_parquet("table.parquet")
pandas.read_parquet("table.parquet").sum().to_csv("sum.csv")
"""


@pytest.mark.needs("kedro")  # brings pandas and pyarrow
def test_a_pandas_and_parquet_script(vestige: Vestige) -> None:
    write(vestige, "table.csv", "a,b\n1,2\n3,4\n")
    write(vestige, "script.py", PANDAS)
    run = vestige.record(sys.executable, "script.py").run
    assert run.code == 0
    assert given(vestige, run) == {"script.py", "table.csv"}
    assert made(vestige, run) == {"sum.csv", "table.parquet"}
    assert imported(run) >= {"pandas", "pyarrow", "numpy"}
    assert frozen(vestige, run) <= pip_freeze()


def imported(run: Run) -> set[str]:
    """Return the names of the distributions that were imported."""
    packages = [package for package in run.record["software"] if package["kind"] == "python"]
    return {package["name"] for package in packages if package["imported"]}


def frozen(vestige: Vestige, run: Run) -> set[str]:
    """Return the lines of `vestige show --software --requirements` that pin a version."""
    said = vestige.call("show", run.folder, "--software", "--requirements").stdout.decode()
    assert said
    return {line for line in said.splitlines() if "==" in line and not line.startswith("#")}


def pip_freeze() -> set[str]:
    """Return what pip says of this interpreter's distributions."""
    said = subprocess.run(
        [sys.executable, "-m", "pip", "freeze", "--all", "--disable-pip-version-check"], capture_output=True, check=True
    )
    return set(said.stdout.decode().splitlines())


@pytest.mark.needs("Rscript")
def test_r(vestige: Vestige) -> None:
    write(vestige, "table.csv", "a,b\n1,2\n3,4\n")
    write(vestige, "script.R", 'library(tools)\nx <- read.csv("table.csv")\nwrite.csv(colSums(x), "sum.csv")\n')
    run = vestige.record("Rscript", "script.R").run
    assert run.code == 0
    assert given(vestige, run) == {"script.R", "table.csv"}
    assert made(vestige, run) == {"sum.csv"}
    assert "r-base-core" in {package["name"] for package in run.record["software"]}


def test_find_exec(vestige: Vestige) -> None:
    write(vestige, "data/a.txt", "a\n")
    write(vestige, "data/b.txt", "b\n")
    run = vestige.record("find", "data", "-name", "*.txt", "-exec", "cp", "{}", "{}.copy", ";").run
    assert given(vestige, run) == {"data/a.txt", "data/b.txt"}
    assert made(vestige, run) == {"data/a.txt.copy", "data/b.txt.copy"}


def test_xargs_in_parallel(vestige: Vestige) -> None:
    for number in range(40):
        write(vestige, f"data/{number}", f"{number}\n")
    run = vestige.record("sh", "-c", "ls data | xargs -P 8 -I{} sh -c 'sort data/{} >out-{}'").run
    assert given(vestige, run) == {f"data/{number}" for number in range(40)}
    assert made(vestige, run) == {f"out-{number}" for number in range(40)}
    for number in range(40):
        file = run.files[vestige.path(f"out-{number}")]
        (writer,) = file.writers
        assert run.processes[writer].argv == ["sh", "-c", f"sort data/{number} >out-{number}"] or (
            run.processes[writer].argv == ["sort", f"data/{number}"]
        )


def test_pytest(vestige: Vestige) -> None:
    write(vestige, "tests/test_it.py", "from pathlib import Path\ndef test_it(): Path('left').write_text('x')\n")
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:randomly", "tests"]
    run = vestige.record(*words).run
    assert run.code == 0
    assert given(vestige, run) == {"tests/test_it.py"}
    assert made(vestige, run) == {"left"}
    assert any("__pycache__" in path for path in run.of_kind("cache"))
    assert "pytest" in imported(run)


def test_two_runs_at_once_in_one_folder_have_their_own_outputs_only(vestige: Vestige) -> None:
    script = "for i in 1 2 3 4 5; do echo $i >{0}-$i; sleep 0.05; done"
    commands = [vestige.start("sh", "-c", script.format(name), options=("--tag", name)) for name in ("a", "b")]
    for command in commands:
        command.communicate()
    runs = [vestige.finalised(folder) for folder in vestige.folders()]
    assert {run.record["tags"][0]: made(vestige, run) for run in runs} == {
        name: {f"{name}-{number}" for number in range(1, 6)} for name in ("a", "b")
    }
