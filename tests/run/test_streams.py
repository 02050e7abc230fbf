"""What goes in and out of the command is what goes in and out without vestige."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest
from harness import inherited, processes, recorded
from harness.waiting import until

if TYPE_CHECKING:
    from harness.command import Vestige
    from harness.victims import Victims

pytestmark = pytest.mark.needs("recorder", "gcc")

MB = 1_000_000
ALTERNATE_LINES = b"".join(b"%s %d\n" % (b"err" if i % 2 else b"out", i) for i in range(2000))


def digest_of(process: subprocess.Popen[bytes]) -> str:
    """Read all of a process's stdout and return its hash: the output may be larger than this program."""
    assert process.stdout
    digest = hashlib.sha256()
    while piece := process.stdout.read(1 << 20):
        digest.update(piece)
    process.wait()
    return digest.hexdigest()


def test_stdin_from_a_pipe(vestige: Vestige) -> None:
    text = os.urandom(3 * MB)
    assert vestige.run("cat", input=text).stdout == text


def test_stdin_from_a_file_at_its_offset(vestige: Vestige) -> None:
    with open(vestige.path("in"), "w+b", buffering=0) as file:
        file.write(b"first\nsecond\n")
        file.seek(6)
        assert vestige.run("cat", stdin=file).stdout == b"second\n"
        assert file.tell() == 13


def test_stdin_is_left_for_the_next_command(vestige: Vestige) -> None:
    completed = vestige.shell("printf 'one\\ntwo\\n' | { vestige run sh -c 'read line; echo got $line'; cat; }")
    assert completed.stdout == b"got one\ntwo\n"


def test_200_mb_of_noise_pass_unchanged_in_constant_memory(vestige: Vestige, victims: Victims) -> None:
    with vestige.start_bare(victims.blob, str(200 * MB)) as bare, vestige.start(victims.blob, str(200 * MB)) as seen:
        assert digest_of(seen) == digest_of(bare)
    run = vestige.last()
    assert run.figure("recorder_memory").number < recorded.MOST_RECORDER_MEMORY
    assert run.record["streams"]["stdout"]["length"] == 200 * MB
    assert os.path.getsize(os.path.join(run.folder, "stdout")) == 200 * MB


def test_captured_output_is_the_output(vestige: Vestige) -> None:
    recorded = vestige.record("sh", "-c", "printf 'a\\0b'; printf 'c\\377' >&2")
    assert (recorded.completed.stdout, recorded.completed.stderr) == (b"a\0b", b"c\xff")
    assert (recorded.run.captured("stdout"), recorded.run.captured("stderr")) == (b"a\0b", b"c\xff")
    stdout = recorded.run.record["streams"]["stdout"]
    assert (stdout["kind"], stdout["captured"], stdout["length"]) == ("pipe", True, 3)


@pytest.mark.parametrize(("capture", "kept"), [("none", []), ("stdout", ["stdout"]), ("stderr", ["stderr"])])
def test_capture_chooses_what_is_kept_not_what_is_shown(vestige: Vestige, capture: str, kept: list[str]) -> None:
    recorded = vestige.record("sh", "-c", "echo out; echo err >&2", options=("--capture", capture))
    assert (recorded.completed.stdout, recorded.completed.stderr) == (b"out\n", b"err\n")
    streams = recorded.run.record["streams"]
    assert [name for name in ("stdout", "stderr") if streams[name]["captured"]] == kept
    assert [name for name in ("stdout", "stderr") if os.path.exists(os.path.join(recorded.run.folder, name))] == kept


def test_a_reader_that_leaves_ends_the_command_at_once(vestige: Vestige) -> None:
    completed = vestige.shell("vestige run yes | head -1; echo ${PIPESTATUS[@]}")
    assert completed.stdout == b"y\n141 0\n"
    run = vestige.last()
    assert (run.code, run.record["exit"]["signal"]) == (141, "SIGPIPE")


def test_a_reader_that_leaves_is_an_error_for_who_ignores_the_signal(vestige: Vestige) -> None:
    script = (
        "vestige run sh -c 'trap \"\" PIPE; while echo x 2>/dev/null; do :; done; exit 3' | true; echo ${PIPESTATUS[0]}"
    )
    assert vestige.shell(script).stdout == b"3\n"


