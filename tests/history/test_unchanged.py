"""An earlier run stands for a command only if it was seen whole, and all that it used is as it was."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from harness.kept import digest

from vestige.history import descriptors, unchanged
from vestige.history.asked import CLOSED, NULL, Asked, Outlet, Standard
from vestige.history.descriptors import Descriptor
from vestige.history.unchanged import Earlier, Refusal
from vestige.provenance import hashing
from vestige.record import codec, place
from vestige.record.file_state import file_state
from vestige.record.model import (
    Completeness,
    Connection,
    Exit,
    Figure,
    FileUse,
    Gap,
    Options,
    Package,
    Process,
    Record,
    Stream,
    Survivor,
)
from vestige.store.runs import Runs

if TYPE_CHECKING:
    from pathlib import Path

    from vestige.record.model import FileClass, FileState, StreamKind

SECOND = 1_000_000_000
HASH = "sha256:" + "1" * 64
SILENT = Stream("pipe", captured=True, length=0)
PIPE = Outlet("pipe")
TERMINAL = Outlet("terminal")
HANDED = {"seq": 1, "t": 1, "event": "inherited", "pid": 7, "descriptors": [{"fd": 0, "kind": "device"}]}
ZERO = Figure(0, "s", "exact")


def state(path: Path) -> FileState:
    return file_state(os.lstat(path))


def use(kind: FileClass, path: Path, **keys: Any) -> FileUse:
    """Return a file as it stands, used by a run."""
    there = state(path)
    content = digest(path.read_bytes()) if path.is_file() else None
    before = None if kind == "output" else there
    writers = (0,) if kind in ("output", "modified") else ()
    default: dict[str, Any] = {"before": before, "after": there, "hash": content, "writers": writers}
    return FileUse(str(path), kind, **{**default, **keys})


def process(*argv: str) -> Process:
    figures: dict[str, Any] = dict.fromkeys(
        ("cpu", "memory_peak", "read_bytes", "written_bytes", "read_chars", "written_chars", "run_queue_wait"), ZERO
    )
    return Process(7, None, argv, False, argv[0], 0.0, "exact", 1.0, 0, None, **figures)


@dataclass
class Desk:
    """A folder to work in, a store, and a command that can be asked for."""

    folder: Path
    kept: int = 0
    asked: Asked = field(init=False)

    def __post_init__(self) -> None:
        self.work.mkdir()
        self.asked = Asked(
            argv=("step", "ö"),
            cwd=str(self.work),
            environment={"OMP_NUM_THREADS": "2"},
            environment_hash=HASH,
            search=(),
            inputs=(),
            trace="auto",
            deny_network=False,
            io_uring="auto",
            classes={},
            standard=Standard(NULL, PIPE, PIPE),
        )

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def put(self, name: str, content: bytes = b"content") -> Path:
        """Write a file, which nobody has touched for a day."""
        path = self.work / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (time.time() - 86_400,) * 2)
        return path

    def keep(
        self,
        *uses: FileUse,
        events: tuple[dict[str, Any], ...] = (HANDED,),
        processes: tuple[Process, ...] = (),
        ended: float = 3600,
        **keys: Any,
    ) -> Path:
        """Keep one more run of the command, which ended `ended` seconds from now: no file is as young as that."""
        self.kept += 1
        now = time.time_ns() + self.kept * SECOND
        run_id = place.new_id(now)
        plain: dict[str, Any] = {
            "id": run_id,
            "argv": self.asked.argv,
            "cwd": self.asked.cwd,
            "status": "ended",
            "started": place.utc_text(now - 3600 * SECOND),
            "ended": place.utc_text(time.time_ns() + int(ended * SECOND)),
            "exit": Exit(code=0),
            "vestige": "0",
            "machine": None,
            "environment": dict(self.asked.environment),
            "environment_hash": HASH,
            "streams": {"stdout": SILENT, "stderr": SILENT},
            "completeness": Completeness("recorder", "on", files="complete"),
            "options": Options(stdin="device"),
        }
        folder = self.folder / "store" / "runs" / place.run_folder_name(run_id, now)
        folder.mkdir(parents=True)
        (folder / "record.json").write_bytes(codec.record_text(Record(**{**plain, **keys})))
        (folder / "events.jsonl").write_text(
            "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events)
        )
        (folder / "files.jsonl").write_bytes(b"".join(map(codec.line, uses)))
        (folder / "processes.jsonl").write_bytes(b"".join(map(codec.line, processes)))
        (folder / "stdout").write_bytes(b"")
        (folder / "stderr").write_bytes(b"")
        return folder

    def find(self, **changes: Any) -> Earlier | Refusal:
        runs = Runs((place.Store(str(self.folder / "store"), "option"),))
        return unchanged.earlier_run(runs, dataclasses.replace(self.asked, **changes))

    def why_not(self, **changes: Any) -> str:
        """Ask, be refused, and return the reason."""
        found = self.find(**changes)
        assert isinstance(found, Refusal), f"{found.folder.name} is taken to stand for the command"
        return found.reason

    def stands(self, **changes: Any) -> bool:
        found = self.find(**changes)
        assert isinstance(found, Earlier), found.reason
        return True


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


class TestWhichRun:
    def test_none_is_kept(self, desk: Desk) -> None:
        assert desk.why_not() == "no earlier run of this command in this folder is kept"

    def test_the_newest_that_can(self, desk: Desk) -> None:
        desk.keep()
        good = desk.keep()
        bad = desk.keep(exit=Exit(code=3))
        found = desk.find()
        assert isinstance(found, Earlier)
        assert found.folder.path == str(good)
        assert bad.name > good.name

    def test_the_reason_is_that_of_the_newest(self, desk: Desk) -> None:
        desk.keep(status="interrupted")
        newest = desk.keep(exit=Exit(code=3))
        assert desk.why_not() == f"run {newest.name[-8:]} failed with exit code 3"

    @pytest.mark.parametrize("keys", [{"argv": ("step", "o")}, {"argv": ("step", "ö", "x")}, {"cwd": "/elsewhere"}])
    def test_of_another_command_or_folder(self, desk: Desk, keys: dict[str, Any]) -> None:
        desk.keep(**keys)
        assert "no earlier run" in desk.why_not()

    def test_not_yet_final(self, desk: Desk) -> None:
        """What stands there until somebody needs it has the form of the first record."""
        folder = desk.keep()
        record = json.loads((folder / "record.json").read_text())
        (folder / "record.json").write_text(json.dumps(record))
        assert desk.stands()

    def test_only_the_last_few_are_looked_into(self, desk: Desk) -> None:
        desk.keep()
        for _ in range(4):
            desk.keep(exit=Exit(code=1))
        assert desk.stands()
        desk.keep(exit=Exit(code=1))
        assert "failed" in desk.why_not()

    def test_those_in_other_environments_do_not_count_as_these_few(self, desk: Desk) -> None:
        desk.keep()
        for number in range(9):
            desk.keep(environment_hash="sha256:" + str(number) * 63 + "x")
        assert desk.stands()

    def test_what_can_not_be_read_is_no_reason_to_fail(self, desk: Desk) -> None:
        desk.keep()
        broken = desk.keep()
        (broken / "record.json").write_text((broken / "record.json").read_text()[:-10])
        hostile = desk.keep()
        (hostile / "record.json").unlink()
        os.mkfifo(hostile / "record.json")
        no_files = desk.keep()
        (no_files / "files.jsonl").write_text('{"path": 7}\n')
        assert desk.stands()

    def test_what_can_not_be_read_says_so(self, desk: Desk) -> None:
        folder = desk.keep()
        (folder / "files.jsonl").write_text('{"path": 7}\n')
        assert "files.jsonl" in desk.why_not()
        (folder / "events.jsonl").unlink()
        (folder / "files.jsonl").write_text("")
        assert "events.jsonl" in desk.why_not()


class TestTheRunItself:
    @pytest.mark.parametrize(
        ("keys", "reason"),
        [
            ({"exit": Exit(code=1)}, "failed with exit code 1"),
            ({"exit": Exit(code=137, signal="SIGKILL")}, "failed with exit code 137"),
            ({"exit": Exit(reason="nobody saw the end")}, "failed"),
            ({"status": "interrupted"}, "was interrupted"),
            ({"survivors": (Survivor(7, "daemon", None),)}, "left processes behind"),
            ({"completeness": None}, "was not seen whole"),
            ({"completeness": Completeness("portable", "unavailable")}, "was not seen whole"),
            ({"completeness": Completeness("recorder", "off", files="complete")}, "was not seen whole"),
            (
                {"completeness": Completeness("recorder", "on", files="partial", gaps=(Gap("x", "a ring was made"),))},
                "was not seen whole: a ring was made",
            ),
            ({"completeness": Completeness("recorder", "on", files="none")}, "was not seen whole"),
            ({"completeness": Completeness("recorder", "on", files="complete", events_dropped=1)}, "not seen whole"),
            ({"completeness": Completeness("recorder", "on", files="complete", events_unreadable=1)}, "not seen whole"),
            ({"options": Options(stdin="device", deny_network=True)}, "`--deny-network` or `--io-uring`"),
            ({"options": Options(stdin="device", io_uring="deny")}, "`--deny-network` or `--io-uring`"),
            ({"options": Options(stdin="device", classes={"cache": ("*",)})}, "classes of files"),
        ],
    )
    def test_a_run_that_says_too_little(self, desk: Desk, keys: dict[str, Any], reason: str) -> None:
        folder = desk.keep(**keys)
        assert reason in desk.why_not()
        (folder / "record.json").unlink()
        desk.keep()
        assert desk.stands()

    def test_one_that_goes_on(self, desk: Desk) -> None:
        folder = desk.keep(status="running", ended=0)
        with open(folder / "events.jsonl", "wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            assert "goes on" in desk.why_not()

    def test_tracing_is_off_now(self, desk: Desk) -> None:
        desk.keep()
        assert desk.why_not(trace="off") == "tracing is off"

    @pytest.mark.parametrize("changes", [{"deny_network": True}, {"io_uring": "deny"}, {"classes": {"input": ("x",)}}])
    def test_other_options_now(self, desk: Desk, changes: dict[str, Any]) -> None:
        desk.keep()
        assert desk.why_not(**changes)


class TestEnvironment:
    def test_a_variable_that_is_kept_is_named(self, desk: Desk) -> None:
        folder = desk.keep(environment_hash="sha256:" + "2" * 64, environment={"OMP_NUM_THREADS": "4", "TERM": "x"})
        assert desk.why_not() == f"the environment variable `OMP_NUM_THREADS` is not as in run {folder.name[-8:]}"

    def test_another_is_not(self, desk: Desk) -> None:
        folder = desk.keep(environment_hash="sha256:" + "2" * 64, environment={"OMP_NUM_THREADS": "2", "TERM": "x"})
        assert desk.why_not() == f"the environment is not as in run {folder.name[-8:]}"

    def test_a_record_from_before_there_was_the_hash(self, desk: Desk) -> None:
        desk.keep(environment_hash=None)
        assert "did not look at the whole environment" in desk.why_not()


class TestNetwork:
    @pytest.mark.parametrize(
        ("direction", "family", "address", "outcome", "reason"),
        [
            ("out", "inet", "192.0.2.1", "connected", "called 192.0.2.1:80"),
            ("out", "inet", "127.0.0.1", "refused", "called 127.0.0.1:80"),
            ("out", "inet6", "::1", "denied", "called ::1:80"),
            ("in", "inet", "127.0.0.1", "listening", "listened at 127.0.0.1:80"),
            ("out", "packet", None, "unknown", "called somewhere"),
            ("out", "unix", "/run/docker.sock", "connected", "called /run/docker.sock"),
            ("out", "unix", "@abstract", "failed", "called @abstract"),
            ("out", "unix", "/", "refused", "called /"),
        ],
    )
    def test_what_was_asked_there_is_not_known(  # noqa: PLR0913, PLR0917 - a row
        self, desk: Desk, direction: Any, family: str, address: str, outcome: Any, reason: str
    ) -> None:
        port = 80 if family.startswith("inet") else None
        desk.keep(network=(Connection(direction, family, "stream", None, address, port, outcome),))
        assert reason in desk.why_not()

    def test_names_of_users_the_log_and_own_sockets_are_no_data(self, desk: Desk) -> None:
        desk.keep(
            network=(
                Connection("out", "unix", "stream", None, "/var/run/nscd/socket", None, "connected"),
                Connection("out", "unix", "dgram", None, "/dev/log", None, "connected"),
                Connection("out", "netlink", None, None, None, None, "unknown"),
                Connection("out", "unix", "stream", None, "/no/such/socket", None, "failed"),
                Connection("in", "unix", "stream", None, "@mine", None, "listening"),
                Connection("out", "unix", "stream", None, "@mine", None, "connected"),
            )
        )
        assert desk.stands()


class TestInputs:
    def test_untouched(self, desk: Desk) -> None:
        desk.keep(use("input", desk.put("data.csv")))
        assert desk.stands()

    @pytest.mark.parametrize("kind", ["input", "config", "software", "cache", "unchanged", "output"])
    def test_other_content_of_the_same_size(self, desk: Desk, kind: FileClass) -> None:
        path = desk.put("data.csv")
        folder = desk.keep(use(kind, path))
        path.write_bytes(b"CONTENT")
        assert desk.why_not() == f"`data.csv` changed since run {folder.name[-8:]}"

    @pytest.mark.parametrize("kind", ["input", "config", "software", "cache", "unchanged", "output"])
    def test_gone(self, desk: Desk, kind: FileClass) -> None:
        path = desk.put("data.csv")
        folder = desk.keep(use(kind, path))
        path.unlink()
        assert desk.why_not() == f"`data.csv` is gone since run {folder.name[-8:]}"

    def test_another_size_is_not_even_read(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        path = desk.put("data.csv")
        desk.keep(use("input", path))
        path.write_bytes(b"longer content")
        monkeypatch.setattr(hashing, "hashed", None)
        assert "changed" in desk.why_not()

    def test_touched_or_replaced_by_the_same(self, desk: Desk) -> None:
        touched, replaced = desk.put("touched"), desk.put("replaced")
        desk.keep(use("input", touched), use("input", replaced))
        touched.touch()
        desk.put("new").rename(replaced)
        assert desk.stands()

    @pytest.mark.parametrize("keys", [{"hash": None}, {"hash": "sha256-fast:" + "1" * 64}])
    def test_touched_without_a_hash_of_the_whole(self, desk: Desk, keys: dict[str, Any]) -> None:
        path = desk.put("data.csv")
        desk.keep(use("input", path, **keys))
        path.touch()
        assert "changed" in desk.why_not()

    def test_software_has_no_hash(self, desk: Desk) -> None:
        path = desk.put("numpy.py")
        desk.keep(use("software", path, hash=None))
        assert desk.stands()
        path.touch()
        assert "changed" in desk.why_not()

    def test_another_kind_of_file(self, desk: Desk) -> None:
        path = desk.put("data.csv")
        desk.keep(use("input", path))
        path.unlink()
        path.symlink_to(desk.put("other"))
        assert "changed" in desk.why_not()

    def test_changed_while_it_was_used(self, desk: Desk) -> None:
        desk.keep(use("input", desk.put("data.csv"), changed=True))
        assert "`data.csv` changed while run" in desk.why_not()

    @pytest.mark.parametrize("kind", ["input", "output", "software"])
    def test_nobody_saw_how_it_was_left(self, desk: Desk, kind: FileClass) -> None:
        desk.keep(use(kind, desk.put("data.csv"), after=None, hash=None))
        assert "did not see how it left" in desk.why_not()

    @pytest.mark.parametrize(
        "reason",
        [
            hashing.CHANGED,
            hashing.UNSTEADY,
            "it may have changed after the run ended",
            "it is gone since the run ended",
        ],
    )
    def test_the_run_was_not_sure(self, desk: Desk, reason: str) -> None:
        desk.keep(use("output", desk.put("data.csv"), hash=None, hash_reason=reason))
        assert f"is not sure of `data.csv`: {reason}" in desk.why_not()

    @pytest.mark.parametrize("reason", ["not asked for", "larger than the limit of 5 bytes", "it may not be read"])
    def test_no_hash_for_a_good_reason(self, desk: Desk, reason: str) -> None:
        desk.keep(use("input", desk.put("data.csv"), hash=None, hash_reason=reason))
        assert desk.stands()

    def test_the_reasons_are_those_that_hashing_gives(self, desk: Desk) -> None:
        path = desk.put("data.csv")
        given = {
            found.hash_reason
            for options in (Options(hash="none"), Options(hash_limit=5))
            for found in hashing.hashed([use("input", path, hash=None)], options)
        }
        assert given == {"not asked for", "larger than the limit of 5 bytes"}

    def test_declared_ones_that_were_not_seen(self, desk: Desk) -> None:
        path = desk.put("declared.csv")
        folder = desk.keep(started=place.utc_text(time.time_ns() + SECOND))
        assert desk.stands(inputs=(str(path),))
        (folder / "record.json").unlink()
        desk.keep(started=place.utc_text(time.time_ns() - SECOND))
        assert "`declared.csv` changed" in desk.why_not(inputs=(str(path),))


class TestRacy:
    """Files that were changed when the run ended may have changed once more, without their times telling."""

    def test_the_content_tells(self, desk: Desk) -> None:
        path = desk.put("out.csv")
        folder = desk.keep(use("output", path), ended=0)
        assert desk.stands()
        (folder / "record.json").unlink()
        desk.keep(use("output", path, hash=digest(b"as it was left")), ended=0)
        assert "`out.csv` changed" in desk.why_not()

    def test_so_do_samples_of_it(self, desk: Desk) -> None:
        path = desk.put("out.csv")
        (sampled,) = hashing.hashed([use("output", path, hash=None)], Options(hash="fast"))
        desk.keep(sampled, ended=0)
        assert desk.stands()

    def test_there_is_no_hash(self, desk: Desk) -> None:
        desk.keep(use("output", desk.put("out.csv"), hash=None), ended=0)
        assert "changed just when run" in desk.why_not()

    def test_caches_have_none(self, desk: Desk) -> None:
        """Python writes them in its first run: they would keep the second from being skipped for ever."""
        desk.keep(use("cache", desk.put("a.pyc"), hash=None, writers=(0,), before=None), ended=0)
        assert desk.stands()


class TestOutputs:
    def test_modified(self, desk: Desk) -> None:
        folder = desk.keep(use("modified", desk.put("db.sqlite")))
        assert desk.why_not() == f"run {folder.name[-8:]} changed `db.sqlite`, which it had read"

    def test_removed(self, desk: Desk) -> None:
        path = desk.put("gone")
        desk.keep(use("removed", path, after=None))
        path.unlink()
        assert "removed `gone`" in desk.why_not()

    def test_temporary(self, desk: Desk) -> None:
        path = desk.put("made")
        desk.keep(use("temporary", path, before=None, after=None))
        assert desk.stands()

    def test_a_folder(self, desk: Desk) -> None:
        made = desk.work / "made"
        made.mkdir()
        desk.keep(use("output", made))
        (made / "later").touch()
        assert desk.stands()
        (made / "later").unlink()
        made.rmdir()
        assert "`made` is gone" in desk.why_not()
        made.touch()
        assert "`made` changed" in desk.why_not()

    def test_a_link(self, desk: Desk) -> None:
        link = desk.work / "link"
        link.symlink_to("one")
        desk.keep(use("output", link))
        assert desk.stands()
        link.unlink()
        link.symlink_to("two")
        assert "`link` changed" in desk.why_not()

    def test_where_stdout_went_is_no_output(self, desk: Desk) -> None:
        path = desk.put("log", b"")
        streams = {"stdout": Stream("file", captured=False, length=0, path=str(path), offset=0), "stderr": SILENT}
        folder = desk.keep(use("unchanged", path, hash_reason=hashing.CHANGED), streams=streams)
        assert desk.stands()
        (folder / "record.json").unlink()
        desk.keep(use("input", path, hash_reason=hashing.CHANGED), streams=streams)  # it read it, too
        assert "is not sure of `log`" in desk.why_not()


class TestProbed:
    def absent(self, path: Path, **keys: Any) -> FileUse:
        return FileUse(str(path), "probed", **keys)

    def test_still_not_there(self, desk: Desk) -> None:
        path = desk.work / "conf.toml"
        desk.keep(self.absent(path))
        assert desk.stands()
        path.touch()
        assert re.fullmatch(r"`conf.toml` is there, run \w+ looked for it in vain", desk.why_not())

    def test_under_the_name_that_it_was_looked_for(self, desk: Desk) -> None:
        link = desk.work / "current"
        link.symlink_to("one")
        desk.keep(self.absent(desk.work / "one" / "conf", names=(str(link / "conf"),)))
        assert desk.stands()
        link.unlink()
        (desk.work / "two").mkdir()
        (desk.work / "two" / "conf").touch()
        link.symlink_to("two")
        assert "is there" in desk.why_not()

    def test_a_name_that_no_file_can_have(self, desk: Desk) -> None:
        desk.keep(FileUse('"/a\\000b"', "probed"))
        assert desk.stands()

    def test_only_named(self, desk: Desk) -> None:
        folder, path = desk.work / "folder", desk.put("denied")
        folder.mkdir()
        desk.keep(self.absent(folder, after=state(folder)), self.absent(path, after=state(path)))
        (folder / "new").touch()
        assert desk.stands()
        path.chmod(0o600)
        path.write_bytes(b"other")
        assert "`denied` changed" in desk.why_not()
        path.unlink()
        (folder / "new").unlink()
        folder.rmdir()
        assert "gone" in desk.why_not()


class TestFolders:
    def listed(self, desk: Desk) -> Path:
        folder = desk.work / "data"
        folder.mkdir()
        (folder / "1.csv").touch()
        return folder

    def test_the_same_entries(self, desk: Desk) -> None:
        folder = self.listed(desk)
        desk.keep(use("listed", folder))
        (folder / "1.csv").write_text("content is not an entry")
        assert desk.stands()

    def test_another_entry(self, desk: Desk) -> None:
        folder = self.listed(desk)
        desk.keep(use("listed", folder))
        (folder / "2.csv").touch()
        assert "entries of `data` changed since" in desk.why_not()

    def test_another_entry_and_the_old_time(self, desk: Desk) -> None:
        folder = self.listed(desk)
        times = os.stat(folder)
        desk.keep(use("listed", folder))
        (folder / "2.csv").touch()
        os.utime(folder, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert "entries of `data` changed since" in desk.why_not()

    def test_gone(self, desk: Desk) -> None:
        folder = self.listed(desk)
        desk.keep(use("listed", folder))
        folder.rename(desk.work / "moved")
        assert "`data` is gone" in desk.why_not()

    def test_changed_while_they_were_listed(self, desk: Desk) -> None:
        folder = self.listed(desk)
        before = state(folder)
        (folder / "2.csv").touch()
        changed = use("listed", folder, before=before)
        kept = desk.keep(changed)
        assert "changed while run" in desk.why_not()
        (kept / "record.json").unlink()
        desk.keep(changed, use("output", folder / "2.csv"))  # by the run itself
        assert desk.stands()

    def test_by_what_the_run_took_away_again(self, desk: Desk) -> None:
        folder = self.listed(desk)
        before = state(folder)
        (folder / "lock").touch()
        (folder / "lock").unlink()
        lock = FileUse(str(folder / "lock"), "temporary", writers=(0,))
        desk.keep(use("listed", folder, before=before), lock)
        assert desk.stands()

    def test_of_odd_names(self, desk: Desk) -> None:
        folder = os.fsencode(desk.work) + b"/d\xff"
        os.mkdir(folder)
        before = file_state(os.lstat(folder))
        os.mkdir(folder + b"/in\xff")
        text = codec.file_use(codec.line(FileUse(f'"{desk.work}/d\\377"', "listed")), "x").path
        listed = FileUse(text, "listed", before=before, after=file_state(os.lstat(folder)))
        inside = file_state(os.lstat(folder + b"/in\xff"))
        desk.keep(listed, FileUse(f'"{desk.work}/d\\377/in\\377"', "output", after=inside, writers=(0,)))
        assert desk.stands()


class TestNames:
    def test_a_link_that_leads_elsewhere(self, desk: Desk) -> None:
        one, two = desk.put("one/data"), desk.put("two/data")
        link = desk.work / "current"
        link.symlink_to("one")
        desk.keep(use("input", one, names=(str(link / "data"),)), use("input", two))
        assert desk.stands()
        link.unlink()
        link.symlink_to("two")
        assert "`current/data` does not lead to `one/data`" in desk.why_not()
        link.unlink()
        assert "`current/data` does not lead to `one/data`" in desk.why_not()

    def test_a_link_that_the_run_made_for_itself(self, desk: Desk) -> None:
        path, link = desk.put("data"), str(desk.work / "link")
        desk.keep(
            use("input", path, names=(link, f"{link}/below", "/proc/self/fd/3")),
            FileUse(link, "temporary", writers=(0,)),
        )
        assert desk.stands()

    def test_the_name_that_an_output_was_written_under(self, desk: Desk) -> None:
        desk.keep(use("output", desk.put("out"), names=(str(desk.work / "out.tmp"),)))
        assert desk.stands()
        desk.put("out.tmp")
        assert "`out.tmp` does not lead to `out`" in desk.why_not()

    def test_a_program_that_comes_earlier_now(self, desk: Desk) -> None:
        first, second = desk.work / "first", desk.work / "second"
        first.mkdir()
        tool = desk.put("second/tool")
        program = use("software", tool, executed=True)
        search = (str(first), str(second) + "/")
        desk.keep(program, started=place.utc_text(time.time_ns() - SECOND))
        assert desk.stands(search=search)
        (first / "tool").symlink_to(tool)
        assert f"`{first}/tool` is new since run" in desk.why_not(search=search)
        desk.keep(program, started=place.utc_text(time.time_ns() + SECOND))  # it was there all along
        assert desk.stands(search=search)


class TestPseudo:
    def seen(self, path: str, kind: Any, **keys: Any) -> FileUse:
        there = dataclasses.replace(state_of_null(), type=kind)
        default: dict[str, Any] = {"before": there, "after": there, "rule": "kernel", "readers": (0,)}
        return FileUse(path, "pseudo", **{**default, **keys})

    def test_what_is_no_data(self, desk: Desk) -> None:
        desk.keep(
            self.seen("/proc/cpuinfo", "file"),
            self.seen("/dev/urandom", "char"),
            self.seen("/dev/null", "char"),
            self.seen("/dev/pts/3", "char"),
            self.seen("/dev/nvidia0", "char"),
            self.seen("pipe:[7]", "fifo", readers=()),
            self.seen(str(desk.work / "own.fifo"), "fifo", before=None),
            self.seen("/dev/ttyUSB0", "char", rule="/dev/ttyUSB*"),
        )
        assert desk.stands()

    @pytest.mark.parametrize(
        ("path", "kind", "reason"),
        [
            ("/dev/ttyUSB0", "char", "used `/dev/ttyUSB0`"),
            ("/dev/sda", "block", "used `/dev/sda`"),
            ("/tmp/feed", "fifo", "used `/tmp/feed`"),
            ("pipe:[7]", "fifo", "read from a pipe"),
        ],
    )
    def test_what_may_be(self, desk: Desk, path: str, kind: str, reason: str) -> None:
        desk.keep(self.seen(path, kind))
        assert reason in desk.why_not()


def state_of_null() -> FileState:
    return file_state(os.stat(os.devnull))


class TestStdin:
    @pytest.mark.parametrize(("then", "now"), [("device", NULL), ("terminal", TERMINAL), ("closed", CLOSED)])
    def test_nothing_comes_from_there(self, desk: Desk, then: StreamKind, now: Outlet) -> None:
        desk.keep(options=Options(stdin=then))
        assert desk.stands(standard=Standard(now, PIPE, PIPE))

    @pytest.mark.parametrize(
        ("then", "now"),
        [
            ("pipe", NULL),
            ("file", NULL),
            ("socket", NULL),
            (None, NULL),
            ("terminal", NULL),
            ("device", TERMINAL),
            ("device", PIPE),
            ("pipe", PIPE),
            ("file", Outlet("file")),
            ("device", Outlet("device")),  # not /dev/null
        ],
    )
    def test_something_may(self, desk: Desk, then: StreamKind, now: Outlet) -> None:
        desk.keep(options=Options(stdin=then))
        assert "stdin is" in desk.why_not(standard=Standard(now, PIPE, PIPE))


class TestOutput:
    def ask(self, desk: Desk, stream: Stream, now: Outlet, content: bytes = b"12345") -> Earlier | Refusal:
        folder = desk.keep(streams={"stdout": SILENT, "stderr": stream})
        (folder / "stderr").write_bytes(content)
        desk.asked = dataclasses.replace(desk.asked, standard=Standard(NULL, PIPE, now))
        return desk.find()

    @pytest.mark.parametrize(
        ("stream", "now", "again"),
        [
            (Stream("pipe", captured=True, length=5), PIPE, True),
            (Stream("pipe", captured=True, length=5), TERMINAL, True),
            (Stream("pipe", captured=True, length=5), Outlet("file"), True),
            (Stream("pipe", captured=True, length=0), CLOSED, True),
            (Stream("pipe", captured=False, length=0), Outlet("file", takes=False), True),
            (Stream("pipe", captured=False, length=5), NULL, True),
            (Stream("file", captured=False, length=0, path="/x"), Outlet("file"), True),
            (Stream("terminal", captured=False), TERMINAL, False),
            (Stream("terminal", captured=True, length=5), TERMINAL, True),
            (Stream("device", captured=False), NULL, True),
            (Stream("closed", captured=False), CLOSED, True),
        ],
    )
    def test_it_can_be_given_again(self, desk: Desk, stream: Stream, now: Outlet, again: bool) -> None:
        found = self.ask(desk, stream, now)
        assert isinstance(found, Earlier), found.reason
        if stream.kind != "closed":
            assert unchanged.is_shown_again(found, desk.asked) is again

    @pytest.mark.parametrize(
        ("stream", "now", "reason"),
        [
            (Stream("file", captured=False, length=5, path="/x"), Outlet("file"), "wrote its stderr into a file"),
            (Stream("file", captured=False, length=5, path="/x"), NULL, "wrote its stderr into a file"),
            (Stream("pipe", captured=False, length=5), PIPE, "not kept whole"),
            (Stream("pipe", captured=True, length=6), PIPE, "not kept whole"),
            (Stream("pipe", captured=True, length=None), PIPE, "not kept whole"),
            (Stream("pipe", captured=True, length=5, reason="the disk was full"), PIPE, "not kept whole"),
            (Stream("pipe", captured=True, length=5), Outlet("file", takes=False), "can't be given again"),
            (Stream("pipe", captured=True, length=5), CLOSED, "can't be given again"),
            (Stream("terminal", captured=False), PIPE, "not kept whole"),
            (Stream("terminal", captured=True, length=5), PIPE, "was a terminal"),
            (Stream("device", captured=False), Outlet("device"), "not kept whole"),
            (Stream("socket", captured=False), PIPE, "not kept whole"),
        ],
    )
    def test_it_can_not(self, desk: Desk, stream: Stream, now: Outlet, reason: str) -> None:
        found = self.ask(desk, stream, now)
        assert isinstance(found, Refusal)
        assert reason in found.reason

    def test_both_in_one(self, desk: Desk) -> None:
        both = Stream("pipe", captured=True, length=5)
        folder = desk.keep(streams={"stdout": both, "stderr": Stream("pipe", captured=True, merged=True)})
        (folder / "stdout").write_bytes(b"12345")
        assert desk.stands(standard=Standard(NULL, PIPE, PIPE, merged=True))
        assert desk.stands(standard=Standard(NULL, NULL, NULL))
        assert "were one" in desk.why_not()

    def test_it_is_not_said_where_it_went(self, desk: Desk) -> None:
        desk.keep(streams={"stdout": SILENT})
        assert "where its stderr went" in desk.why_not()


class TestDescriptors:
    def handed(self, *given: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        return ({**HANDED, "descriptors": list(given)},)

    def test_an_open_file(self, desk: Desk) -> None:
        inode = {"type": "file", "ino": 5, "dev": 6}
        given = {"fd": 9, "kind": "file", "access": "read", "path": "/x", "offset": 3, "state": inode}
        desk.keep(events=self.handed(given))
        same = Descriptor(9, "file", 5, 6, 3)
        assert desk.stands(handed=frozenset([same]))
        for other in (None, dataclasses.replace(same, inode=7), dataclasses.replace(same, offset=4)):
            reason = desk.why_not(handed=frozenset([other] if other else []))
            assert "descriptor 9 is not the open file that it was" in reason

    def test_one_that_was_not_there(self, desk: Desk) -> None:
        desk.keep()
        assert "descriptor 9" in desk.why_not(handed=frozenset([Descriptor(9, "file", 5, 6, 3)]))

    @pytest.mark.parametrize("kind", ["pipe", "socket"])
    def test_what_is_read_from_a_pipe(self, desk: Desk, kind: Any) -> None:
        desk.keep(events=self.handed({"fd": 9, "kind": kind, "access": "both"}))
        assert f"descriptor 9 is a {kind}" in desk.why_not()
        assert f"descriptor 9 is a {kind}" in desk.why_not(handed=frozenset([Descriptor(9, kind)]))

    def test_those_that_do_not_matter(self, desk: Desk) -> None:
        desk.keep(
            events=self.handed(
                {"fd": 0, "kind": "pipe", "access": "read"},
                {"fd": 9, "kind": "pipe", "access": "write"},
                {"fd": 10, "kind": "device", "access": "both"},
                {"fd": 11, "kind": "file", "access": "path"},
                {"fd": "x"},
            )
        )
        assert desk.stands()

    def test_nobody_says(self, desk: Desk) -> None:
        desk.keep(events=({"seq": 1, "event": "begin"},))
        assert "does not say which open files" in desk.why_not()

    def test_of_this_process(self, desk: Desk) -> None:
        path = desk.put("data")
        before = descriptors.handed_now()
        read, write = os.open(path, os.O_RDONLY), os.open(path, os.O_WRONLY)
        ends = os.pipe()
        try:
            os.lseek(read, 3, os.SEEK_SET)
            assert descriptors.handed_now() == before  # Python hands on none
            for number in (read, write, *ends):
                os.set_inheritable(number, True)
            found = os.stat(path)
            expected = {Descriptor(read, "file", found.st_ino, found.st_dev, 3), Descriptor(ends[0], "pipe")}
            assert descriptors.handed_now() - before == expected
        finally:
            for number in (read, write, *ends):
                os.close(number)


class TestWritingOn:
    """A file that was there, was opened for writing and not emptied, holds what the run found there."""

    def events(self, path: Path, before: FileState, **keys: Any) -> tuple[dict[str, Any], ...]:
        seen = dataclasses.asdict(before)
        default = {"seq": 2, "t": 2, "event": "open", "pid": 7, "path": str(path), "access": "write", "state": seen}
        return (HANDED, {**default, **keys})

    def written(self, desk: Desk, **keys: Any) -> Path:
        path = desk.put("log")
        before = state(path)
        path.write_bytes(b"content and more")
        desk.keep(use("output", path, before=before), events=self.events(path, before, **keys))
        return path

    @pytest.mark.parametrize("keys", [{"append": True}, {}, {"access": "both"}, {"event": "truncate", "length": 3}])
    def test_in_its_place(self, desk: Desk, keys: dict[str, Any]) -> None:
        path = self.written(desk, **keys)
        assert f"wrote on in `{path}`, which was there before" in desk.why_not()

    @pytest.mark.parametrize("keys", [{"truncate": True}, {"access": "read"}, {"event": "truncate", "length": 0}])
    def test_from_the_beginning(self, desk: Desk, keys: dict[str, Any]) -> None:
        self.written(desk, **keys)
        assert desk.stands()

    def test_again_after_it_was_emptied(self, desk: Desk) -> None:
        path = desk.put("log")
        before = state(path)
        path.write_bytes(b"new content, and longer")
        first = self.events(path, before, truncate=True)
        then = self.events(path, dataclasses.replace(before, size=0), append=True, seq=3)[1:]
        desk.keep(use("output", path, before=before), events=(*first, *then))
        assert desk.stands()

    def test_in_another_place(self, desk: Desk) -> None:
        path = desk.put("log")
        before = dataclasses.replace(state(path), ino=1)
        desk.keep(use("output", path, before=before), events=self.events(path, before, append=True))
        assert desk.stands()


class TestLookers:
    @pytest.mark.parametrize("name", ["make", "rsync", "ninja", "snakemake"])
    def test_programs_that_go_by_times(self, desk: Desk, name: str) -> None:
        tool = desk.put(name)
        desk.keep(use("software", tool, executed=True))
        assert desk.why_not() == f"`{name}` looks at files without opening them, which is not seen"

    def test_by_another_name(self, desk: Desk) -> None:
        tool, link = desk.put("gnumake"), desk.work / "make"
        link.symlink_to(tool)
        desk.keep(use("software", tool, executed=True, names=(str(link),)))
        assert "`make` looks" in desk.why_not()

    def test_as_a_module_of_python(self, desk: Desk) -> None:
        package = Package("python", "Snakemake", "8")
        desk.keep(software=(package,))
        assert "`snakemake` looks" in desk.why_not()
        desk.keep(software=(dataclasses.replace(package, imported=False),))
        assert desk.stands()

    @pytest.mark.parametrize(
        "words",
        [
            ("/usr/bin/git", "describe", "--dirty"),
            ("git", "-C", "x", "status"),
            ("ls", "-la"),
            ("ls", "--sort=time"),
            ("find", ".", "-newer", "stamp"),
            ("find", ".", "-size", "+1k"),
            ("test", "a", "-nt", "b"),
            ("[", "-s", "a", "]"),
            ("cp", "-ru", "a", "b"),
        ],
    )
    def test_programs_that_were_asked_to(self, desk: Desk, words: tuple[str, ...]) -> None:
        desk.keep(processes=(process("sh"), process(*words)))
        assert f"`{words[0].rpartition('/')[2]}` looked at files" in desk.why_not()

    def test_programs_that_were_not(self, desk: Desk) -> None:
        desk.keep(
            processes=(
                process("git", "rev-parse", "HEAD"),
                process("ls", "-a1"),
                process("find", ".", "-name", "*.csv"),
                process("cp", "-r", "a", "b"),
                process("python", "make.py"),
                dataclasses.replace(process("fork"), argv=None),
            )
        )
        assert desk.stands()

    def test_nobody_knows_what_they_were_asked(self, desk: Desk) -> None:
        desk.keep(processes=(dataclasses.replace(process("git", "log"), argv_truncated=True),))
        assert "`git` looked at files" in desk.why_not()


class TestOtherRunsOfTheCommand:
    """One that opened little, since it only looked whether all was done, can't tell what that depended on."""

    def two(self, desk: Desk, *uses: FileUse, age: int = SECOND) -> None:
        desk.keep(*uses)
        desk.keep(started=place.utc_text(time.time_ns() - age))

    def test_an_output_of_theirs_is_gone(self, desk: Desk) -> None:
        path = desk.put("made/out")
        self.two(desk, use("output", path))
        os.utime(path, (1, 1))
        path.unlink()
        assert "`made/out` changed since run" in desk.why_not()

    def test_an_input_of_theirs_is_another(self, desk: Desk) -> None:
        path = desk.put("source.c")
        self.two(desk, use("input", path))
        path.write_bytes(b"CONTENT")
        assert re.fullmatch("`source.c` changed since run .*, another run of the command used it", desk.why_not())

    def test_what_changed_before_the_run_does_not_matter(self, desk: Desk) -> None:
        kept, gone = desk.put("a/source.c"), desk.put("b/gone")
        uses = use("input", kept), use("output", gone)
        kept.write_bytes(b"CONTENT")
        gone.unlink()
        self.two(desk, *uses, age=-SECOND)
        assert desk.stands()
