"""Which package a file belongs to, in folders made by hand and in real environments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from vestige.provenance import checkouts, software, system_packages
from vestige.provenance.remembered import Memory
from vestige.record.model import FileUse, Package
from vestige.report import software as report
from vestige.text import from_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from vestige.record.model import FileClass

COMMIT = "387330be88f617f29af544f9bcc59dd7ad54cb56"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(name="site")
def site_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "lib" / "python3.11" / "site-packages"
    folder.mkdir(parents=True)
    return folder


def write(path: Path, text: str | bytes = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def install(site: Path, name: str, files: Iterable[str] = (), *, version: str = "1.0", **more: str) -> Path:
    """Write a `.dist-info` with its RECORD; `more`: other files in it, `_` for the dot."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: not-this\n")
    write(info / "RECORD", "".join(f"{file},sha256=x,1\n" for file in files) + f"{info.name}/METADATA,,\n")
    for file, text in more.items():
        write(info / file.replace("_json", ".json"), text)
    return info


def owners(*paths: Path | str | bytes) -> list[str | None]:
    raw = [path if isinstance(path, bytes) else os.fsencode(path) for path in paths]
    packages = software.find(raw)
    return [packages.owner(path) for path in raw]


def packages_of(*paths: Path, kind: FileClass = "software") -> tuple[Package, ...]:
    found = software.find(map(os.fsencode, paths))
    return found.packages(
        FileUse(from_bytes(os.fsencode(path)), kind, package=found.owner(os.fsencode(path))) for path in paths
    )