def test_a_stalled_reader_holds_the_command_back(vestige: Vestige, victims: Victims) -> None:
    progress = vestige.path("progress")
    with vestige.start(victims.blob, str(100 * MB), progress) as process:
        taken = until(lambda: settled(progress), "the command to be held back")
        assert taken < 20 * MB
        with vestige.start_bare(victims.blob, str(100 * MB)) as bare:
            assert digest_of(process) == digest_of(bare)
    assert vestige.last().figure("recorder_memory").number < recorded.MOST_RECORDER_MEMORY


def settled(progress: str) -> int:
    """Return the count in the progress file once it no longer grows, else 0."""
    seen = [count_in(progress)]
    for _ in range(10):
        time.sleep(0.05)
        seen.append(count_in(progress))
    return seen[-1] if len(set(seen)) == 1 else 0


def count_in(progress: str) -> int:
    try:
        with open(progress, "rb") as file:
            return int.from_bytes(file.read(8), "little")
    except FileNotFoundError:
        return 0


def test_a_stalled_reader_stalls_nothing_but_the_writer(vestige: Vestige, victims: Victims) -> None:
    done = vestige.path("done")
    script = f"{victims.blob} 10000000 & for i in $(seq 50); do {victims.nothing}; done; touch {done}; wait"
    with vestige.start("bash", "-c", script) as process:
        until(lambda: os.path.exists(done), "the commands beside the writer")
        assert len(digest_of(process)) == 64


def test_a_slow_reader_gets_all_of_it(vestige: Vestige, victims: Victims) -> None:
    size = 3 * MB
    with vestige.start(victims.blob, str(size)) as process:
        assert process.stdout
        pieces = []
        while piece := os.read(process.stdout.fileno(), 65536):
            pieces.append(piece)
            time.sleep(0.002)
    assert b"".join(pieces) == vestige.bare(victims.blob, str(size)).stdout


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors_stay_closed(vestige: Vestige, closed: str) -> None:
    script = "{}bash -c 'echo out; echo err >&2; exit 5' " + closed + "; echo $?"
    bare, seen = (vestige.shell(script.format(prefix)) for prefix in ("", "vestige run "))
    assert (seen.returncode, seen.stdout, seen.stderr) == (bare.returncode, bare.stdout, bare.stderr)
    assert vestige.last().code == 5


@pytest.mark.parametrize("how", [">", ">>", "1<>"])
def test_output_into_a_file_is_left_alone(vestige: Vestige, how: str) -> None:
    path = vestige.path("out")
    for prefix in ("", "vestige run "):
        with open(path, "wb") as file:
            file.write(b"before\n")
        vestige.shell(f"{prefix}sh -c 'echo one; echo two; echo three >&2' {how}out 2>err; echo after >>out")
        with open(path, "rb") as file:
            content = file.read()
        if not prefix:
            expected = content
    assert content == expected
    run = vestige.last()
    stdout = run.record["streams"]["stdout"]
    assert (stdout["kind"], stdout["captured"], stdout["path"]) == ("file", False, path)
    assert stdout["offset"] == (7 if how == ">>" else 0)
    if how == ">":
        assert stdout["length"] == 8


def test_the_null_device_is_handed_through(vestige: Vestige, victims: Victims) -> None:
    report = vestige.path("report")
    run = vestige.record(
        victims.state, stdout=subprocess.DEVNULL, env=vestige.variables | {"VICTIM_REPORT": report}
    ).run
    assert bytes.fromhex(inherited.read(report).descriptors[1]["target"]) == b"/dev/null"
    assert run.record["streams"]["stdout"]["kind"] == "device"


def test_a_socket_passes_everything(vestige: Vestige, victims: Victims) -> None:
    ours, theirs = socket.socketpair()
    with ours, vestige.start(victims.blob, str(5 * MB), stdout=theirs) as process:
        theirs.close()
        digest = hashlib.sha256()
        while piece := ours.recv(1 << 16):
            digest.update(piece)
        assert process.wait() == 0
    assert digest.digest() == hashlib.sha256(vestige.bare(victims.blob, str(5 * MB)).stdout).digest()


def test_order_is_kept_where_both_streams_are_one(vestige: Vestige, victims: Victims) -> None:
    completed = vestige.run(victims.alternate, "2000", stderr=subprocess.STDOUT)
    assert completed.stdout == ALTERNATE_LINES
    run = vestige.last()
    assert run.captured("stdout") == ALTERNATE_LINES
    assert run.record["streams"]["stderr"]["merged"] is True


def test_two_streams_are_each_whole(vestige: Vestige, victims: Victims) -> None:
    completed = vestige.run(victims.alternate, "2000")
    lines = ALTERNATE_LINES.splitlines(keepends=True)
    assert (completed.stdout, completed.stderr) == (b"".join(lines[::2]), b"".join(lines[1::2]))


