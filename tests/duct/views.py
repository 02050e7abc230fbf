"""The calls of `ls`, `pp` and `plot` that con-duct and `vestige duct` are compared by, and in what they may differ."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from duct.sides import Call

if TYPE_CHECKING:
    from collections.abc import Mapping

# by name: what is not compared where a row has it (code, stdout, stderr)
DIFFERENCES = {
    "view-words": ("stderr",),
    "ls-filter": ("code", "stdout", "stderr"),
    "ls-order": ("stdout",),
    "ls-prefix": ("code", "stdout", "stderr"),
    "ls-unreadable": ("stdout", "stderr"),
    "ls-escapes": ("stdout",),
    "ls-odd-value": ("code", "stdout", "stderr"),
    "ls-no-log": ("stderr",),
    "pp-damaged": ("stderr",),
    "plot-picture": (),
    "plot-damaged": ("code", "stderr"),
    "plot-paths": ("code", "stderr"),
    "plot-text": ("stdout", "stderr"),
}
# Shown by tests of their own.
ELSEWHERE = ("ls-terminal", "ls-without-pyout", "view-limits")

FIELDS = (
    "average_pcpu", "average_pmem", "average_rss", "average_vsz", "end_time", "exit_code", "memory_total", "peak_pcpu",
    "peak_pmem", "peak_rss", "peak_vsz", "start_time", "wall_clock_time", "arch", "command", "cpu_total",
    "distro_build_id", "distro_codename", "distro_id", "distro_id_like", "distro_name", "distro_pretty_name",
    "distro_variant_id", "distro_version", "distro_version_id", "duct_version", "gpu", "hostname", "info",
    "logs_prefix", "message", "num_samples", "num_reports", "os_name", "os_release", "os_version", "prefix",
    "processor", "schema_version", "stderr", "stdout", "uid", "usage", "user", "working_directory",
)  # fmt: skip
FORMATS = ("auto", "pyout", "summaries", "json", "json_pp", "yaml")


@dataclass(frozen=True)
class View:
    """A call of a subcommand, and what is expected of `vestige duct` where it differs."""

    name: str
    call: Call
    differs: tuple[str, ...] = ()
    code: int | None = None
    says: str = ""
    prints: str = ""

    def excuses(self, part: str) -> bool:
        return any(part in DIFFERENCES[name] for name in self.differs)


def info(command: object = "sleep 1", *, schema: str = "0.2.3", **more: Any) -> dict[str, Any]:
    """Return an info.json as con-duct writes it; `more` replaces what is in its summary."""
    summary = {
        "exit_code": 0, "command": command, "logs_prefix": "p_", "wall_clock_time": 1.0057847, "peak_rss": 3624960,
        "average_rss": 3624960.5, "peak_vsz": 5644288, "average_vsz": 999.0, "peak_pmem": 0.1, "average_pmem": 0.0,
        "peak_pcpu": 99.996, "average_pcpu": 12.345, "num_samples": 9, "num_reports": 5, "start_time": 1795369336.4,
        "end_time": 1795369337.4, "working_directory": "/home/x",
    }  # fmt: skip
    system = {"cpu_total": 2, "memory_total": 25276502016, "hostname": "vm", "uid": 0, "user": None}
    return {
        "command": command, "system": system, "env": {"SLURM_JOB_ID": "7"}, "gpu": None, "duct_version": "0.23.0",
        "schema_version": schema, "execution_summary": {**summary, **more},
        "output_paths": {"stdout": "p_stdout", "stderr": "p_stderr", "usage": "p_usage.jsonl", "info": "p_info.json",
                         "prefix": "p_"},
        "working_directory": "/home/x", "message": "",
    }  # fmt: skip


def text(content: object) -> str:
    return json.dumps(content)


GPU = [{"index": "0", "name": "NVIDIA A100", "memory.total": "40960 MiB"}, {"index": "1", "name": "x: y"}]
NEW = {
    "os_name": "Linux",
    "arch": "x86_64",
    "distro_id": "debian",
    "distro_version": "12 (bookworm)",
    "distro_name": "",
}
DAY = 86400.0
LOGS: dict[str, str | bytes] = {
    "run2_info.json": text(info("make -j8", wall_clock_time=61.5, peak_rss=2_000_000_000)),
    "run10_info.json": text(info("sh -c exit 3", exit_code=3, wall_clock_time=0.01, peak_rss=1)),
    "none_info.json": text(info("true", peak_rss=None, average_rss=None, peak_pcpu=None, start_time=None)),
    "gpu_info.json": text({**info("train: --x '#1' # no", num_samples=1), "gpu": GPU, "message": "ünï: 日本"}),
    "old0_info.json": text(info("true", schema="0.2.0", exit_code=143)),
    "old1_info.json": text(info("yes", schema="0.2.1", average_rss=0)),
    "old2_info.json": text({**info("1e3", schema="0.2.2"), "message": "no"}),
    "new_info.json": text({**info("~", schema="1.10.3"), "system": {**info()["system"], **NEW}}),
    "awk_info.json": text({**info("awk '{print}' }{"), "more": {"inner": {"message": "found", "uid": 5}, "user": "u"}}),
    "bare_info.json": '{"schema_version": "0.2.3", "command": "x", "system": null}',
    "long_info.json": text({**info("python " + "train --a b " * 30), "message": "2026-01-01", "extra": {"uid": "u"}}),
    "day_info.json": text({**info("0x10", wall_clock_time=DAY, peak_rss=10**15, uid=[1, {"a": 2}]), "message": "- x"}),
    "d/info.json": text(info('a\\b"c', exit_code=None, peak_rss=float("nan"), average_pcpu=float("inf"))) + "\n",
}  # fmt: skip
USAGE = {
    "timestamp": "2026-01-01T00:00:0{}.5+00:00", "num_samples": 1,
    "processes": {"7": {"pcpu": 50.0, "pmem": 0.1, "rss": 3_000_000, "vsz": 9_000_000, "etime": "00:0{}", "cmd": "x y",
                        "stat": {"R": 1}, "timestamp": "2026-01-01T00:00:0{}.5+00:00"}},
    "totals": {"pmem": 0.1, "pcpu": 50.0, "rss": 3_000_000, "vsz": 9_000_000},
    "averages": {"rss": 3e6, "vsz": 9e6, "pmem": 0.1, "pcpu": 50.0, "num_samples": 1},
}  # fmt: skip
SAMPLES = "".join(text(USAGE).replace("{}", str(second)).replace('"00:0{', '"00:0') + "\n" for second in range(4))
QUIET = {  # passed over without a word
    "empty_info.json": "", "ancient_info.json": text(info(schema="0.1.9")),
    "x_usage.jsonl": SAMPLES, "folder/x_stdout": "",
}  # fmt: skip
BAD: dict[str, str | bytes] = {
    "cut_info.json": text(info())[:200], "list_info.json": "[1]", "word_info.json": '"info"', "no_info.json": "{}",
    "twice_info.json": text(info()) * 2, "bytes_info.json": b'{"a": "\xff"}', "mark_info.json": "\ufeff{}",
    "v2_info.json": text(info(schema="2")), "v4_info.json": text(info(schema="0.2.3.1")),
    "rc_info.json": text(info(schema="0.2.3rc1")), "v_info.json": text({**info(), "schema_version": 2}),
    "null_info.json": text({**info(schema="0.2.2"), "system": None}),
    "deep_info.json": '{"a":' * 100_000 + "1" + "}" * 100_000,
}  # fmt: skip
ODD = {
    "size_info.json": text(info(peak_rss="much")), "sizes_info.json": text(info(peak_rss=[1])),
    "wall_info.json": text(info(wall_clock_time=[1.0])),
}  # fmt: skip
TERMINAL = {"escape_info.json": text(info("a\x1b[31mb\nc\td"))}


def ls(name: str, *words: str, files: Mapping[str, str | bytes] | None = None, **more: Any) -> View:
    """Return a row about the usual logs, or those in `files`."""
    named = tuple(LOGS) if files is None else tuple(sorted(files))
    call = Call(("ls", *named, *words), dict(more.pop("variables", {})), dict(LOGS if files is None else files))
    return View(name, call, **more)


def bare(name: str, *words: str, files: Mapping[str, str | bytes] | None = None, **more: Any) -> View:
    """Return a row whose words are all there are."""
    return View(name, Call(words, dict(more.pop("variables", {})), dict(LOGS if files is None else files)), **more)


OPTIONS = (
    (), ("--colors",), ("--reverse",), ("-F", *FIELDS), ("-F", "peak_rss", "prefix", "peak_rss", "gpu"),
    ("-e", "exit_code != 0"), ("--sort-by", "peak_rss", "--reverse", "-F", "message", "uid", "wall_clock_time"),
)  # fmt: skip
_UNNAMED: dict[str, Any] = {"differs": ("view-words",), "says": "bare_info.json: name 'exit_code' is not defined"}
EVERY_FORMAT = [
    ls(f"{form} {' '.join(options)[:30]}", "-f", form, *options, **(_UNNAMED if "-e" in options else {}))
    for form in FORMATS
    for options in OPTIONS
    if form != "auto" or not options
]
SORTED_BY = (
    ("prefix",), ("command",), ("exit_code", "command"), ("peak_rss",), ("message",), ("schema_version",), ("gpu",),
    ("start_time",), ("uid", "wall_clock_time"), ("working_directory", "num_samples"), ("average_pcpu",),
)  # fmt: skip
SORTS = [ls(f"sort by {' '.join(fields)}", "-f", "json", "-F", *fields, "--sort-by", *fields) for fields in SORTED_BY]
FILTERS = [
    ls(f"filter {expression}"[:60], "-f", "json", "-e", expression, **more)
    for expression, more in (
        ("exit_code == 0 and peak_rss > 2e6", {"differs": ("view-words",), "says": "bare_info.json: name 'exit_code'"}),
        ("re.search('ma.e', command)", {}), ("'make' in command or command.startswith('py')", {}),
        (" command == 'x'", {"differs": ("view-words",), "says": "unexpected indent"}),
        ("prefix.endswith('/')", {}), ("len(command) > 20", {}), ("not command", {}),
        ("command in ('true', 'yes')", {}), ("SLURM_JOB_ID == '7'", {"differs": ("view-words",), "says": "SLURM"}),
        ("re.match(r'(?i)TRUE', command) is not None", {}), ("int(schema_version.split('.')[1]) >= 2", {}),
        ("1 if command else 0", {}), ("[c for c in 'ab'] and command[0:2] == 'ma'", {}), ("re.I | re.M", {}),
        ("peak_rss / 0", {"differs": ("view-words",), "says": "division by zero"}),
        ("nope == 1", {"differs": ("view-words",), "says": "name 'nope' is not defined"}),
        ("peak_rss > 1", {"differs": ("view-words",), "says": "not supported between instances"}),
        ("1 +", {"differs": ("view-words",), "says": "Invalid --eval-filter expression '1 +'"}),
        ("command\u00a0== 1", {"differs": ("view-words",), "says": "U+00A0"}),
        ("", {"differs": ("view-words",), "says": "invalid syntax"}),
        ("__import__('os').getpid()", {"differs": ("ls-filter",), "code": 2, "says": "`.getpid` is not allowed"}),
        ("(lambda: 1)()", {"differs": ("ls-filter",), "code": 2, "says": "is not allowed"}),
        ("any(x in command for x in ('make', 'true'))",
         {"differs": ("ls-filter",), "code": 0, "prints": '"command": "make -j8"'}),
    )
]  # fmt: skip
_SAYS: dict[str, Any] = {"differs": ("view-words",), "says": "Failed to load file"}
DAMAGED = [
    *(ls(f"of {name}", files={name: content, "x_info.json": text(info())}, **_SAYS) for name, content in BAD.items()),
    *(ls(f"of {name}", files={name: content, "x_info.json": text(info())}) for name, content in QUIET.items()),
    *(ls(f"of {name}", files={name: content}, differs=("ls-odd-value",), code=0) for name, content in ODD.items()),
    ls("of blanks", files={"blank_info.json": " \n"}, differs=("view-words",)),
    ls("a number in quotes", "-f", "json", files={"q_info.json": text(info(peak_rss="12", exit_code="x"))}),
    ls("a text for a number", files={"q_info.json": text(info(wall_clock_time="x"))}, differs=("view-words",)),
    ls("escapes in a table", files=TERMINAL, differs=("ls-escapes",), prints="a\\x1b[31mb\\nc\\td"),
    ls("escapes in summaries", "-f", "summaries", files=TERMINAL, differs=("ls-escapes",), prints="a\\x1b[31mb\\n"),
    *(ls(f"escapes in {form}", "-f", form, files=TERMINAL) for form in ("json", "json_pp", "yaml")),
]  # fmt: skip
_LS = {"DUCT_OUTPUT_PREFIX": "run{pid}_"}
PATHS = [
    bare("no logs", "ls", files={}), bare("no logs, json", "ls", "-f", "json", files={}),
    bare("no logs, yaml", "ls", "-f", "yaml", files={}), bare("no logs, summaries", "ls", "-f", "summaries", files={}),
    bare("no logs, lines", "ls", "-f", "json_pp", files={}),
    bare("the default", "ls", "--sort-by", "prefix", files={f".duct/logs/{n}": c for n, c in LOGS.items()}),
    bare("the default, in order", "ls", "-f", "json", files={f".duct/logs/{n}": c for n, c in LOGS.items()},
         differs=("ls-order",), prints='[{"prefix": ".duct/logs/awk_"'),
    bare("a prefix", "ls", "--sort-by", "prefix", variables=_LS),
    bare("a prefix with no end", "ls", variables={"DUCT_OUTPUT_PREFIX": "run2_"}, differs=("ls-prefix",), code=0,
         prints="run2_  make -j8"),
    bare("a prefix that makes folders", "ls", variables={"DUCT_OUTPUT_PREFIX": "{pid}/"}, differs=("ls-prefix",),
         code=0, prints='a\\b"c'),
    bare("a path twice", "ls", "run2_info.json", "run10_info.json", "run2_info.json"),
    bare("a path twice, json", "ls", "-f", "json", "run2_info.json", "run2_info.json"),
    bare("a missing path", "ls", "nope_info.json", "run2_info.json", differs=("ls-unreadable",),
         says="can't read nope_info.json: No such file or directory", prints="run2_  make -j8"),
    bare("a folder", "ls", "d", "run2_info.json"),
    bare("no log at all", "ls", "d", "x_stdout", differs=("ls-no-log",), says="no path ends in info.json"),
    bare("paths last", "ls", "-F", "command", "--reverse", "run2_info.json", "run10_info.json"),
]  # fmt: skip
WORDS = [
    bare("an unknown field", "ls", "-F", "nope", differs=("view-words",)),
    bare("an unknown sort", "ls", "--sort-by", "nope", differs=("view-words",)),
    bare("an unknown format", "ls", "-f", "csv", differs=("view-words",)),
    bare("an unknown option", "ls", "--nope", differs=("view-words",)),
    bare("a shortened option", "ls", "run2_info.json", "--form", "json"),
    bare("colours of the environment", "ls", "run2_info.json", "-f", "json", variables={"DUCT_COLORS": "1"}),
    bare("a level of the environment", "ls", "no_info.json", files={"no_info.json": "{"},
         variables={"DUCT_LOG_LEVEL": "error"}),
    bare("a level", "ls", "no_info.json", "-l", "error", files={"no_info.json": "{"}),
    bare("quiet", "ls", "no_info.json", "-q", files={"no_info.json": "{"}),
]  # fmt: skip
SHOWN: dict[str, str | bytes] = {
    **LOGS, "x_usage.jsonl": SAMPLES, "x_usage.json": SAMPLES, "one.jsonl": '{"a": 1}\n', "none.jsonl": "\n\n",
    "big_usage.jsonl": SAMPLES * 40, "any.json": '[1, {"b": "' + "word " * 40 + '"}]', "odd.json": '{"peak_rss": "x"}',
}  # fmt: skip
PRETTY = [
    *(bare(f"pp {' '.join(options)}{name}", "pp", *options, name, files={name: content})
      for name, content in SHOWN.items() for options in ((), ("-H",))),
    bare("pp of nothing", "pp", "nope.json"), bare("pp of a cut file", "pp", "x.json", files={"x.json": '{"a": '}),
    bare("pp of a cut line", "pp", "x.jsonl", files={"x.jsonl": SAMPLES + '{"a"'}, differs=("view-words",),
         says="Error decoding JSON: line 5"),
    bare("pp of a folder", "pp", "d", differs=("pp-damaged",), says="can't read d"),
    bare("pp of bytes", "pp", "x.json", files={"x.json": b"\xff"}, differs=("pp-damaged",), says="can't decode"),
    bare("pp without a file", "pp", differs=("view-words",)),
]  # fmt: skip
_LOG: dict[str, str | bytes] = {"p_info.json": text(info()), "p_usage.jsonl": SAMPLES, "nothing_usage.jsonl": ""}
_NO_USAGE: dict[str, str | bytes] = {"x_info.json": text({**info(), "output_paths": {}})}
_DRAWN: dict[str, Any] = {"differs": ("plot-picture", "view-words"), "files": _LOG}
_CUT: dict[str, str | bytes] = {"cut_usage.jsonl": SAMPLES + '{"a', "bad_usage.jsonl": "{\n"}
PLOTS = [
    *(bare(f"plot {name} {image} {cpu}", "plot", name, "-o", image, "--cpu", cpu, says=f"is drawn as {image}", **_DRAWN)
      for name in ("p_info.json", "p_usage.jsonl") for cpu in ("ps-pcpu", "ps-cpu-timepoint")
      for image in ("x.svg", "x.pdf", "x.png")),
    bare("plot in base units", "plot", "p_info.json", "-o", "x.svg", "--min-ratio", "-1", **_DRAWN),
    bare("plot without a suffix", "plot", "p_info.json", "-o", "x", **_DRAWN),
    bare("plot of no samples", "plot", "nothing_usage.jsonl", "-o", "x.svg", **_DRAWN),
    bare("plot without a display", "plot", "p_info.json", files=_LOG, differs=("plot-text",), says="no window",
         prints="memory"),
    bare("plot of a strange type", "plot", "p_info.json", "-o", "x.xyz", files=_LOG, differs=("view-words",),
         says="`.xyz` is no type of image"),
    bare("plot of nothing", "plot", "nope_info.json", "-o", "x.svg", differs=("view-words",), says="nope_info.json"),
    bare("plot without usage", "plot", "x_info.json", "-o", "x.svg", files=_NO_USAGE, differs=("view-words",),
         says="no samples are beside x_info.json"),
    bare("plot of a cut file", "plot", "cut_usage.jsonl", "-o", "x.svg", files=_CUT, differs=("plot-damaged",),
         code=0, says="1 lines can't be read"),
    bare("plot of no JSON", "plot", "bad_usage.jsonl", "-o", "x.svg", files=_CUT, differs=("view-words",),
         says="holds no samples"),
    bare("plot of a prefix", "plot", "p_", "-o", "x.svg", files=_LOG, differs=("plot-paths",), code=0),
    bare("plot with a bad ratio", "plot", "p_info.json", "--min-ratio", "x", files=_LOG, differs=("view-words",)),
    bare("plot with a bad mode", "plot", "p_info.json", "--cpu", "x", files=_LOG, differs=("view-words",)),
]  # fmt: skip
ROWS = [*EVERY_FORMAT, *SORTS, *FILTERS, *DAMAGED, *PATHS, *WORDS, *PRETTY, *PLOTS]
