"""Every way to open, make and change a file is seen, and told rightly in files.jsonl."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from harness import recorded
from harness import victims as building
from harness.waiting import until

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.recorded import Run, Used
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")

CONTENT = b"content\n"
SHA256 = "sha256:434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53"
UNKNOWN_WAY = 77
WAYS = (
    "open", "openat", "openat2", "openat2-in-root", "syscall", "fopen", "freopen", "directory", "chdir", "fchdir",
    "reopening", "thread", "own-folder", "proc-cwd", "proc-root", "proc-descriptor", "dev-fd", "page-boundary",
    "last-page", "int80", "x32", "fork", "fork-exec", "vfork-exec", "spawn", "empty-environment", "fexecve", "memfd",
)  # fmt: skip
BUILDS = ("-static", "-m32", "-m32 -static")


def put(vestige: Vestige, name: str, content: bytes = CONTENT) -> str:
    """Write a file, in a folder of its own if the name says so, and return its path."""
    path = vestige.path(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    return path


def take(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def assert_input(run: Run, path: str) -> Used:
    """The run read this file, as it was there before, and did nothing else to it."""
    used = run.files[path]
    assert (used.kind, used.hash) == ("input", SHA256)
    assert used.before
    assert used.before["size"] == len(CONTENT)
    assert used.readers
    assert used.writers == []
    return used


def assert_output(run: Run, path: str) -> Used:
    """The run made this file, or changed it, and did not read it before."""
    used = run.files[path]
    assert used.kind == "output"
    assert used.after
    assert used.writers
    return used


def read_with(vestige: Vestige, reader: str, way: str, name: str) -> Run:
    """Read a file in some way, see that it was read, and return the run."""
    seen = vestige.record(reader, way, name)
    if seen.completed.returncode == UNKNOWN_WAY:
        pytest.skip("this kernel has no such call")
    assert (seen.completed.returncode, seen.completed.stdout) == (0, CONTENT), seen.completed.stderr.decode()
    return seen.run


@pytest.mark.parametrize("way", WAYS)
def test_a_file_read_in_any_way_is_an_input(vestige: Vestige, victims: Victims, way: str) -> None:
    path = put(vestige, f"in/by-{way}")
    run = read_with(vestige, victims.reader, way, f"in/by-{way}")
    used = assert_input(run, path)
    assert len(used.readers) == 1
    assert used.names == [] or way in ("proc-cwd", "proc-root", "proc-descriptor", "reopening", "dev-fd")
    assert run.record["completeness"]["files"] == "complete"
    assert run.of_kind("output", "modified", "removed", "temporary", "unchanged") == set()


@pytest.mark.parametrize("way", ["fork-exec", "vfork-exec", "spawn"])
def test_it_was_the_child_that_read(vestige: Vestige, victims: Victims, way: str) -> None:
    path = put(vestige, "in/file")
    run = read_with(vestige, victims.reader, way, "in/file")
    (reader,) = run.files[path].readers
    assert run.processes[reader].argv == ["reader", "open", "in/file"]
    assert len(run.processes) == 2


def test_a_child_that_executed_nothing_is_told_from_its_parent(vestige: Vestige, victims: Victims) -> None:
    path = put(vestige, "in/file")
    run = read_with(vestige, victims.reader, "fork", "in/file")
    (reader,) = run.files[path].readers
    assert run.processes[reader].pid != vestige.command_pid(run.folder)


def test_a_program_in_memory_is_no_file_of_the_disk(vestige: Vestige, victims: Victims) -> None:
    put(vestige, "in/file")
    run = read_with(vestige, victims.reader, "memfd", "in/file")
    in_memory = [used for used in run.files.values() if "reader-in-memory" in used.path]
    assert {used.kind for used in in_memory} <= {"pseudo"}
    assert run.files[os.path.realpath(victims.reader)].executed


@pytest.mark.parametrize("build", BUILDS)
@pytest.mark.parametrize("way", ["open", "openat2", "directory", "reopening", "thread", "fexecve", "memfd"])
def test_other_builds_are_seen_as_well(vestige: Vestige, victims: Victims, build: str, way: str) -> None:
    reader = building.variant(victims, "reader", *build.split())
    if reader is None:
        pytest.skip(f"gcc {build} does not work here")
    path = put(vestige, "in/file")
    run = read_with(vestige, reader, way, "in/file")
    assert_input(run, path)
    assert run.files[os.path.realpath(reader)].executed


GO = """package main