class TestDistributions:
    def test_by_the_first_name_whatever_it_is_called(self, site: Path) -> None:
        install(site, "PyYAML", ["yaml/__init__.py", "_yaml/__init__.py"], version="6.0")
        assert owners(site / "yaml" / "nodes.py", site / "_yaml" / "_yaml.so", site / "other.py") == [
            "python:PyYAML",
            "python:PyYAML",
            None,
        ]

    def test_modules_and_what_was_compiled_of_them(self, site: Path) -> None:
        install(site, "six", ["six.py", "__pycache__/six.cpython-311.pyc"])
        install(site, "seven", ["seven.py", "__pycache__/seven.cpython-311.pyc"])
        cache = site / "__pycache__"
        assert owners(cache / "six.cpython-311.pyc", cache / "seven.cpython-311.opt-2.pyc", cache / "x.pyc") == [
            "python:six",
            "python:seven",
            None,
        ]

    def test_several_share_a_namespace(self, site: Path) -> None:
        install(site, "google-auth", ["google/auth/__init__.py"])
        install(site, "google-api", ['"google/api/a,b.py"', "google/api/c.py"])
        assert owners(
            site / "google/auth/__init__.py",
            site / "google/api/a,b.py",
            site / "google/api/__pycache__/c.cpython-311.pyc",
            site / "google/auth/made_later.txt",
            site / "google/nobody.py",
        ) == ["python:google-auth", "python:google-api", "python:google-api", "python:google-auth", None]

    def test_scripts_outside_of_the_folder(self, tmp_path: Path, site: Path) -> None:
        install(site, "pip", ["pip/__init__.py", "../../../bin/pip"])
        assert owners(site / "pip/__init__.py", tmp_path / "bin" / "pip", tmp_path / "bin" / "other") == [
            "python:pip",
            "python:pip",
            None,
        ]

    def test_a_folder_by_another_name(self, tmp_path: Path) -> None:
        folder = tmp_path / "vendored"
        info = install(folder, "six", ["six.py"])
        assert owners(info / "METADATA", folder / "six.py") == ["python:six", "python:six"]

    def test_eggs_of_former_times(self, site: Path) -> None:
        write(site / "old-2.0.egg-info" / "PKG-INFO", "Name: old\nVersion: 2.0\n")
        write(site / "old-2.0.egg-info" / "top_level.txt", "older\n")
        write(site / "single-1.egg-info", "Name: single\nVersion: 1\n")
        write(site / "zipped-3.0-py3.11.egg" / "EGG-INFO" / "PKG-INFO", "Name: zipped\nVersion: 3.0\n")
        assert owners(
            site / "older/x.py", site / "older.py", site / "single.py", site / "zipped-3.0-py3.11.egg" / "zipped.py"
        ) == ["python:old", "python:old", "python:single", "python:zipped"]

    def test_what_is_known_of_one(self, site: Path) -> None:
        url = {"url": "https://me:secret@example.org/x-1.0.whl", "archive_info": {"hashes": {"sha256": "ab"}}}
        install(site, "x", ["x.py"], INSTALLER="uv\n", direct_url_json=json.dumps(url))
        assert packages_of(site / "x.py") == (
            Package(
                "python", "x", "1.0", files=1, location=str(site), installer="uv",
                source="https://example.org/x-1.0.whl#sha256=ab",
            ),
        )  # fmt: skip

    def test_a_commit(self, site: Path) -> None:
        url = {
            "url": "ssh://git@example.org/x",
            "vcs_info": {"vcs": "git", "commit_id": COMMIT},
            "subdirectory": "python",
        }
        install(site, "x", ["x.py"], direct_url_json=json.dumps(url))
        (package,) = packages_of(site / "x.py")
        assert package.source == f"git+ssh://git@example.org/x@{COMMIT}#subdirectory=python"

    def test_imported_means_that_code_was_opened(self, site: Path) -> None:
        info = install(site, "x", ["x.py", "x_data.txt"])
        assert not packages_of(info / "METADATA")[0].imported
        assert packages_of(info / "METADATA", site / "x.py")[0].imported
        assert packages_of(site / "x.py", kind="output") == ()

    def test_hooks_at_the_start_of_python_are_no_import(self, site: Path) -> None:
        install(site, "x", ["__editable___x_finder.py"])
        hook = site / "__pycache__" / "__editable___x_finder.cpython-311.pyc"
        assert [package.imported for package in packages_of(site / "__editable___x_finder.py", hook)] == [False]

    @pytest.mark.parametrize(
        "url",
        ["", "[]", "{", '{"url": 3}', '{"url": "http://[", "dir_info": {"editable": true}}', "[" * 9999,
         '{"url": "file://x", "dir_info": 3, "vcs_info": [], "archive_info": {"hashes": 3}}',
         '{"url": "https://a/\\u001b[2J", "dir_info": {"editable": true}}'],
    )  # fmt: skip
    def test_a_damaged_origin(self, site: Path, url: str) -> None:
        info = install(site, "x", ["x.py"], direct_url_json=url)
        assert owners(site / "x.py") == ["python:x"]
        write(info / "METADATA", b"\xff\xfe\x00")
        write(info / "RECORD", b'\xff,\n"open\n,,\n../../../../../../../../../x,,\n/abs,,\n\x00\n')
        assert packages_of(info / "METADATA")[0].name == "x"

    def test_odd_names(self, site: Path) -> None:
        write(site / "x-1.0.dist-info" / "RECORD", b"a\xff/b.py,,\n")
        assert owners(os.fsencode(site) + b"/a\xff/b.py", os.fsencode(site) + b"/c\n\x00") == ["python:x", None]

    def test_a_pipe_in_place_of_a_file(self, site: Path) -> None:
        info = install(site, "x", ["x.py"])
        os.remove(info / "RECORD")
        os.mkfifo(info / "RECORD")
        assert owners(site / "x.py") == ["python:x"]


