"""Which rule decides on a file, and of which class it makes it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from vestige.provenance.rules import BUILT_IN, Rules, Subject
from vestige.record.model import Exit, Options, Record

if TYPE_CHECKING:
    from pathlib import Path

    from vestige.record.model import FileClass, FileType

HOME = "/home/somebody"


def rules(
    *words: str,
    classes: dict[str, tuple[str, ...]] | None = None,
    owners: dict[bytes, str] | None = None,
    editable: frozenset[str] = frozenset(),
    environment: dict[str, str] | None = None,
) -> Rules:
    record = Record(
        id="01980d2a-7c00-7abc-8def-0123456789ab",
        argv=("prog", *words),
        cwd=f"{HOME}/project",
        status="running",
        started="2025-10-09T08:53:20.000000Z",
        ended=None,
        exit=Exit(),
        vestige="0.1.0",
        machine=None,
        environment=environment or {},
        options=Options(classes=classes or {}),
    )
    return Rules(record, (owners or {}).get, editable)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", HOME)


@pytest.mark.parametrize(
    ("path", "kind", "rule"),
    [
        ("/proc/cpuinfo", "pseudo", "kernel"),
        ("/sys/devices/system/cpu/online", "pseudo", "kernel"),
        ("/dev/null", "pseudo", "kernel"),
        ("pipe:[4711]", "pseudo", "kernel"),
        ("memfd:x", "pseudo", "kernel"),
        ("/memfd:x (deleted)", "pseudo", "memory"),
        ("/SYSV00000000 (deleted)", "pseudo", "memory"),
        ("/anon_hugepage (deleted)", "pseudo", "memory"),
        ("/dev/shm/sem.mp-1", "pseudo", "semaphore"),
        ("/dev/shm/data.bin", "input", None),
        ("/device/data", "input", None),
        ("/usr/bin/python3", "software", "system"),
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", "software", "system"),
        ("/lib64/ld-linux-x86-64.so.2", "software", "system"),
        ("/opt/tool/share/table.txt", "software", "system"),
        ("/opt/tool/data.csv", "input", None),
        ("/nix/store/abc-bash/bin/bash", "software", "system"),
        ("/usrdata/a", "input", None),
        (f"{HOME}/v/lib/python3.11/site-packages/sklearn/base.py", "software", "library"),
        (f"{HOME}/v/lib/python3.11/site-packages/sklearn/data/iris.csv", "input", None),
        (f"{HOME}/v/lib/python3.11/site-packages/sklearn/data/digits.csv.gz", "input", None),
        (f"{HOME}/v/lib/python3.11/site-packages/x/model.gz", "software", "library"),
        (f"{HOME}/p/node_modules/x/index.js", "software", "library"),
        (f"{HOME}/R/x86_64-pc-linux-gnu-library/4.2/dplyr/Meta/package.rds", "software", "library"),
        (f"{HOME}/R/x86_64-pc-linux-gnu-library/4.2/dplyr/data/starwars.rda", "input", None),
        ("/usr/lib/R/library/stats/R/stats.rdb", "software", "system"),
        (f"{HOME}/.pyenv/versions/3.12.1/bin/python3.12", "software", "toolchain"),
        (f"{HOME}/go/pkg/mod/x/a.go", "software", "toolchain"),
        (f"{HOME}/.local/share/uv/tools/x", "software", "toolchain"),
        (f"{HOME}/src/tool/tool.egg-info/PKG-INFO", "software", "package metadata"),
        (f"{HOME}/src/tool/tool-1.0.dist-info/data.csv", "software", "package metadata"),
        ("/scratch/python/lib/python3.12/os.py", "software", "standard library"),
        ("/scratch/env/pyvenv.cfg", "software", "environment"),
        ("/etc/passwd", "config", "system settings"),
        ("/var/lib/dpkg/status", "config", "system settings"),
        ("/var/db/nscd/passwd", "config", "system settings"),
        ("/var/lib/data.csv", "input", None),
        ("/run/systemd/resolve/stub-resolv.conf", "config", "system settings"),
        ("/run/media/somebody/disk/a.csv", "input", None),
        (f"{HOME}/.config/matplotlib/matplotlibrc", "config", "user settings"),
        (f"{HOME}/.condarc", "config", "user settings"),
        (f"{HOME}/data", "input", None),
        (f"{HOME}/.data/a.csv", "input", None),
        (f"{HOME}/project/.git/HEAD", "config", "git"),
        (f"{HOME}/project/.git/refs/heads/main", "config", "git"),
        (f"{HOME}/project/.git/worktrees/x/commondir", "config", "git"),
        (f"{HOME}/project/.git/objects/ab/cdef", "input", None),
        (f"{HOME}/project/HEAD", "input", None),
        (f"{HOME}/project/__pycache__/a.cpython-311.pyc", "cache", "bytecode"),
        (f"{HOME}/project/__pycache__/a.nbi", "cache", "bytecode"),
        (f"{HOME}/project/a.pyc", "cache", "bytecode"),
        (f"{HOME}/project/a.pyo", "cache", "bytecode"),
        (f"{HOME}/project/.ipynb_checkpoints/a.ipynb", "cache", "tool cache"),
        ("/var/cache/fontconfig/a", "cache", "tool cache"),
        (f"{HOME}/project/.mypy_cache/3.11/a.json", "cache", "tool cache"),
        (f"{HOME}/.cache/fontconfig/a", "cache", "user cache"),
        (f"{HOME}/project/script.py", "input", None),
        ("/zarr/site-packages/x.zarr/0/0", "input", None),
    ],
)
def test_what_was_read(path: str, kind: FileClass, rule: str | None) -> None:
    verdict = rules().verdict(Subject(path, "input", "file"))
    assert (verdict.kind, verdict.rule) == (kind, rule)


def test_what_vestige_counts_is_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", f"{HOME}/state")
    for path, kind in (("state/vestige/telemetry/due", "cache"), ("vestige/telemetry/due", "output")):
        assert rules().verdict(Subject(f"{HOME}/{path}", "output", "file")).kind == kind
    assert rules().verdict(Subject(f"{HOME}/state/vestige", "output", "directory")).kind == "cache"


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/usr/lib/new.so", "output", "output"),
        ("/etc/hosts", "modified", "modified"),
        (f"{HOME}/project/.git/index", "output", "output"),
        (f"{HOME}/v/lib/python3.11/site-packages/a.py", "output", "output"),
        (f"{HOME}/project/__pycache__/a.cpython-311.pyc", "output", "cache"),
        (f"{HOME}/.cache/x", "modified", "cache"),
        (f"{HOME}/.cache/x", "probed", "probed"),
        (f"{HOME}/.cache/x", "temporary", "temporary"),
        ("/usr/bin/nothing", "probed", "probed"),
        ("/usr/share", "listed", "listed"),
        ("/dev/null", "output", "pseudo"),
        ("/proc/self/mem", "probed", "pseudo"),
        ("/sys/class", "listed", "pseudo"),
    ],
)
def test_what_was_done_is_not_overruled(path: str, kind: FileClass, expected: str) -> None:
    assert rules().verdict(Subject(path, kind, "file")).kind == expected


@pytest.mark.parametrize(
    ("ruled", "replaced"),
    [
        ("pseudo", "input output modified unchanged removed temporary listed probed"),
        ("cache", "input output modified unchanged"),
        ("temporary", "input output modified unchanged"),
        ("software", "input"),
        ("config", "input"),
        ("input", ""),
        ("output", "modified unchanged"),
    ],
)
def test_what_a_glob_may_make_of_what_was_done(ruled: FileClass, replaced: str) -> None:
    done: tuple[FileClass, ...] = (
        "input", "output", "modified", "unchanged", "removed", "temporary", "listed", "probed"
    )  # fmt: skip
    some = rules(classes={ruled: ("*.x",)})
    verdicts = {kind: some.verdict(Subject("/a/b.x", kind, "file")).kind for kind in done}
    assert verdicts == {kind: ruled if kind in replaced.split() else kind for kind in done}


@pytest.mark.parametrize("kind", ["fifo", "socket", "char", "block"])
def test_what_holds_no_content(kind: FileType) -> None:
    verdict = rules().verdict(Subject(f"{HOME}/x", "output", kind))
    assert (verdict.kind, verdict.rule) == ("pseudo", "kernel")


@pytest.mark.parametrize(
    ("path", "pseudo"),
    [
        ("/proc/self/maps", True),
        ("/dev/shm/sem.mp-1", True),
        ("/dev/shm/data.bin", False),
        ("/memfd:x (deleted)", True),
        ("/data.csv", False),
        ("pipe:[4711]", True),
        ("/usr/bin/env", False),
        ('"/sys/\\377"', True),
    ],
)
def test_where_the_kernel_makes_up_what_stands_there(path: str, pseudo: bool) -> None:
    assert rules().is_pseudo(path) is pseudo


@pytest.mark.parametrize("home", ["/srv/me", "/srv/me/", "/"])
def test_home_is_that_of_the_run(home: str) -> None:
    some = rules(environment={"HOME": home}, classes={"config": ("~/in/*",)})
    for path, kind in ((".cache/a", "cache"), (".config/a", "config"), (".netrc", "config"), ("in/a", "config")):
        assert some.verdict(Subject(os.path.join(home, path), "input")).kind == kind
        assert some.verdict(Subject(f"{HOME}/{path}", "input")).kind == "input"


@pytest.mark.parametrize(
    "name", ["HEAD", "ORIG_HEAD", "FETCH_HEAD", "config", "config.worktree", "index", "packed-refs"]
)
def test_files_of_git_itself(name: str) -> None:
    for folder in (".git", ".git/worktrees/x", ".git/modules/lib"):
        assert rules().verdict(Subject(f"/data/{folder}/{name}", "input")).rule == "git"
    assert rules().verdict(Subject(f"/data/{name}", "input")).kind == "input"


@pytest.mark.parametrize(
    "suffix", [".parquet", ".NPY", ".h5", ".xlsx", ".json", ".txt", ".csv.xz", ".tsv.zst", ".sav.bz2"]
)
def test_data_in_a_folder_of_software_by_its_suffix(suffix: str) -> None:
    is_data = suffix not in (".json", ".txt")
    verdict = rules().verdict(Subject(f"/usr/share/x/a{suffix}", "input"))
    assert verdict.kind == ("input" if is_data else "software")


def test_named_on_the_command_line() -> None:
    some = rules("/etc/passwd", "../x/.bashrc", "/usr/bin/tool", "/dev/null", "bin/link")
    assert some.verdict(Subject("/etc/passwd", "input")).kind == "input"
    assert some.verdict(Subject("/etc/passwd", "input")).rule == "named on the command line"
    assert some.verdict(Subject("/etc/group", "input")).kind == "config"
    assert some.verdict(Subject("/usr/bin/tool", "input", executed=True)).kind == "software"
    assert some.verdict(Subject("/dev/null", "input")).kind == "pseudo"
    assert some.verdict(Subject("/usr/share/x", "input", names=(f"{HOME}/project/bin/link",))).kind == "input"
    assert rules("/x/a.pyc").verdict(Subject("/x/a.pyc", "output")).kind == "cache"


def test_packages() -> None:
    owners = {
        b"/srv/libs/numpy/a.py": "python:numpy",
        b"/srv/libs/numpy/a.npz": "python:numpy",
        b"/srv/me/a.py": "python:me",
    }
    some = rules(owners=owners, editable=frozenset({"python:me"}))
    code = some.verdict(Subject("/srv/libs/numpy/a.py", "input"))
    assert (code.kind, code.rule, code.package) == ("software", "package", "python:numpy")
    data = some.verdict(Subject("/srv/libs/numpy/a.npz", "input"))
    assert (data.kind, data.package) == ("input", "python:numpy")
    source = some.verdict(Subject("/srv/me/a.py", "input"))
    assert (source.kind, source.package) == ("input", "python:me")
    assert some.verdict(Subject("/srv/libs/numpy/a.py", "output")).package is None


@pytest.mark.parametrize(
    ("mark", "kind"), [("pyvenv.cfg", "software"), ("conda-meta", "software"), ("README", "input")]
)
def test_environments(tmp_path: Path, mark: str, kind: str) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / mark).mkdir()
    some = rules()
    assert some.verdict(Subject(f"{tmp_path}/env/bin/tool", "input")).kind == kind
    assert some.verdict(Subject(f"{tmp_path}/env/share/deep/x", "input")).kind == kind
    assert some.verdict(Subject(f"{tmp_path}/env/data/x", "input")).kind == "input"


@pytest.mark.parametrize(
    "part", ["bin", "conda-meta", "etc", "include", "lib", "lib64", "libexec", "man", "sbin", "ssl"]
)
def test_folders_of_an_environment(tmp_path: Path, part: str) -> None:
    (tmp_path / "pyvenv.cfg").touch()
    assert rules().verdict(Subject(f"{tmp_path}/{part}/tool", "input")).rule == "environment"
    assert rules().verdict(Subject(f"{tmp_path}/{part}x/tool", "input")).kind == "input"
    assert rules().verdict(Subject(f"{tmp_path}/{part}", "input", "directory")).rule == "environment"
    assert rules().verdict(Subject(f"{tmp_path}/{part}", "input", "file")).kind == "input"


def test_a_python_of_somebodys_own_is_an_environment(tmp_path: Path) -> None:
    (tmp_path / "lib" / "python3.99").mkdir(parents=True)
    (tmp_path / "lib" / "ruby").mkdir()
    (tmp_path / "lib" / "ruby" / "os.py").touch()
    assert rules().verdict(Subject(f"{tmp_path}/bin/tool", "input")).kind == "input"
    (tmp_path / "lib" / "python3.99" / "os.py").touch()
    assert rules().verdict(Subject(f"{tmp_path}/bin/tool", "input")).rule == "environment"


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("*.cfg", "/a/b/x.cfg", True),
        ("*.cfg", "/a/b/x.cfg.csv", False),
        ("models", "/a/models/x", True),
        ("/a/*/x", "/a/b/x", True),
        ("/a/*/x", "/a/b/c/x", False),
        ("/a/**/x", "/a/b/c/x", True),
        ("/a/**/x", "/a/x", True),
        ("/a/**", "/a/b/c", True),
        ("**/models/*", "/q/models/x", True),
        ("data/*.t?t", f"{HOME}/project/data/a.txt", True),
        ("data/", "/q/data/a", True),
        ("~/in/*", f"{HOME}/in/a", True),
        ("/a/[a-c]", "/a/b", True),
        ("/a/[!a-c]", "/a/b", False),
        ("/a/[z-a]", "/a/[z-a]", True),
        ("/a/[[]x", "/a/[x", True),
        ("/a/[!]", "/a/!", True),
        ("/a/[!]", "/a/b", False),
        ("/a/[x\\n]", "/a/\\", True),
        ("/a/[x\\n]", "/a/\n", False),
        ("/a/[b[:c]", "/a/[", True),
        ("/a/[b[:c]", "/a/\\", False),
        ("/a/b/", "/a/b/c/d", True),
        ("/a/b/", "/a/bc", False),
        ("/a/b/", "/a/b", False),
        ("b/", "/a/b", True),
        ("/a/b", "/a/b/c", False),
        ("/a/(x", "/a/(x", True),
        ("/a\n/*", "/a\n/b\n", True),
    ],
)
def test_globs(glob: str, path: str, fits: bool) -> None:
    verdict = rules(classes={"config": (glob,)}).verdict(Subject(path, "input"))
    assert (verdict.kind, verdict.rule) == (("config", glob) if fits else ("input", None))


def test_globs_come_first_and_settle_it() -> None:
    some = rules(
        classes={"input": ("/usr/share/dict/**",), "cache": ("*.idx",), "software": ("*.csv",), "nonsense": ("*",)}
    )
    assert some.verdict(Subject("/usr/share/dict/words", "input")).kind == "input"
    assert some.verdict(Subject("/x/a.idx", "output")).kind == "cache"
    assert some.verdict(Subject("/x/a.csv", "output")).kind == "output"


def test_odd_bytes() -> None:
    some = rules(classes={"config": ("*.cfg",)})
    assert some.verdict(Subject('"/usr/lib/\\377"', "input")).kind == "software"
    assert some.verdict(Subject('"/x/\\377.cfg"', "input")).kind == "config"
    assert some.verdict(Subject("/x/\0", "input")).kind == "input"


def test_every_rule_may_replace_something() -> None:
    assert {rule.kind for rule in BUILT_IN} == {"pseudo", "cache", "config", "software"}
    assert all(os.path.isabs(HOME) and rule.name for rule in BUILT_IN)
