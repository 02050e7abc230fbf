"""The command lines that con-duct and `vestige duct` are compared by, and in which of them they may differ.

`DIFFERENCES` names every difference that a row may have, and what of the outcome it touches. The reasons are in
`docs/reference/duct.md`, nowhere else; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from duct.sides import Call

# by name: what is not compared where a row has it (code, stdout, stderr, names, kept, info, usage)
DIFFERENCES = {
    "signal-code": ("code",),
    "not-executable": ("code", "stderr", "names", "kept"),
    "option-message": ("stderr",),
    "usage-page": ("stdout",),
    "traceback": ("stderr",),
    "bad-variable": ("code", "stderr"),
    "dotenv-prefix": ("names", "stderr", "info"),
    "home-folder": ("names", "stderr", "info", "kept", "usage"),
    "colors-off": ("stderr",),
    "record-types": ("info", "stderr", "usage"),
    "unknown-field": ("code", "stderr"),
    "unknown-placeholder": ("stderr",),
    "short-interval": ("stderr",),
    "deprecated-placeholder": ("stderr",),
    "reopened-stdout": ("stdout", "kept"),
    "current-session": ("usage",),
    "format-warning": ("stderr",),
    "dotenv-words": ("stderr",),
    "version-words": ("stdout",),
    "stale-output": ("kept",),
    "double-dash": ("stdout", "stderr", "info", "kept", "usage"),
}
# Of all rows: these are not compared, or compared as the test says.
ALWAYS = ("version", "more-keys", "figures-known", "reports-counted", "no-dotenv-file")
# Shown by tests of their own.
ELSEWHERE = (
    "sigterm", "own-session-child", "nested", "broken-pipe", "no-first-line", "survivor-output", "attach",
    "environment", "command-text", "kept-run", "subcommands",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A call, and what is expected of `vestige duct` where it differs."""

    name: str
    call: Call
    differs: tuple[str, ...] = ()
    code: int | None = None  # where the code differs: ours
    says: str | None = None  # where stderr differs: what ours has in it
    prints: bytes | None = None  # where stdout differs: ours
    names: frozenset[str] | None = field(default=None)  # where the files differ: ours

    def excuses(self, part: str) -> bool:
        return any(part in DIFFERENCES[name] for name in self.differs)


BOTH = ("sh", "-c", "echo out; echo err >&2")
NAP = ("sleep", "0.4")
ALL = frozenset({"x_stdout", "x_stderr", "x_usage.jsonl", "x_info.json"})
NONE: frozenset[str] = frozenset()
_BROKEN = "#!/no/such/interpreter\n"


def row(name: str, *words: str, **more: object) -> Row:
    call = {key: more.pop(key) for key in ("variables", "files", "stdin") if key in more}
    return Row(name, Call(words, **call), **more)  # type: ignore[arg-type]


def at_x(name: str, *words: str, **more: object) -> Row:
    """A row with its files at `x_`."""
    return row(name, "-p", "x_", *words, **more)