class TestSourceTrees:
    def editable(self, site: Path, project: Path, files: Iterable[str]) -> None:
        url = json.dumps({"url": f"file://{project}", "dir_info": {"editable": True}})
        install(site, "proj", files, direct_url_json=url)

    def test_by_a_path_file(self, tmp_path: Path, site: Path) -> None:
        project = tmp_path / "proj"
        write(project / "pyproject.toml")
        write(site / "_proj.pth", f"# x\nimport os\n{project}/src\n")
        self.editable(site, project, ["_proj.pth"])
        assert owners(
            site / "_proj.pth", project / "src/proj/x.py", project / "src/proj/t.html", project / "data.csv"
        ) == ["python:proj", "python:proj", "python:proj", None]

    def test_a_whole_project_holds_more_than_code(self, tmp_path: Path, site: Path) -> None:
        project = tmp_path / "proj"
        write(project / "pyproject.toml")
        write(site / "_proj.pth", str(project))
        self.editable(site, project, ["_proj.pth"])
        assert owners(
            site / "_proj.pth",
            project / "proj/x.py",
            project / "proj/__pycache__/x.cpython-311.pyc",
            project / "data/x.csv",
            project / ".tox/x.py",
        ) == ["python:proj", "python:proj", "python:proj", None, None]

    def test_by_the_hook_of_setuptools(self, tmp_path: Path, site: Path) -> None:
        project = tmp_path / "proj"
        write(project / "proj" / "x.py")
        mapping = {"proj": str(project / "proj"), "single": str(project / "single"), "odd": 3}
        hook = write(site / "__editable___proj_1_0_finder.py", f"import x\nMAPPING: dict[str, str] = {mapping!r}\n")
        self.editable(site, project, [hook.name])
        assert owners(
            hook, project / "proj" / "t.html", project / "single.py", project / "other.py", project / "x.csv"
        ) == ["python:proj", "python:proj", "python:proj", None, None]

    def test_a_damaged_hook(self, tmp_path: Path, site: Path) -> None:
        hook = write(site / "__editable___proj_1_0_finder.py", "MAPPING = {" + "[" * 9999 + "}\nMAPPING = {1: 2}\n")
        self.editable(site, tmp_path / "proj", [hook.name])
        assert owners(hook, tmp_path / "proj" / "x.py") == ["python:proj", "python:proj"]

    def test_a_link_of_setup_develop(self, tmp_path: Path, site: Path) -> None:
        project = tmp_path / "proj"
        write(project / "proj.egg-info" / "PKG-INFO", "Name: proj\nVersion: 0.1\n")
        write(project / "proj.egg-info" / "top_level.txt", "proj\n")
        write(project / "proj" / "x.py")
        link = write(site / "proj.egg-link", f"{project}\n.")
        assert owners(link, project / "proj" / "x.py", project / "data.py") == [None, "python:proj", None]
        (package,) = packages_of(link, project / "proj" / "x.py")
        assert (package.version, package.editable, package.source) == ("0.1", True, f"file://{project}")


class TestCheckouts:
    def git(self, folder: Path, *words: str) -> str:
        call = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(call, check=True, capture_output=True, text=True).stdout.strip()

    @pytest.fixture(name="repository")
    def made_repository(self, tmp_path: Path) -> Path:
        folder = tmp_path / "repo"
        write(folder / "python" / "x.py")
        self.git(tmp_path, "init", "-q", str(folder))
        self.git(folder, "add", ".")
        self.git(folder, "commit", "-qm", "x")
        return folder

    def source(self, folder: Path) -> str | None:
        return checkouts.source(os.fsencode(folder))

    def test_none(self, tmp_path: Path, repository: Path) -> None:
        assert self.source(tmp_path) is None
        assert self.source(repository) is None

    @pytest.mark.parametrize(
        ("remote", "url"),
        [
            ("https://me:token@example.org/x.git", "git+https://example.org/x.git"),
            ("git@example.org:me/x.git", "git+ssh://git@example.org/me/x.git"),
            ("/srv/git/x y", "git+file:///srv/git/x%20y"),
        ],
    )
    def test_a_remote(self, repository: Path, remote: str, url: str) -> None:
        self.git(repository, "remote", "add", "origin", remote)
        commit = self.git(repository, "rev-parse", "HEAD")
        assert self.source(repository) == f"{url}@{commit}"
        assert self.source(repository / "python") == f"{url}@{commit}#subdirectory=python"

    def test_packed_detached_and_in_another_work_tree(self, tmp_path: Path, repository: Path) -> None:
        self.git(repository, "remote", "add", "origin", "https://example.org/x")
        commit = self.git(repository, "rev-parse", "HEAD")
        expected = f"git+https://example.org/x@{commit}"
        self.git(repository, "pack-refs", "--all")
        assert self.source(repository) == expected
        self.git(repository, "checkout", "-q", "--detach")
        assert self.source(repository) == expected
        self.git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
        assert self.source(tmp_path / "tree") == expected


