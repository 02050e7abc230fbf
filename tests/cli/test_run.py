"""What `vestige run` makes of its words before it becomes the recorder."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from harness.front import Front, front, portable, spied

from vestige.cli import run_options
from vestige.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def called(spy: Front, *words: str, **options: object) -> list[str]:
    done = spy("run", *words, **options)  # type: ignore[arg-type]
    assert done.returncode == 0, done.stderr
    order: list[str] = json.loads(done.stdout)
    return order


def value(order: list[str], flag: str) -> str:
    return order[order.index(flag) + 1]


def command(order: list[str]) -> list[str]:
    return order[order.index("--") + 1 :]


class TestWords:
    def test_options_end_at_the_command(self) -> None:
        request = run_options.parse(["--tag", "a", "ls", "--tag", "b", "-q"])
        assert (request.tags, request.argv, request.quiet) == (["a"], ["ls", "--tag", "b", "-q"], False)

    def test_two_dashes_end_the_options(self) -> None:
        assert run_options.parse(["--", "-q", "--"]).argv == ["-q", "--"]

    def test_a_single_dash_is_a_command(self) -> None:
        assert run_options.parse(["-"]).argv == ["-"]

    @pytest.mark.parametrize("words", [["-m", "a b"], ["-ma b"], ["--message", "a b"], ["--message=a b"]])
    def test_values_in_every_form(self, words: list[str]) -> None:
        assert run_options.parse([*words, "true"]).message == "a b"

    def test_a_value_may_be_empty_or_hold_an_equals_sign(self) -> None:
        assert run_options.parse(["--message=", "--tag=a=b", "true"]).message == ""
        assert run_options.parse(["--message=", "--tag=a=b", "true"]).tags == ["a=b"]

    def test_tags_add_up(self) -> None:
        assert run_options.parse(["--tag", "a", "--tag=b", "true"]).tags == ["a", "b"]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ([], "no command given"),
            (["--tag", "x"], "no command given"),
            (["--"], "no command given"),
            (["--mesage", "x", "true"], "did you mean `--message`?"),
            (["--sumary=line", "true"], "did you mean `--summary`?"),
            (["--xyzzyx", "true"], "`vestige run --help` lists them"),
            (["-x", "true"], "unknown option `-x`"),
            (["--capture", "some", "true"], "allowed are auto, all, stdout, stderr, none"),
            (["--wait=yes", "true"], "`--wait` takes no value"),
            (["--tag"], "`--tag` needs a value: TAG"),
            (["--hash", "md5", "true"], "allowed are full, fast, none"),
            (["--hash-limit", "much", "true"], "`much` is no size"),
            (["--hash-limit"], "`--hash-limit` needs a value: SIZE"),
            (["--io-uring", "off", "true"], "allowed are auto, deny"),
            (["--deny-network=yes", "true"], "`--deny-network` takes no value"),
        ],
    )
    def test_a_mistake_is_one_line(self, words: list[str], message: str) -> None:
        with pytest.raises(UsageError) as caught:
            run_options.parse(words)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_every_option_is_in_the_help(self) -> None:
        page = run_options.help_page()
        assert all(flag in page for option in run_options.OPTIONS for flag in option.flags)
        assert all(len(line) <= 120 for line in page.splitlines())


class TestOrder:
    def test_defaults(self, tmp_path: Path) -> None:
        spy = spied(tmp_path)
        order = called(spy, "echo", "--x", "")
        assert command(order) == ["echo", "--x", ""]
        assert (value(order, "--trace"), value(order, "--capture")) == ("auto", "auto")
        assert value(order, "--finish-mode") == "detached"
        assert "--wait" not in order
        assert value(order, "--dir") == str(spy.runs[0])
        assert value(order, "--id") == spy.record()["id"]

    def test_options_reach_the_recorder(self, tmp_path: Path) -> None:
        order = called(spied(tmp_path), "--trace", "off", "--capture=none", "--wait", "true")
        assert (value(order, "--trace"), value(order, "--capture")) == ("off", "none")
        assert "--wait" in order

    def test_what_is_not_asked_for_is_not_said(self, tmp_path: Path) -> None:
        spy = spied(tmp_path)
        order = called(spy, "true", stdin=subprocess.DEVNULL)
        assert not {"--io-uring", "--deny-network"} & set(order)
        assert spy.record()["options"] == {
            "hash": "full",
            "hash_limit": None,
            "deny_network": False,
            "io_uring": "auto",
            "classes": {},
            "commit": None,
            "stdin": "device",
        }

    def test_what_to_observe_reaches_record_and_recorder(self, tmp_path: Path) -> None:
        spy = spied(tmp_path)
        (spy.folder / "vestige.toml").write_text('hash_limit = 7\n[classes]\ninput = ["*.cfg"]\n')
        words = ("--hash=fast", "--hash-limit", "1.5G", "--io-uring", "deny", "--deny-network", "true")
        order = called(spy, *words, stdin=subprocess.DEVNULL)
        assert (value(order, "--io-uring"), value(order, "--deny-network")) == ("deny", "on")
        assert spy.record()["options"] == {
            "hash": "fast",
            "hash_limit": 1_500_000_000,
            "deny_network": True,
            "io_uring": "deny",
            "classes": {"input": ["*.cfg"]},
            "commit": None,
            "stdin": "device",
        }

    def test_options_go_before_a_config_file(self, tmp_path: Path) -> None:
        spy = spied(tmp_path)
        (spy.folder / "vestige.toml").write_text('hash_limit = 7\ndeny_network = true\nio_uring = "deny"\n')
        order = called(spy, "--hash-limit", "0", "--allow-network", "--io-uring", "auto", "true")
        assert not {"--io-uring", "--deny-network"} & set(order)
        options = spy.record()["options"]
        assert (options["hash_limit"], options["deny_network"], options["io_uring"]) == (None, False, "auto")

    def test_the_first_record_holds_message_tags_and_words(self, tmp_path: Path) -> None:
        spy = spied(tmp_path)
        called(spy, "-m", "a note", "--tag", "x", "--tag", "y", "echo", "one two")
        record = spy.record()
        assert (record["message"], record["tags"], record["argv"]) == ("a note", ["x", "y"], ["echo", "one two"])
        assert (record["status"], record["cwd"]) == ("running", str(spy.folder))

    def test_a_summary_asked_for_is_printed_anywhere(self, tmp_path: Path) -> None:
        order = called(spied(tmp_path), "--summary", "line", "true")
        assert value(order, "--finish-mode") == "wait"
        assert order[order.index("--summary") :][:3] == ["--summary", "--finish", "line"]

    @pytest.mark.parametrize("words", [["-q"], ["--quiet", "--summary", "full"]])
    def test_quiet_means_no_summary(self, tmp_path: Path, words: list[str]) -> None:
        assert value(called(spied(tmp_path), *words, "true"), "--finish-mode") == "detached"

    def test_a_summary_wished_by_environment_stays_off_a_pipe(self, tmp_path: Path) -> None:
        order = called(spied(tmp_path), "true", env={"VESTIGE_SUMMARY": "full"})
        assert value(order, "--finish-mode") == "detached"

    def test_store_option(self, tmp_path: Path) -> None:
        order = called(spied(tmp_path), "--store", "elsewhere", "true")
        assert value(order, "--dir").startswith(str(tmp_path / "work" / "elsewhere" / "runs"))

    def test_words_that_are_no_text(self, tmp_path: Path) -> None:
        path = tmp_path / "raw"
        path.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
        path.chmod(0o755)
        raw = front(tmp_path, recorder=str(path))
        call = [sys.executable.encode(), b"-m", b"vestige", b"run", b"-m", b"\xff", b"echo", b"\xfe\n\x80"]
        done = subprocess.run(call, cwd=raw.folder, env=raw.environ, capture_output=True, check=True)
        assert b"\necho\n\xfe\n\x80\n" in done.stdout
        assert raw.record()["argv"] == ["echo", '"\\376\\012\\200"']
        assert raw.record()["message"] == '"\\377"'


class TestSettings:
    def test_command_line_over_environment_over_project_over_user(self, tmp_path: Path) -> None:
        spy = spied(tmp_path)
        user = tmp_path / "home" / ".config" / "vestige"
        user.mkdir(parents=True)
        (user / "config.toml").write_text('capture = "stdout"\ntrace = "off"\ntags = ["u"]\nwait = true\n')
        assert value(called(spy, "true"), "--capture") == "stdout"
        (spy.folder / "pyproject.toml").write_text('[tool.vestige]\ncapture = "stderr"\ntags = ["p"]\n')
        assert value(called(spy, "true"), "--capture") == "stderr"
        order = called(spy, "true", env={"VESTIGE_CAPTURE": "all"})
        assert value(order, "--capture") == "all"
        order = called(spy, "--capture", "none", "--no-wait", "--tag", "c", "true", env={"VESTIGE_CAPTURE": "all"})
        assert (value(order, "--capture"), value(order, "--trace")) == ("none", "off")
        assert "--wait" not in order
        records = [json.loads((run / "record.json").read_text()) for run in spy.runs]
        assert ["u", "p", "c"] in [record["tags"] for record in records]

    def test_environment_variables_of_ones_own_choice_are_kept(self, tmp_path: Path) -> None:
        spy = spied(tmp_path)
        (spy.folder / "vestige.toml").write_text('environment = ["SEASON", "MY_TOKEN"]\n')
        called(spy, "true", env={"SEASON": "spring", "MY_TOKEN": "abc", "OTHER": "x"})
        kept = spy.record()["environment"]
        assert (kept["SEASON"], kept["MY_TOKEN"]) == ("spring", "***")
        assert "OTHER" not in kept


class TestFailure:
    def test_a_mistake_exits_125_before_anything_is_made(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        done = program("run", "--tagg", "x", "true")
        assert (done.returncode, done.stdout) == (125, "")
        assert done.stderr == "vestige: unknown option `--tagg`: did you mean `--tag`?\n"
        assert program.runs == []

    def test_a_bad_config_exits_125_and_names_file_and_key(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        path = program.folder / "vestige.toml"
        path.write_text('capture = "most"\n')
        done = program("run", "echo", "x")
        assert (done.returncode, done.stdout) == (125, "")
        assert str(path) in done.stderr
        assert "`capture`" in done.stderr
        assert "`auto`" in done.stderr

    def test_a_named_store_that_cannot_be_written_exits_125(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        done = portable(tmp_path)("run", "--store", str(tmp_path / "file"), "echo", "x")
        assert (done.returncode, done.stdout) == (125, "")
        assert str(tmp_path / "file") in done.stderr

    def test_without_any_place_the_command_runs_unrecorded_and_stderr_is_its_own(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        (program.folder / ".vestige").mkdir()
        (program.folder / ".vestige" / "runs").write_text("in the way")
        env = {"XDG_STATE_HOME": "/dev/null/nowhere"}
        done = program("run", "sh", "-c", "echo out; echo err >&2; exit 7", env=env)
        assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")

    def test_a_folder_that_is_gone_does_not_stop_the_command(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        gone = program.folder / "gone"
        script = f"mkdir {gone}; cd {gone}; rmdir {gone}; exec {sys.executable} -m vestige run echo still here"
        done = subprocess.run(["sh", "-c", script], env=program.environ, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "still here\n")
        (run,) = (tmp_path / "home" / ".local" / "state" / "vestige" / "runs").iterdir()
        assert json.loads((run / "record.json").read_text())["cwd"] == f"{gone} (deleted)"

    def test_a_fault_of_vestige_does_not_stop_the_command(self, tmp_path: Path) -> None:
        program = portable(tmp_path)
        code = (
            "import sys; from vestige.record import place; place.new_id = lambda now: 1 / 0\n"
            "from vestige.cli.front import main; sys.exit(main(['vestige', 'run', 'sh', '-c', 'echo x; exit 4']))"
        )
        call = [sys.executable, "-c", code]
        done = subprocess.run(
            call, cwd=program.folder, env=program.environ, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (4, "x\n", "")

    def test_a_recorder_for_another_machine_does_not_stop_the_command(self, tmp_path: Path) -> None:
        alien = tmp_path / "alien"
        alien.write_bytes(b"\x7fELF alien")
        alien.chmod(0o755)
        program = front(tmp_path, recorder=str(alien))
        done = program("run", "sh", "-c", "echo x; exit 3")
        assert (done.returncode, done.stdout, done.stderr) == (3, "x\n", "")
        assert json.loads(program("show", "--json").stdout)["completeness"]["observer"] == "portable"

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--trace", "off"], "the network can't be denied with tracing off"),
            ([], "the network can't be denied without the recorder"),
        ],
    )
    def test_a_network_that_cannot_be_denied_keeps_the_command_from_starting(
        self, tmp_path: Path, words: list[str], message: str
    ) -> None:
        program = portable(tmp_path)
        done = program("run", "--deny-network", *words, "touch", "started")
        assert (done.returncode, done.stdout) == (125, "")
        assert message in done.stderr
        assert program.runs == []
        assert not (program.folder / "started").exists()

    def test_a_network_to_be_denied_by_a_recorder_for_another_machine(self, tmp_path: Path) -> None:
        alien = tmp_path / "alien"
        alien.write_bytes(b"\x7fELF alien")
        alien.chmod(0o755)
        program = front(tmp_path, recorder=str(alien))
        done = program("run", "touch", "started", env={"VESTIGE_DENY_NETWORK": "true"})
        assert done.returncode == 125
        assert "the network can't be denied" in done.stderr
        assert program.runs == []
        assert not (program.folder / "started").exists()

    def test_a_network_to_be_denied_without_any_place_for_the_run(self, tmp_path: Path) -> None:
        program = spied(tmp_path)
        (program.folder / ".vestige").mkdir()
        (program.folder / ".vestige" / "runs").write_text("in the way")
        (program.folder / "vestige.toml").write_text("deny_network = true\n")
        done = program("run", "touch", "started", env={"XDG_STATE_HOME": "/dev/null/nowhere"})
        assert (done.returncode, done.stdout) == (125, "")
        assert "since the run can't be recorded" in done.stderr

    def test_help_goes_to_stdout(self, tmp_path: Path) -> None:
        done = portable(tmp_path)("run", "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: vestige run")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc/self/environ")
class TestEnvironment:
    def seen(self, program: Front, **changes: str) -> dict[str, str]:
        environ = {k: v for k, v in program.environ.items() if k not in ("LANG", "LC_ALL", "LC_CTYPE")} | changes
        call = [sys.executable, "-m", "vestige", "run", "env", "-0"]
        done = subprocess.run(call, cwd=program.folder, env=environ, capture_output=True, text=True, check=True)
        return dict(pair.split("=", 1) for pair in done.stdout.split("\0") if pair)

    def test_the_coercion_of_the_locale_is_undone(self, tmp_path: Path) -> None:
        assert "LC_CTYPE" not in self.seen(front(tmp_path))

    @pytest.mark.parametrize("value", ["C", "C.UTF-8", "POSIX"])
    def test_a_locale_of_the_users_own_stays(self, tmp_path: Path, value: str) -> None:
        assert self.seen(front(tmp_path), LC_CTYPE=value)["LC_CTYPE"] == value

    def test_the_command_gets_its_environment_and_the_names_of_its_run(self, tmp_path: Path) -> None:
        program = front(tmp_path)
        seen = self.seen(program, ODD="a\nb", EMPTY="")
        assert (seen["ODD"], seen["EMPTY"]) == ("a\nb", "")
        assert seen["VESTIGE_RUN"] == str(program.runs[0])
        assert seen["VESTIGE_RUN_ID"] == program.record()["id"]
        expected = set(program.environ) - {"LANG", "LC_ALL", "LC_CTYPE"} | {"ODD", "EMPTY"}
        assert set(seen) - {"VESTIGE_RUN", "VESTIGE_RUN_ID", "_"} == expected - {"_"}

    def test_python_leaves_no_ignored_signal_behind(self, tmp_path: Path) -> None:
        done = front(tmp_path)("run", "grep", "SigIgn", "/proc/self/status")
        of_libc = 1 << 31 | 1 << 32  # 32 and 33 are glibc's own: its posix_spawn ignores them
        assert int(done.stdout.split()[1], 16) & ~of_libc == 0