def sh(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


EXITS = [
    *(at_x(f"exit {n}, kept", "--fail-time", "0", *sh(f"exit {n}")) for n in (0, 1, 2, 42, 125, 126, 127, 128, 255)),
    *(at_x(f"exit {n}, removed", *sh(f"exit {n}")) for n in (1, 3, 255)),
    at_x("success is kept", *sh("exit 0")),
    at_x("fails late enough", "--fail-time", "0.2", *sh("sleep 0.5; exit 4")),
    at_x("fails, negative fail time", "--fail-time", "-1", *sh("exit 5")),
    at_x("fails late, negative fail time", "--f-t", "-1", *sh("sleep 0.3; exit 5")),
    at_x("succeeds, negative fail time", "--f-t=-1", *sh("exit 0")),
    *(at_x(f"killed by {s}, kept", "--f-t", "0", *sh(f"kill -{s} $$")) for s in ("TERM", "KILL", "INT", "HUP", "ABRT")),
    *(at_x(f"killed by {s}, removed", *sh(f"kill -{s} $$"), differs=("signal-code",), code=code)
      for s, code in (("TERM", 143), ("KILL", 137))),
    at_x("killed, samples only", "-t", "processes-samples", *sh("kill -TERM $$"), differs=("signal-code",), code=143),
    at_x("not found", "no-such-command"),
    at_x("not found, arguments", "no-such-command", "-x", "--y"),
    at_x("not found by path", "./no-such-command"),
    at_x("not found, nothing is said", "-q", "no-such-command"),
    row("not found, in a folder to make", "-p", "a/b/", "no-such-command"),
    at_x("no interpreter", "./broken", files={"broken": _BROKEN}, differs=("option-message",),
         says="command not found"),
    at_x("not executable", "./text", files={"text": "x"}, differs=("not-executable",), code=126, names=NONE,
         says="./text: permission denied"),
    at_x("a folder", "./folder", files={"folder/x": ""}, differs=("not-executable",), code=126, names=NONE,
         says="./folder: is a directory"),
]  # fmt: skip

STREAMS = [
    *(at_x(f"-c {c} -o {o}", "-c", c, "-o", o, *BOTH)
      for c in ("all", "none", "stdout", "stderr") for o in ("all", "none", "stdout", "stderr")),
    at_x("captured, nothing said", "-q", *BOTH),
    at_x("stdin", "cat", stdin=b"some\nwords"),
    at_x("no stdin", "cat"),
    at_x("any bytes", "python3", "-c", "import os; os.write(1, bytes(range(256)) * 100)"),
    at_x("a megabyte", "sh", "-c", "head -c 1000000 /dev/zero"),
    at_x("no last line feed", "printf", "%s", "x"),
    at_x("no terminal", *sh("test -t 1; echo $?; test -t 2; echo $?")),
    at_x("a session of its own", *sh('test "$(ps -o sid= -p $$)" -eq $$ && echo leader; ps -o tty= -p $$')),
    at_x("a group of its own", *sh('test "$(ps -o pgid= -p $$)" -eq $$ && echo leader')),
    at_x("stdout reopened", *sh("echo a; echo b > /dev/stdout; echo c"), differs=("reopened-stdout",),
         prints=b"a\nb\nc\n"),
    at_x("stdout reopened for appending", *sh("echo a; echo b >> /dev/stdout; echo c"), differs=("reopened-stdout",),
         prints=b"a\nb\nc\n"),
]  # fmt: skip

PREFIXES = [
    row("-pVALUE", "-px_", *BOTH),
    row("--output-prefix VALUE", "--output-prefix", "x_", *BOTH),
    row("--output-prefix=VALUE", "--output-prefix=x_", *BOTH),
    row("the default prefix", *BOTH),
    row("into a folder", "-p", "log/", *BOTH),
    row("a deep folder", "-p", "a/b/c/d_", *BOTH),
    row("no prefix at all", "-p", "", *BOTH),
    row("the pid", "-p", "{pid}_", *BOTH),
    row("the pid, formatted", "-p", "{pid:08d}_", *BOTH),
    row("the moment", "-p", "{datetime}_", *BOTH),
    row("braces themselves", "-p", "{{x}}_", *BOTH),
    row("the old placeholder", "-p", "{datetime_filesafe}_", *BOTH, differs=("deprecated-placeholder",),
        says="Log files will be written to"),
    row("an unknown placeholder", "-p", "{foo}_", *BOTH, differs=("unknown-placeholder",), says="'foo'"),
    row("a brace that is open", "-p", "{pid_", *BOTH, differs=("unknown-placeholder",), says="output prefix"),
    row("blanks and letters", "-p", "my lög_", *BOTH),
    row("a home folder", "-p", "~/x_", *BOTH, differs=("home-folder",), names=NONE,
        says="Log files will be written to /"),
    *(at_x(f"{name} is in the way", *BOTH, files={f"x_{name}": "old"})
      for name in ("stdout", "stderr", "usage.jsonl", "info.json")),
    at_x("all are in the way", *BOTH, files=dict.fromkeys(sorted(ALL), "old")),
    at_x("in the way, though not captured", "-c", "none", *BOTH, files={"x_stdout": "old"}),
    at_x("in the way, nothing is said", "-q", *BOTH, files={"x_info.json": "old"}),
    at_x("clobbered", "--clobber", *BOTH, files=dict.fromkeys(sorted(ALL), "old")),
    at_x("clobbered, nothing there", "--clobber", *BOTH),
    at_x("clobbered, not captured", "--clobber", "-c", "none", *BOTH, files={"x_stdout": "old"},
         differs=("stale-output",)),
]  # fmt: skip

OPTIONS = [
    *(at_x(f"level {level}", "-l", level, *NAP) for level in ("NONE", "CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")),
    at_x("level in small letters", "-l", "error", *NAP),
    at_x("--log-level=", "--log-level=WARNING", *NAP),
    at_x("quiet wins", "-q", "-l", "INFO", *NAP),
    row("options in one word", "-qp", "x_", *NAP),
    at_x("-m", "-m", "a note", *NAP),
    at_x("-mVALUE", "-mnote", *NAP),
    at_x("--message=", "--message=a=b", *NAP),
    at_x("an empty message", "-m", "", *NAP),
    at_x("a message that begins with a dash", "-m", "- a note", *NAP),
    at_x("a message in letters", "-m", "für später", *NAP),
    at_x("the last one counts", "-m", "a", "-m", "b", *NAP),
    at_x("-t all", "-t", "all", *NAP),
    at_x("-t system-summary", "-t", "system-summary", *NAP, differs=("record-types",),
         says="Memory Peak Usage (RSS): "),
    at_x("-t processes-samples", "-t", "processes-samples", *NAP, differs=("record-types",), says="Exit Code: 0"),
    at_x("--mode new-session", "--mode", "new-session", *NAP),
    at_x("--mode current-session", "--mode", "current-session", *NAP, differs=("current-session",)),
    at_x("a short interval", "--s-i", "0.1", *NAP, differs=("short-interval",), says="Exit Code: 0"),
    at_x("--sample-interval=", "--sample-interval=0.2", "--report-interval=0.2", *NAP, differs=("short-interval",),
         says="Exit Code: 0"),
    at_x("several reports", "-q", "--s-i", "0.1", "--r-i", "0.2", "sleep", "0.9"),
    at_x("a whole interval", "--s-i", "1", "--r-i", "1", *NAP),
    row("-- before the command", "-p", "x_", "--", *BOTH),
    at_x("-- for the command", "echo", "--", "x", differs=("double-dash",), prints=b"-- x\n", says="'echo -- x'"),
    at_x("options for the command", "echo", "-p", "y_", "--help", "-q"),
    at_x("words with blanks", "echo", "a  b", "", "$HOME", "'"),
    at_x("letters beyond ASCII", "echo", "äöü", "日本"),
    row("--version", "--version", differs=("version-words",), prints=b"con-duct run 0.23.0"),
    row("-h", "-h", differs=("usage-page",), prints=b"usage: vestige duct"),
    row("--help", "--help", differs=("usage-page",), prints=b"usage: vestige duct"),
]  # fmt: skip

ERRORS = [
    row(name, *words, differs=("option-message",), says="vestige duct: error: ")
    for name, words in {
        "no command": (),
        "options, no command": ("-q",),
        "only --": ("--",),
        "an unknown option": ("--no-such-option", "true"),
        "an unknown letter": ("-x", "true"),
        "an abbreviation": ("--output", "x_", "true"),
        "no value": ("-p",),
        "an option for a value": ("-m", "-q", "true"),
        "a value for a flag": ("--clobber=yes", "true"),
        "no number": ("--sample-interval", "abc", "true"),
        "no number for --r-i": ("--r-i", "", "true"),
        "no number for --f-t": ("--f-t", "1s", "true"),
        "a bad level": ("-l", "LOUD", "true"),
        "a bad -c": ("-c", "both", "true"),
        "a bad -o": ("-o", "ALL", "true"),
        "a bad -t": ("-t", "samples", "true"),
        "a bad mode": ("--mode", "no-session", "true"),
    }.items()
] + [
    row("intervals the wrong way round", "--s-i", "2", "--r-i", "1", "true", differs=("traceback",),
        says="--report-interval must be greater than or equal to --sample-interval"),
]  # fmt: skip

VARIABLES = [
    row("DUCT_OUTPUT_PREFIX", *BOTH, variables={"DUCT_OUTPUT_PREFIX": "y_"}),
    row("-p goes before DUCT_OUTPUT_PREFIX", "-p", "x_", *BOTH, variables={"DUCT_OUTPUT_PREFIX": "y_"}),
    at_x("DUCT_LOG_LEVEL", *NAP, variables={"DUCT_LOG_LEVEL": "warning"}),
    at_x("-l goes before DUCT_LOG_LEVEL", "-l", "INFO", *NAP, variables={"DUCT_LOG_LEVEL": "NONE"}),
    at_x("DUCT_MESSAGE", *NAP, variables={"DUCT_MESSAGE": "note"}),
    at_x("DUCT_CAPTURE_OUTPUTS", *BOTH, variables={"DUCT_CAPTURE_OUTPUTS": "stderr"}),
    at_x("DUCT_FAIL_TIME", *sh("exit 3"), variables={"DUCT_FAIL_TIME": "0"}),
    at_x("DUCT_SAMPLE_INTERVAL", "-q", *NAP, variables={"DUCT_SAMPLE_INTERVAL": "0.1"}),
    at_x("DUCT_REPORT_INTERVAL", *NAP, variables={"DUCT_REPORT_INTERVAL": "30"}),
    at_x("DUCT_SUMMARY_FORMAT", *NAP, variables={"DUCT_SUMMARY_FORMAT": "ended: {exit_code}"}),
    at_x("DUCT_COLORS", *NAP, variables={"DUCT_COLORS": "1"}),
    at_x("DUCT_COLORS, empty", *NAP, variables={"DUCT_COLORS": ""}),
    at_x("DUCT_COLORS, 0", *NAP, variables={"DUCT_COLORS": "0"}, differs=("colors-off",), says="Exit Code: 0\n"),
    at_x("batch systems", *NAP, variables={"SLURM_JOB_ID": "7", "PBS_JOBID": "8", "OSG_X": "9", "SLURMX": "no"}),
    at_x("USER", *NAP, variables={"USER": "somebody"}),
    *(at_x(f"{name} with no number", "true", variables={name: "abc"}, differs=("bad-variable",), code=1, says=name)
      for name in ("DUCT_SAMPLE_INTERVAL", "DUCT_REPORT_INTERVAL", "DUCT_FAIL_TIME")),
    at_x("DUCT_LOG_LEVEL, bad", "true", variables={"DUCT_LOG_LEVEL": "LOUD"}, differs=("bad-variable",), code=1,
         says="DUCT_LOG_LEVEL"),
    at_x("DUCT_CAPTURE_OUTPUTS, bad", "true", variables={"DUCT_CAPTURE_OUTPUTS": "both"}, differs=("bad-variable",),
         code=1, says="DUCT_CAPTURE_OUTPUTS"),
]  # fmt: skip

_SAYS = {"differs": ("dotenv-words",), "says": "Loading .env file: .duct/.env"}
FILES = [
    at_x("a .env file", *NAP, files={".duct/.env": "DUCT_MESSAGE=from the file\n"}),
    at_x("quotes and comments", *NAP, files={".duct/.env": "# x\nexport DUCT_MESSAGE='a  b' # c\n\nX\n"}),
    at_x("several lines", *NAP, files={".duct/.env": 'DUCT_MESSAGE="a\nb\\tc"\n'}),
    at_x("references", *NAP, files={".duct/.env": "A=1\nDUCT_MESSAGE=${A}-${NO:-2}-${HOME_}\n"}),
    at_x("a real variable wins", *NAP, files={".duct/.env": "DUCT_MESSAGE=x\n"}, variables={"DUCT_MESSAGE": "y"}),
    at_x("an option wins", "-m", "z", *NAP, files={".duct/.env": "DUCT_MESSAGE=x\n"}),
    at_x("the command gets them", *sh('echo "$GREETING"'), files={".duct/.env": "GREETING=hello\n"}),
    at_x("later files win", *NAP, files={"a.env": "DUCT_MESSAGE=a\nDUCT_FAIL_TIME=0\n", "b.env": "DUCT_MESSAGE=b\n"},
         variables={"DUCT_CONFIG_PATHS": "a.env:b.env"}),
    at_x("paths with variables", *NAP, files={"c/d.env": "DUCT_MESSAGE=x\n"},
         variables={"DUCT_CONFIG_PATHS": "${NOWHERE:-c}/d.env:${WHERE}/d.env", "WHERE": "none"}),
    at_x("a bad line", *NAP, files={".duct/.env": "DUCT_MESSAGE='x\nDUCT_FAIL_TIME=0\n"}, **_SAYS),
    at_x("bad UTF-8", *NAP, files={".duct/.env": b"DUCT_MESSAGE=\xff\n"}),
    row("the prefix", *BOTH, files={".duct/.env": "DUCT_OUTPUT_PREFIX=y_\n"}, differs=("dotenv-prefix",),
        names=frozenset(name.replace("x_", "y_") for name in ALL), says="Log files will be written to y_"),
]  # fmt: skip


def shown(name: str, template: str, *options: str, **more: object) -> Row:
    return at_x(name, "--summary-format", template, *options, *NAP, **more)


SUMMARIES = [
    shown("every text", "{exit_code} {command} {logs_prefix} {working_directory}"),
    shown("sizes", "{peak_rss!S} {average_rss!S} {peak_vsz!S} {average_vsz!S}"),
    shown("shares", "{peak_pcpu!P} {average_pcpu!P} {peak_pmem!P} {average_pmem!P}"),
    shown("durations and dates", "{wall_clock_time!T} {start_time!D} {end_time!D}"),
    shown("an exit code", "{exit_code!E}|{exit_code!E:>5}|{exit_code:03}"),
    shown("true, known", "{exit_code!X} {exit_code!N} {command!X} {command!N}"),
    shown("both at once", "{exit_code:.1f!N}"),
    shown("Python's own", "{command!r} {command!s} {command:>60} {{}}"),
    shown("a format that does not fit", "{command:.2f}", differs=("format-warning",), says="sleep 0.4"),
    shown("colours", "{exit_code!E} {peak_rss!S} {command!X} {exit_code!X} {command!N}", "--colors"),
    shown("an unknown key", "{no_such_key}", differs=("unknown-field",), code=0, says="no_such_key"),
    shown("nothing", ""),
    at_x("the default, in colours", "--colors", *NAP),
    at_x("the exit code of a failure", "--f-t", "0", "--colors", *sh("sleep 0.3; exit 3")),
]

ROWS = [*EXITS, *STREAMS, *PREFIXES, *OPTIONS, *ERRORS, *VARIABLES, *FILES, *SUMMARIES]