class TestFoldersOfTheirOwn:
    def test_node(self, tmp_path: Path) -> None:
        modules = tmp_path / "node_modules"
        write(modules / "a" / "package.json", '{"name": "a", "version": "1.2.3"}')
        write(modules / "a" / "node_modules" / "@s" / "b" / "package.json", '{"name": "@s/b"}')
        write(modules / "broken" / "package.json", "[")
        assert owners(
            modules / "a/index.js",
            modules / "a/node_modules/@s/b/lib/x.js",
            modules / "broken/x.js",
            modules / ".bin/x",
        ) == ["node:a", "node:@s/b", None, None]

    def test_r(self, tmp_path: Path) -> None:
        write(
            tmp_path / "library" / "dplyr" / "DESCRIPTION", "Package: dplyr\nTitle: x\n  Version: no\nVersion: 1.1.4\n"
        )
        (package,) = packages_of(tmp_path / "library" / "dplyr" / "R" / "dplyr.rdb")
        assert (package.kind, package.name, package.version) == ("r", "dplyr", "1.1.4")
        assert owners(tmp_path / "library" / "data" / "x.csv") == [None]

    def test_conda(self, tmp_path: Path) -> None:
        write(
            tmp_path / "env" / "conda-meta" / "zlib-1.json",
            json.dumps({"name": "zlib", "version": "1.3", "files": ["lib/libz.so.1", 3]}),
        )
        write(tmp_path / "env" / "conda-meta" / "broken.json", '{"name": 3, "files": []}')
        library = tmp_path / "env" / "lib" / "libz.so.1"
        for _ in range(2):  # asked, and remembered
            assert owners(library, tmp_path / "env" / "lib" / "own.so") == ["conda:zlib", None]
        (package,) = packages_of(library)
        assert (package.version, package.location) == ("1.3", str(tmp_path / "env"))