import (
	"os"
	"sync"
)

func main() {
	var group sync.WaitGroup
	for _, name := range os.Args[1:] {
		group.Add(1)
		go func(name string) {
			defer group.Done()
			content, err := os.ReadFile(name)
			if err != nil {
				panic(err)
			}
			if os.WriteFile(name + ".copy", content, 0o666) != nil {
				panic(name)
			}
		}(name)
	}
	group.Wait()
}
"""


@pytest.mark.needs("go")
def test_a_go_program(vestige: Vestige) -> None:
    source = put(vestige, "copy.go", GO.encode())
    built = vestige.bare("go", "build", "-o", vestige.path("copy"), source, limit=100)
    assert built.returncode == 0, built.stderr.decode()
    paths = [put(vestige, f"in/{number}") for number in range(50)]
    run = vestige.record("./copy", *paths).run
    assert run.code == 0
    for path in paths:
        assert_input(run, path)
        assert_output(run, f"{path}.copy")
    assert run.record["files"]["output"]["count"] == 50


def test_a_daemon_in_a_session_of_its_own(vestige: Vestige, victims: Victims) -> None:
    path = put(vestige, "in/file")
    with vestige.start(victims.reader, "daemon", "in/file", options=("--wait",)) as front:
        folder = vestige.new_folder()
        until(lambda: _has_left(folder), "the daemon")
        put(vestige, "in/file.go")
        assert front.communicate(timeout=60)[0] == CONTENT
    run = vestige.finalised(folder)
    (reader,) = assert_input(run, path).readers
    assert run.processes[reader].pid != vestige.command_pid(folder)
    assert run.record["completeness"]["files"] == "complete"


def _has_left(folder: str) -> bool:
    """Say whether the command itself has ended."""
    try:
        events = recorded.read_lines(os.path.join(folder, "events.jsonl"))
    except FileNotFoundError:
        return False
    return any(event["event"] == "exit" for event in events)


def test_what_an_interpreter_runs(vestige: Vestige) -> None:
    script = put(vestige, "script", b"#!/bin/sh\ncat in/file\n")
    os.chmod(script, 0o700)
    path = put(vestige, "in/file")
    run = vestige.record("./script").run
    assert_input(run, path)
    assert (run.files[script].kind, run.files[script].executed) == ("input", True)
    assert run.files[os.path.realpath("/bin/sh")].kind == "software"


# names


def test_a_link_and_what_it_leads_to(vestige: Vestige, victims: Victims) -> None:
    path = put(vestige, "real/file")
    os.symlink("real/file", vestige.path("link"))
    run = read_with(vestige, victims.reader, "open", "link")
    assert assert_input(run, path).names == [vestige.path("link")]
    assert vestige.path("link") not in run.files


def test_a_folder_that_is_a_link(vestige: Vestige, victims: Victims) -> None:
    path = put(vestige, "real/file")
    os.symlink("real", vestige.path("folder"))
    run = read_with(vestige, victims.reader, "open", "folder/../folder/./file")
    assert assert_input(run, path).names[-1].endswith("folder/file")


def test_a_chain_of_links_written_through(vestige: Vestige, victims: Victims) -> None:
    os.symlink("second", vestige.path("first"))
    os.symlink("out", vestige.path("second"))
    run = vestige.record(victims.writer, "creat", "first").run
    assert vestige.path("first") in assert_output(run, vestige.path("out")).names


def test_a_link_to_nowhere_is_probed(vestige: Vestige, victims: Victims) -> None:
    os.symlink("nowhere", vestige.path("link"))
    run = vestige.record(victims.reader, "open", "link").run
    assert run.files[vestige.path("nowhere")].kind == "probed"


ODD_NAMES = {
    "a newline": (b"two\nlines", "two\nlines"),
    "no UTF-8": (b"caf\xe9", '"{}/caf\\351"'),
    "a quote first": (b'"quoted"', '"quoted"'),
    "a backslash": (b"back\\slash", "back\\slash"),
    "UTF-8": ("Übung".encode(), "Übung"),
    "control characters": (b"bell\x07\x1b[31m", "bell\x07\x1b[31m"),
    "a blank last": (b"blank ", "blank "),
    "255 bytes": (b"n" * 255, "n" * 255),
    "looks deleted": (b"file (deleted)", "file (deleted)"),
}


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("way", ["open", "directory"])
def test_odd_names(vestige: Vestige, victims: Victims, name: str, way: str) -> None:
    given, text = ODD_NAMES[name]
    place = os.path.join(os.fsencode(vestige.folder), given)
    with open(place, "wb") as file:
        file.write(CONTENT)
    seen = vestige.record(victims.reader, way, b"./" + given)
    assert seen.completed.stdout == CONTENT
    assert_input(seen.run, text.format(vestige.folder) if text.startswith('"{') else vestige.path(text))


def test_the_longest_name_there_is(vestige: Vestige, victims: Victims) -> None:
    """A path of 4095 bytes, which is the most that fits PATH_MAX with its end."""
    path = vestige.folder.ljust(4095 - len("file"), "/") + "file"
    assert len(path) == 4095
    put(vestige, "file")
    assert_input(read_with(vestige, victims.reader, "open", path), vestige.path("file"))


def test_folders_deeper_than_a_path_can_say(vestige: Vestige) -> None:
    """What no path can name is still counted: the record does not claim to be complete."""
    script = (
        "for i in range(40): os.mkdir('d' * 200); os.chdir('d' * 200)\nopen('deep', 'w').write('x'); os.unlink('deep')"
    )
    clean = "for i in range(40): os.chdir('..'); os.rmdir('d' * 200)"
    completed = vestige.run("python3", "-c", f"import os\n{script}\n{clean}")
    assert (completed.returncode, completed.stderr) == (0, b"")
    assert vestige.last().record["completeness"]["files"] == "partial"


def test_a_deep_file_with_a_path_of_4095_bytes(vestige: Vestige, victims: Victims) -> None:
    names: list[str] = []
    left = 4095 - len(vestige.folder) - 1
    while left > 256:
        names.append("d" * min(200, left - 10))
        left -= len(names[-1]) + 1
    path = vestige.path(os.path.join(*names, "f" * left))
    assert len(path) == 4095
    put(vestige, path)
    assert_input(read_with(vestige, victims.reader, "open", path), path)


# changes


def write_with(vestige: Vestige, victims: Victims, *words: str) -> Run:
    seen = vestige.record(victims.writer, *words)
    assert (seen.completed.returncode, seen.completed.stderr) == (0, b"")
    assert seen.run.record["completeness"]["files"] == "complete"
    return seen.run


@pytest.mark.parametrize("way", ["creat", "unnamed"])
def test_a_new_file_is_an_output(vestige: Vestige, victims: Victims, way: str) -> None:
    path = vestige.path("new")
    run = write_with(vestige, victims, way, "new")
    used = assert_output(run, path)
    assert (used.before, used.readers) == (None, [])
    assert used.hash
    assert run.of_kind("output", "modified", "temporary", "removed", "unchanged") == {path}


@pytest.mark.parametrize("way", ["open-truncating", "truncate", "append", "creat"])
def test_a_file_written_over_is_an_output(vestige: Vestige, victims: Victims, way: str) -> None:
    path = put(vestige, "file")
    used = assert_output(write_with(vestige, victims, way, "file"), path)
    assert used.before
    assert used.after
    assert used.before["size"] == len(CONTENT)
    assert used.after["size"] == os.path.getsize(path)
    assert used.readers == []


def test_a_file_changed_through_memory_is_modified(vestige: Vestige, victims: Victims) -> None:
    path = put(vestige, "file")
    used = write_with(vestige, victims, "map", "file").files[path]
    assert take(path) != CONTENT
    assert used.kind == "modified"


@pytest.mark.parametrize("way", ["nothing", "only-for-writing"])
def test_a_file_opened_for_writing_and_left_alone(vestige: Vestige, victims: Victims, way: str) -> None:
    path = put(vestige, "file")
    used = write_with(vestige, victims, way, "file").files[path]
    assert used.kind == ("unchanged" if way == "only-for-writing" else "input")
    assert used.hash == SHA256


def test_a_file_written_aside_and_renamed_into_place(vestige: Vestige, victims: Victims) -> None:
    path = vestige.path("out")
    seen = vestige.record(victims.writer, "mkstemp", path)
    used = assert_output(seen.run, path)
    assert used.names == [seen.completed.stdout.decode().strip()]
    assert used.before is None
    assert seen.run.of_kind("temporary", "removed") == set()


def test_a_file_written_aside_and_renamed_over_another(vestige: Vestige, victims: Victims) -> None:
    path = put(vestige, "out")
    seen = vestige.record(victims.writer, "mkstemp", path)
    used = assert_output(seen.run, path)
    assert used.before
    assert used.names == [seen.completed.stdout.decode().strip()]


def test_a_file_renamed(vestige: Vestige, victims: Victims) -> None:
    old, new = put(vestige, "old"), vestige.path("new")
    run = write_with(vestige, victims, "rename", "old", "new")
    assert run.files[old].kind == "removed"
    assert assert_output(run, new).hash == SHA256


def test_a_file_made_and_renamed_without_replacing(vestige: Vestige, victims: Victims) -> None:
    old, new = vestige.path("old"), vestige.path("new")
    run = write_with(vestige, victims, "rename-noreplace", "old", "new")
    assert assert_output(run, new).names == [old]
    assert old not in run.files


def test_a_rename_that_failed_changed_nothing(vestige: Vestige, victims: Victims) -> None:
    old, new = put(vestige, "old"), put(vestige, "new", b"other")
    run = write_with(vestige, victims, "rename-refused", "old", "new")
    assert run.of_kind("output", "modified", "removed", "temporary") == set()
    assert {old, new} <= run.files.keys() | {old, new}


def test_two_files_that_change_places(vestige: Vestige, victims: Victims) -> None:
    one, two = put(vestige, "one"), put(vestige, "two", b"other")
    run = write_with(vestige, victims, "exchange", "one", "two")
    assert_output(run, one)
    assert assert_output(run, two).hash == SHA256
    assert run.of_kind("removed", "temporary") == set()


def test_another_name_for_a_file(vestige: Vestige, victims: Victims) -> None:
    put(vestige, "file")
    run = write_with(vestige, victims, "link", "file", "name")
    assert assert_output(run, vestige.path("name")).hash == SHA256
    assert run.of_kind("output", "modified", "removed", "temporary") == {vestige.path("name")}


def test_a_link_made(vestige: Vestige, victims: Victims) -> None:
    run = write_with(vestige, victims, "symlink", "anywhere", "link")
    used = assert_output(run, vestige.path("link"))
    assert used.after
    assert used.after["type"] == "link"


def test_a_folder_made(vestige: Vestige, victims: Victims) -> None:
    used = assert_output(write_with(vestige, victims, "mkdir", "folder"), vestige.path("folder"))
    assert used.after
    assert used.after["type"] == "directory"


def test_a_folder_that_was_renamed_brings_its_files_along(vestige: Vestige, victims: Victims) -> None:
    inside = put(vestige, "old/inside")
    run = write_with(vestige, victims, "move-folder", "new", "old")
    used = run.files[vestige.path("new/inside")]
    assert used.kind in ("input", "output")
    assert used.readers
    assert inside not in run.of_kind("input")


def test_a_file_made_and_removed_is_temporary(vestige: Vestige, victims: Victims) -> None:
    run = write_with(vestige, victims, "temporary", "file")
    assert run.files[vestige.path("file")].kind == "temporary"
    assert run.of_kind("output", "removed") == set()


def test_a_file_removed(vestige: Vestige, victims: Victims) -> None:
    path = put(vestige, "file")
    used = write_with(vestige, victims, "unlink", "file").files[path]
    assert (used.kind, used.after) == ("removed", None)
    assert used.before


def test_a_file_that_is_not_there_is_probed(vestige: Vestige, victims: Victims) -> None:
    run = vestige.record(victims.reader, "open", "nothing").run
    assert run.files[vestige.path("nothing")].kind == "probed"


def test_a_file_read_before_it_is_written_is_modified(vestige: Vestige) -> None:
    path = put(vestige, "file")
    run = vestige.record("sh", "-c", "cat file >/dev/null; echo more >> file").run
    assert run.files[path].kind == "modified"


def test_a_file_read_only_after_it_was_made_is_an_output(vestige: Vestige) -> None:
    run = vestige.record("sh", "-c", "echo made > file; cat file").run
    used = assert_output(run, vestige.path("file"))
    assert len(used.readers) == 1


def test_what_changes_32_bit_programs_make(vestige: Vestige, victims: Victims) -> None:
    writer = building.variant(victims, "writer", "-m32")
    if writer is None:
        pytest.skip("gcc -m32 does not work here")
    put(vestige, "old")
    for way in (("creat", "new"), ("truncate", "old"), ("mkstemp", "stamp"), ("rename-noreplace", "one", "two")):
        seen = vestige.record(writer, *way)
        assert seen.completed.returncode == 0
        assert_output(seen.run, vestige.path(way[-1]))


# what people do with files every day


EVERYDAY = {
    # what is done: the classes of "in", which is there before, and of the others, which are not
    "cp in out": {"in": "input", "out": "output"},
    "cp -p in out; cp out again": {"in": "input", "out": "output", "again": "output"},
    "cat in >out; cat out >again; rm out": {"in": "input", "out": "temporary", "again": "output"},
    "mv in out": {"in": "removed", "out": "output"},
    "mv in out; mv out in": {"in": "unchanged"},
    "mkdir new; mv in new": {"in": "removed", "new/in": "output"},
    "mv in in.bak; cat in.bak >in": {"in.bak": "output", "in": "output"},
    "rm in; echo again >in": {"in": "output"},
    "cat in; rm in": {"in": "removed"},
    "sort -o in in": {"in": "modified"},
    "sed -i s/content/other/ in": {"in": "modified"},
    "sed s/content/other/ in >new; mv new in": {"in": "modified"},
    "gzip in": {"in": "removed", "in.gz": "output"},
    "gzip in; gunzip in.gz": {"in": "modified", "in.gz": "temporary"},
    "tar cf out.tar in; mkdir new; tar xf out.tar -C new": {"in": "input", "out.tar": "output", "new/in": "output"},
    "ln -s in link; cat link": {"in": "input", "link": "output"},
    "ln -sfn in link; ln -sfn in link": {"link": "output"},
    "touch new": {"new": "output"},
    ": >in": {"in": "output"},
    ": >>in": {"in": "unchanged"},
    "test -e in; ls -l in; stat in": {},
    "mkdir -p a/b/c; echo x >a/b/c/d; rm -r a": {
        "a": "temporary",
        "a/b": "temporary",
        "a/b/c": "temporary",
        "a/b/c/d": "temporary",
    },
    "mkdir a; cp in a/b; mv a c": {"in": "input", "c/b": "output"},
    "mkdir a; cp in a/b; mv a c; mv c/b d; rmdir c": {
        "in": "input",
        "a": "temporary",
        "c": "temporary",
        "d": "output",
    },
    "cp in out; cp in out": {"in": "input", "out": "output"},
    "cp in a; cp in b; mv a b": {"in": "input", "b": "output"},
    "ln in hard; echo more >>hard": {"in": "modified", "hard": "output"},
    "exec 5<>in; cat <&5": {"in": "input"},
    "dd if=in of=out bs=1; dd if=in of=out bs=1 seek=8 conv=notrunc": {"in": "input", "out": "output"},
    "mkfifo pipe; cat in >pipe & cat pipe >out; rm pipe": {"in": "input", "out": "output"},
    "(umask 777; echo x >out); chmod 600 out": {"out": "output"},
    "install -m 600 in out": {"in": "input", "out": "output"},
    "split -b 4 in part.": {"in": "input", "part.aa": "output", "part.ab": "output"},
    "tee one two <in": {"in": "input", "one": "output", "two": "output"},
    'python3 -c \'open("in", "r+").write("C")\'': {"in": "modified"},
    'python3 -c \'import sqlite3 as s; c = s.connect("db"); c.execute("create table t (x)"); c.commit()\'': {
        "db": "output",
        "db-journal": "temporary",
    },
    'python3 -c \'import shutil; shutil.copytree(".", "../copied"); shutil.rmtree("../copied")\'': {"in": "input"},
}
SEEN_ALL = {"input", "output", "modified", "removed", "temporary", "unchanged"}


@pytest.mark.parametrize("script", EVERYDAY)
def test_everyday_work(vestige: Vestige, script: str) -> None:
    put(vestige, "in")
    seen = vestige.record("bash", "-c", script)
    assert seen.completed.returncode == 0, seen.completed.stderr.decode()
    kinds = {used.path: used.kind for used in seen.run.files.values() if not _is_folder(used) and used.kind in SEEN_ALL}
    inside = {path: kind for path, kind in kinds.items() if path.startswith(vestige.folder + "/")}
    special = {path: kind for path, kind in inside.items() if path.endswith("/pipe")}
    wanted = {vestige.path(name): kind for name, kind in EVERYDAY[script].items()}
    assert {path: kind for path, kind in inside.items() if path not in special} == wanted
    assert seen.run.record["completeness"]["files"] == "complete"


def _is_folder(used: Used) -> bool:
    return "directory" in {state["type"] for state in (used.before, used.after) if state}


# the shell


def test_what_the_shell_opened_before_vestige(vestige: Vestige) -> None:
    put(vestige, "in")
    assert vestige.shell("vestige run cat <in >out 2>err").returncode == 0
    run = vestige.last()
    assert_input(run, vestige.path("in"))
    assert assert_output(run, vestige.path("out")).hash == SHA256
    assert run.files[vestige.path("err")].kind == "unchanged"


def test_what_the_shell_appends_to_before_vestige(vestige: Vestige) -> None:
    put(vestige, "log", b"older\n")
    assert vestige.shell("vestige run echo more >>log").returncode == 0
    assert_output(vestige.last(), vestige.path("log"))


def test_other_descriptors_that_were_open_before(vestige: Vestige) -> None:
    put(vestige, "in")
    assert vestige.shell("vestige run sh -c 'cat <&5 >&7' 5<in 7>out").returncode == 0
    run = vestige.last()
    assert_input(run, vestige.path("in"))
    assert_output(run, vestige.path("out"))


def test_what_the_shell_opens_inside(vestige: Vestige) -> None:
    put(vestige, "in")
    run = vestige.record("sh", "-c", "cat <in >out 2>&1").run
    assert_input(run, vestige.path("in"))
    assert_output(run, vestige.path("out"))
    assert run.of_kind("output") == {vestige.path("out")}


@pytest.mark.needs("bash")
def test_a_here_document(vestige: Vestige) -> None:
    lines = "\n".join("much more than fits a pipe, so that bash takes a file" for _ in range(5000))
    script = put(vestige, "script", f"cat <<END >out\n{lines}\nEND\n".encode())
    run = vestige.record("bash", script).run
    assert_output(run, vestige.path("out"))
    assert run.of_kind("output") == {vestige.path("out")}
    assert run.files[script].kind == "input"
    here = [used for used in run.files.values() if "sh-thd" in used.path]
    assert {used.kind for used in here} <= {"temporary"}


@pytest.mark.parametrize("name", [None, "gone"], ids=["never named", "removed"])
def test_a_stdout_without_a_name_is_no_file_of_the_run(vestige: Vestige, name: str | None) -> None:
    """Read and written through a descriptor, and as /dev/stdout: nobody can name it afterwards."""
    flags = os.O_RDWR | (os.O_CREAT if name else os.O_TMPFILE)
    stdout = os.open(vestige.path(name or "."), flags, 0o600)
    if name is not None:
        os.unlink(vestige.path(name))
    put(vestige, "in")
    run = vestige.record("sh", "-c", "cat in; echo more >>/dev/stdout", stdout=stdout).run
    os.close(stdout)
    assert [path for path in run.files if "(deleted)" in path] == []
    assert run.of_kind("input") == {vestige.path("in")}
    assert run.of_kind("output") == set()


@pytest.mark.needs("bash")
def test_a_pipe_between_processes_is_no_file(vestige: Vestige) -> None:
    put(vestige, "in")
    run = vestige.record("bash", "-c", "cat in | sort | tee >(cat >copy) >out; until [ -s copy ]; do :; done").run
    assert run.of_kind("output") == {vestige.path("out"), vestige.path("copy")}
    assert run.of_kind("input") == {vestige.path("in")}


# other roots and namespaces


@pytest.mark.needs("root")
def test_in_another_root(vestige: Vestige, victims: Victims) -> None:
    static = building.variant(victims, "reader", "-static")
    if static is None:
        pytest.skip("gcc -static does not work here")
    path = put(vestige, "root/in/file")
    put(vestige, "root/reader", take(static))
    os.chmod(vestige.path("root/reader"), 0o700)
    seen = vestige.record("chroot", "root", "/reader", "open", "/in/file")
    assert seen.completed.stdout == CONTENT
    assert_input(seen.run, path)
    assert seen.run.files[vestige.path("root/reader")].executed
    assert "/in/file" not in seen.run.files


@pytest.mark.needs("root", "unshare")
def test_in_a_mount_namespace_a_file_of_ours_is_still_ours(vestige: Vestige, victims: Victims) -> None:
    path = put(vestige, "in/file")
    seen = vestige.record("unshare", "-m", victims.reader, "open", path)
    assert seen.completed.stdout == CONTENT
    assert assert_input(seen.run, path).path == path


@pytest.mark.needs("unshare")
def test_in_a_namespace_of_ones_own_what_was_mounted_is_marked(vestige: Vestige) -> None:
    if vestige.bare("unshare", "-Urm", "true").returncode:
        pytest.skip("this kernel gives users no namespaces")
    os.mkdir(vestige.path("mounted"))
    put(vestige, "mounted/file", b"hidden below")
    script = "mount -t tmpfs none mounted && echo made >mounted/file && cat mounted/file"
    seen = vestige.record("unshare", "-Urm", "sh", "-c", script)
    assert seen.completed.stdout == b"made\n", seen.completed.stderr.decode()
    assert "namespace" in seen.run.gaps
    assert seen.run.record["completeness"]["files"] == "partial"
    used = seen.run.files.get(vestige.path("mounted/file"))
    assert used is None or used.hash is None


# io_uring


@pytest.fixture
def uring(victims: Victims, vestige: Vestige) -> str:
    completed = vestige.bare(victims.uring, put(vestige, "probe"))
    if not completed.stdout.startswith(b"ring\n"):
        pytest.skip("this kernel has no io_uring")
    return victims.uring


def test_io_uring_is_let_be_and_the_record_says_so(vestige: Vestige, uring: str) -> None:
    put(vestige, "in")
    seen = vestige.record(uring, "in")
    assert seen.completed.stdout == b"ring\n" + CONTENT
    assert seen.run.record["completeness"]["files"] == "partial"
    assert seen.run.gaps == {"io_uring": "`--io-uring deny`"}
    assert vestige.path("in") not in seen.run.files


def test_io_uring_denied_is_a_fallback_that_is_seen(vestige: Vestige, uring: str) -> None:
    path = put(vestige, "in")
    seen = vestige.record(uring, "in", options=("--io-uring", "deny"))
    assert seen.completed.stdout == b"refused: Operation not permitted\n" + CONTENT
    assert_input(seen.run, path)
    assert seen.run.record["completeness"]["files"] == "complete"
    assert seen.run.gaps == {}


# several runs


def test_two_runs_at_once_in_one_folder_keep_their_outputs_apart(vestige: Vestige) -> None:
    put(vestige, "shared")
    script = (
        "touch here.$0 new.$0; until [ -e here.one ] && [ -e here.two ]; do :; done; "
        "cat shared > out.$0; mv new.$0 done.$0"
    )
    fronts = [vestige.start("sh", "-c", script, name) for name in ("one", "two")]
    assert [front.communicate(timeout=60) and front.returncode for front in fronts] == [0, 0]
    for folder in vestige.folders():
        run = vestige.finalised(folder)
        name = run.record["argv"][-1]
        assert run.of_kind("output") == {vestige.path(f"{made}.{name}") for made in ("here", "out", "done")}
        assert vestige.path("shared") in run.of_kind("input")


def test_one_run_reads_what_another_made(vestige: Vestige) -> None:
    vestige.record("sh", "-c", "echo made > between")
    run = vestige.record("sh", "-c", "cat between > out").run
    assert run.files[vestige.path("between")].kind == "input"
    assert assert_output(run, vestige.path("out")).hash == run.files[vestige.path("between")].hash


def test_a_file_changed_by_somebody_else_meanwhile(vestige: Vestige) -> None:
    path = put(vestige, "in")
    with vestige.start("sh", "-c", "cat in; echo read; read word", stdin=subprocess.PIPE) as front:
        assert front.stdout
        while front.stdout.readline() != b"read\n":
            pass
        put(vestige, "in", b"changed by another\n")
        front.communicate(b"go\n", timeout=60)
    used = vestige.last().files[path]
    assert used.kind == "input"
    assert recorded.read_lines(os.path.join(vestige.last().folder, "files.jsonl"))
    (said,) = [
        line for line in recorded.read_lines(os.path.join(vestige.last().folder, "files.jsonl")) if line["path"] == path
    ]
    assert said["changed"] is True


def test_without_tracing_no_file_is_claimed(vestige: Vestige) -> None:
    put(vestige, "in")
    run = vestige.record("cat", "in", options=("--trace", "off")).run
    assert run.record["completeness"]["files"] == "none"
    assert "trace" in run.gaps