def test_20000_lines_in_a_burst(vestige: Vestige, victims: Victims) -> None:
    recorded = vestige.record(victims.alternate, "40000")
    assert recorded.completed.stdout.count(b"\n") == 20000
    assert recorded.completed.stderr.count(b"\n") == 20000
    assert recorded.run.captured("stdout") == recorded.completed.stdout
    assert recorded.run.captured("stderr") == recorded.completed.stderr
    assert len(recorded.run.events) < 10_000


def test_vestige_ends_with_the_command_and_late_output_still_arrives(vestige: Vestige) -> None:
    script = "(until [ -e go ]; do sleep 0.02; done; echo late; echo later >&2) & echo early; exit 4"
    with vestige.start("sh", "-c", script) as process:
        assert process.stdout
        assert process.stderr
        assert process.wait(timeout=30) == 4
        with open(vestige.path("go"), "wb"):
            pass
        assert (process.stdout.read(), process.stderr.read()) == (b"early\nlate\n", b"later\n")


def test_a_survivor_that_never_rests_is_not_waited_for(vestige: Vestige) -> None:
    with vestige.start("sh", "-c", "yes & echo $! >&2") as process:
        assert process.stdout
        assert process.stderr
        survivor = int(process.stderr.readline())
        reader = threading.Thread(target=processes.read_slowly, args=(process.stdout,))
        reader.start()
        try:
            assert process.wait(timeout=30) == 0
        finally:
            os.kill(survivor, signal.SIGKILL)
            reader.join()


def test_output_of_a_survivor_after_the_reader_left_ends_it(vestige: Vestige) -> None:
    script = "(until [ -e go ]; do sleep 0.02; done; while echo x; do sleep 0.01; done) & echo $!"
    with vestige.start("sh", "-c", script) as process:
        assert process.stdout
        survivor = int(process.stdout.readline())
        process.wait(timeout=30)
    with open(vestige.path("go"), "wb"):
        pass
    until(lambda: processes.is_gone(survivor), "the survivor to notice")


def test_stdout_may_be_reopened_by_name(vestige: Vestige) -> None:
    completed = vestige.run("sh", "-c", "echo a; echo b >/dev/stdout; echo c >>/proc/self/fd/1; echo d")
    assert completed.stdout == b"a\nb\nc\nd\n"


def test_nothing_of_vestige_is_in_the_output_of_a_pipe(vestige: Vestige) -> None:
    completed = vestige.run("true")
    assert (completed.stdout, completed.stderr) == (b"", b"")


def test_a_summary_that_was_asked_for_goes_to_stderr(vestige: Vestige) -> None:
    completed = vestige.run("echo", "hello", options=("--summary", "line"))
    assert completed.stdout == b"hello\n"
    assert completed.stderr.count(b"\n") == 1
    assert completed.stderr.startswith(b"vestige ")


def test_true_order_of_both_streams_can_be_shown(vestige: Vestige) -> None:
    vestige.record("sh", "-c", "for i in 1 2 3; do echo out $i; sleep 0.05; echo err $i >&2; sleep 0.05; done")
    shown = vestige.call("show", "--output").stdout
    places = [shown.index(b"%s %d" % (stream, i)) for i in (1, 2, 3) for stream in (b"out", b"err")]
    assert places == sorted(places)


def test_both_streams_full_at_once_do_not_lock_up(vestige: Vestige, victims: Victims) -> None:
    script = f"{victims.blob} {5 * MB} & {victims.blob} {5 * MB} >&2; wait"
    with vestige.start("sh", "-c", script) as process:
        assert process.stdout
        assert process.stderr
        lengths: dict[str, int] = {}
        reader = threading.Thread(target=lambda: lengths.update(out=len(process.stdout.read())))  # type: ignore[union-attr]
        reader.start()
        lengths["err"] = len(process.stderr.read())
        reader.join()
    assert lengths == {"out": 5 * MB, "err": 5 * MB}


@pytest.mark.parametrize("summary", ["none", "line"])
def test_a_pipe_ends_with_the_run_though_a_process_that_does_not_hold_it_lives_on(
    vestige: Vestige, summary: str
) -> None:
    lives_on = "sleep 300 >/dev/null 2>&1 & echo $!"
    done = vestige.run("sh", "-c", lives_on, options=("--no-wait", "--summary", summary))
    os.kill(int(done.stdout), signal.SIGKILL)
    assert (done.returncode, bool(done.stderr)) == (0, summary == "line")