class TestSystem:
    @pytest.mark.needs("dpkg-query")
    def test_as_dpkg_says(self) -> None:
        assert owners(os.path.realpath("/bin/bash"), os.path.realpath("/bin/cat"), "/etc/passwd", "/usr/no\nthing") == [
            "deb:bash",
            "deb:coreutils",
            None,
            None,
        ]
        (package,) = packages_of(os.path.realpath("/bin/bash"))  # type: ignore[arg-type]
        call = ["dpkg-query", "-W", "-f", "${Version}", "bash"]
        assert package.version == subprocess.run(call, capture_output=True, text=True, check=True).stdout

    @pytest.mark.needs("dpkg-query")
    def test_what_is_remembered_needs_no_asking(self, monkeypatch: pytest.MonkeyPatch) -> None:
        paths = [os.path.realpath("/bin/bash"), "/etc/passwd"]
        assert owners(*paths) == ["deb:bash", None]
        monkeypatch.setattr(system_packages, "_run", None)
        assert owners(*paths) == ["deb:bash", None]

    @pytest.mark.needs("dpkg-query")
    def test_a_damaged_memory(self, tmp_path: Path) -> None:
        write(tmp_path / "cache" / "vestige" / "packages.sqlite3", b"no database" * 1000)
        assert owners(os.path.realpath("/bin/bash")) == ["deb:bash"]

    def test_no_tool(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        assert owners("/usr/bin/env") == [None]

    def fake(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, tool: str, script: str, database: str) -> str:
        """Put a tool into PATH that answers as the real one, and give a root with its database."""
        path = write(tmp_path / "bin" / tool, f"#!{sys.executable}\nimport sys\n{textwrap.dedent(script)}")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(path.parent))
        write(tmp_path / "root" / database, "x")
        return str(tmp_path / "root")

    def found(self, root: str, *paths: str) -> list[tuple[str, str | None] | None]:
        memory = Memory(None)
        packages = system_packages.find([os.fsencode(path) for path in paths], memory, root=root)
        given = [packages.get(os.fsencode(path)) for path in paths]
        return [None if package is None else (f"{package.kind}:{package.name}", package.version) for package in given]

    def test_diversions(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        script = r"""
            if "-W" in sys.argv:
                for name in sys.argv[sys.argv.index("--") + 1:]:
                    package, _, architecture = name.partition(":")
                    print(name, f"{package}:{architecture or 'amd64'}", "1", sep="\t")
            else:
                print("diversion by wrap from: /usr/bin/env\ndiversion by wrap to: /usr/bin/ls")
                print("coreutils, wrap: /usr/bin/env")
                print("local diversion from: /usr/bin/x\nlocal diversion to: /usr/bin/y")
                print("libc6:i386: /usr/bin/sort")
                sys.exit(1)
        """
        root = self.fake(tmp_path, monkeypatch, tool="dpkg-query", script=script, database="var/lib/dpkg/status")
        assert self.found(root, "/usr/bin/env", "/usr/bin/ls", "/usr/bin/sort", "/usr/bin/cat") == [
            ("deb:wrap", "1"),
            ("deb:coreutils", "1"),
            ("deb:libc6:i386", "1"),
            None,
        ]

    def test_rpm(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        script = r"""
            for path in sys.argv[4:]:
                if path.startswith("/usr/bin/env"):
                    print("coreutils\t9.1-1.fc40.x86_64")
                elif path == "/usr/bin/sort":
                    print("first\t1-1.noarch\nsecond\t2-1.noarch")
                else:
                    print(f"file {path} is not owned by any package")
        """
        root = self.fake(tmp_path, monkeypatch, tool="rpm", script=script, database="usr/lib/sysimage/rpm/rpmdb.sqlite")
        assert self.found(root, "/usr/bin/env", "/usr/bin/sort", "/usr/bin/cat") == [
            ("rpm:coreutils", "9.1-1.fc40.x86_64"),
            ("rpm:first", "1-1.noarch"),
            None,
        ]

    def test_apk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        script = r"""
            print("/usr/bin/env is owned by busybox-extras-1.36.1-r5")
            print("ERROR: /usr/bin/cat: Could not find owner package", file=sys.stderr)
            sys.exit(1)
        """
        root = self.fake(tmp_path, monkeypatch, tool="apk", script=script, database="lib/apk/db/installed")
        assert self.found(root, "/usr/bin/env", "/usr/bin/cat") == [("apk:busybox-extras", "1.36.1-r5"), None]


class TestRequirements:
    def lines(self, *packages: Package) -> list[str]:
        return report.requirements(packages)

    def test_sorted_and_only_what_was_imported(self) -> None:
        assert self.lines(
            Package("python", "Zope", "1"),
            Package("deb", "bash", "5"),
            Package("python", "attrs", "2"),
            Package("python", "unused", "3", imported=False),
        ) == ["attrs==2", "Zope==1"]

    def test_what_did_not_come_from_an_index(self) -> None:
        git = f"git+https://example.org/x@{COMMIT}"
        assert self.lines(
            Package("python", "a", "1", source="file:///tmp/a-1.whl#sha256=x"),
            Package("python", "b", "1", source=git),
            Package("python", "c", "1", source=f"{git}#subdirectory=c", editable=True, location="/src/c"),
            Package("python", "d", "1", source="file:///src/d", editable=True, location="/src/d"),
            Package("python", "e", "1", source="file:///src/e%20e", editable=True, location="/src/e e"),
            Package("python", "f", "1", source=f"git+file:///src/f@{COMMIT}#subdirectory=f"),
        ) == [
            "a @ file:///tmp/a-1.whl#sha256=x",
            f"b @ {git}",
            f"-e {git}#egg=c&subdirectory=c",
            "-e /src/d",
            "-e file:///src/e%20e",
            f"git+file:///src/f@{COMMIT}#egg=f&subdirectory=f",
        ]

    def test_what_pip_would_not_take_is_a_comment(self) -> None:
        assert self.lines(
            Package("python", "a", None),
            Package("python", "b\n-r x", "1"),
            Package("python", "c", "1; x"),
            Package("python", "d", "1", source="file:///a\n--index-url x"),
            Package("python", "e-e", "1", files=1, location="/x"),
            Package("python", "E_E", "2", files=2, location="/y"),
        ) == [
            "# a: its version is not known",
            "# b\\n-r x==1: no name that pip takes",
            "# c==1; x: its version is not known",
            "# d==1: it came from no place that pip takes",
            "e-e==1",
            "# E_E==2 in /y: a second one was imported",
        ]

    def test_the_table(self) -> None:
        package = Package("python", "x\x1b", None, files=1234, location="/src", editable=True, imported=False)
        assert report.rows([package]) == [["python", "x\\x1b", "–", "1 234", "editable /src, not imported"]]  # noqa: RUF001
