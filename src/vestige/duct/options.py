"""The options of `vestige duct`, which are those of con-duct: one table for its parser, its `--help` and the reference.

On the way to the command: imports nothing that the interpreter has not loaded already.
"""

from __future__ import annotations

import os

from vestige.errors import ConfigError, UsageError

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = ("NONE", "CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")
STREAMS = ("all", "none", "stdout", "stderr")
RECORDS = ("all", "system-summary", "processes-samples")
MODES = ("new-session", "current-session")
PREFIX = ".duct/logs/{datetime}-{pid}_"
SUMMARY = """\
Summary:
Exit Code: {exit_code!E}
Command: {command}
Log files location: {logs_prefix}
Wall Clock Time: {wall_clock_time:.3f} sec
Memory Peak Usage (RSS): {peak_rss!S}
Memory Average Usage (RSS): {average_rss!S}
Virtual Memory Peak Usage (VSZ): {peak_vsz!S}
Virtual Memory Average Usage (VSZ): {average_vsz!S}
Memory Peak Percentage: {peak_pmem:.2f!N}%
Memory Average Percentage: {average_pmem:.2f!N}%
CPU Peak Usage: {peak_pcpu:.2f!N}%
Average CPU Usage: {average_pcpu:.2f!N}%
"""
OFF = ("", "0", "false", "no", "off")


class Option:
    """One option: `kind` is `text`, `number`, `choice`, `level`, `pid` or `on`."""

    __slots__ = ("choices", "default", "field", "flags", "kind", "meaning", "metavar", "variable")

    def __init__(  # noqa: PLR0913 - all keywords: a row of a table
        self,
        *flags: str,
        field: str,
        kind: str,
        meaning: str,
        default: object = None,
        variable: str = "",
        choices: tuple[str, ...] = (),
        metavar: str = "",
    ) -> None:
        self.flags = flags
        self.field = field
        self.kind = kind
        self.meaning = meaning
        self.default = default
        self.variable = variable
        self.choices = choices
        self.metavar = metavar or "|".join(choices)

    @property
    def takes_value(self) -> bool:
        """Whether a value follows, as the next word or after `=`."""
        return self.kind != "on"


OPTIONS = (
    Option("-l", "--log-level", field="log_level", kind="level", default="INFO", variable="DUCT_LOG_LEVEL",
           choices=LEVELS, metavar="LEVEL", meaning=f"what is said on stderr: {', '.join(LEVELS)}; in any case"),
    Option("-q", "--quiet", field="quiet", kind="on", meaning="the same as `-l NONE`"),
    Option("-p", "--output-prefix", field="output_prefix", kind="text", default=PREFIX, variable="DUCT_OUTPUT_PREFIX",
           metavar="PREFIX", meaning="what the names of the files begin with; {datetime} and {pid} are filled in, "
           "`~` is the home folder, folders are made, `/` at the end makes it a folder"),
    Option("--summary-format", field="summary_format", kind="text", default=SUMMARY, variable="DUCT_SUMMARY_FORMAT",
           metavar="FORMAT", meaning="a template for the summary; conversions !S size, !E exit code, !X true or not, "
           "!N known or not, !P per cent, !T duration, !D date"),
    Option("--colors", field="colors", kind="on", variable="DUCT_COLORS", meaning="a summary in colours"),
    Option("--clobber", field="clobber", kind="on", meaning="replace files of that prefix"),
    Option("--sample-interval", "--s-i", field="sample_interval", kind="number", default=1.0,
           variable="DUCT_SAMPLE_INTERVAL", metavar="SECONDS", meaning="between two looks at each process"),
    Option("--report-interval", "--r-i", field="report_interval", kind="number", default=60.0,
           variable="DUCT_REPORT_INTERVAL", metavar="SECONDS", meaning="between two lines of usage.jsonl"),
    Option("--fail-time", "--f-t", field="fail_time", kind="number", default=3.0, variable="DUCT_FAIL_TIME",
           metavar="SECONDS", meaning="a command that fails sooner leaves no files; 0: it does; negative: none that "
           "fails does"),
    Option("-c", "--capture-outputs", field="capture_outputs", kind="choice", default="all",
           variable="DUCT_CAPTURE_OUTPUTS", choices=STREAMS, meaning="which output to keep in files"),
    Option("-o", "--outputs", field="outputs", kind="choice", default="all", choices=STREAMS,
           meaning="which output to show"),
    Option("-t", "--record-types", field="record_types", kind="choice", default="all", choices=RECORDS,
           meaning="the system and its summary in info.json, the series in usage.jsonl, or both"),
    Option("-m", "--message", field="message", kind="text", default="", variable="DUCT_MESSAGE", metavar="TEXT",
           meaning="a note, kept in info.json"),
    Option("--mode", field="mode", kind="choice", default="new-session", choices=MODES,
           meaning="whether the command gets a session of its own, without a terminal"),
    Option("--attach", field="attach", kind="pid", metavar="PID",
           meaning="no command: sample a process that runs already, and all below it, until it ends"),
    Option("--version", field="version", kind="on", meaning="say which con-duct this stands for"),
    Option("-h", "--help", field="help", kind="on", meaning="this page"),
)  # fmt: skip

_BY_FLAG = {flag: option for option in OPTIONS for flag in option.flags}


class Options:
    """What one call of `vestige duct` asks for."""

    __slots__ = (
        "argv", "attach", "capture_outputs", "clobber", "colors", "fail_time", "help", "log_level", "message", "mode",
        "output_prefix", "outputs", "quiet", "record_types", "report_interval", "sample_interval", "summary_format",
        "version",
    )  # fmt: skip

    def __init__(self) -> None:
        self.argv: list[str] = []
        self.attach: int | None = None
        self.capture_outputs = "all"
        self.clobber = False
        self.colors = False
        self.fail_time = 3.0  # s
        self.help = False
        self.log_level = "INFO"
        self.message = ""
        self.mode = "new-session"
        self.output_prefix = PREFIX
        self.outputs = "all"
        self.quiet = False
        self.record_types = "all"
        self.report_interval = 60.0  # s
        self.sample_interval = 1.0  # s
        self.summary_format = SUMMARY
        self.version = False

    @property
    def level(self) -> str:
        """The log level that is meant."""
        return "NONE" if self.quiet else self.log_level

    def captures(self, stream: str) -> bool:
        """Say whether `stdout` or `stderr` is kept in a file."""
        return self.capture_outputs in ("all", stream)

    def shows(self, stream: str) -> bool:
        """Say whether `stdout` or `stderr` is passed on."""
        return self.outputs in ("all", stream)

    @property
    def has_samples(self) -> bool:
        """Whether usage.jsonl is filled."""
        return self.record_types != "system-summary"

    @property
    def has_system(self) -> bool:
        """Whether info.json says something of the machine."""
        return self.record_types != "processes-samples"


def parse(words: list[str], environ: Mapping[str, str]) -> Options:
    """Return what `words` ask for: options up to the first word that is none, then the command.

    Raises:
        UsageError: an unknown option, a value that is missing or not allowed, or no command.
        ConfigError: an environment variable holds something unusable, or two intervals contradict each other.
    """
    options = _from_environment(environ)
    rest = list(reversed(words))
    while rest and rest[-1].startswith("-") and rest[-1] != "-":
        word = rest.pop()
        if word == "--":
            break
        _take(options, word, rest)
        if options.help or options.version:
            return options
    options.argv = rest[::-1]
    _check(options)
    return options


def _check(options: Options) -> None:
    if not options.argv and options.attach is None:
        raise UsageError("the following arguments are required: command")
    if options.argv and options.attach is not None:
        raise UsageError("`--attach` takes a process that runs already, and no command")
    if not options.report_interval >= options.sample_interval:  # not a number is not
        raise ConfigError("--report-interval must be greater than or equal to --sample-interval")


def _from_environment(environ: Mapping[str, str]) -> Options:
    options = Options()
    for option in OPTIONS:
        if option.variable in environ:
            setattr(options, option.field, _variable(option, environ[option.variable]))
    return options


def _variable(option: Option, value: str) -> object:
    if option.kind == "on":
        return value.lower() not in OFF
    try:
        return _value(option, option.variable, value)
    except UsageError as error:
        raise ConfigError(str(error)) from error


def _take(options: Options, word: str, rest: list[str]) -> None:
    """Set what `word` says, with its value from `word` itself or from the words that follow; `-qm x` is two options."""
    flag, given, value = _split(word)
    option = _BY_FLAG.get(flag)
    if option is None:
        raise UsageError(_unknown(flag))
    if option.takes_value:
        if not given and (not rest or _is_option(rest[-1])):
            raise UsageError(f"argument {'/'.join(option.flags)}: expected one argument")
        setattr(options, option.field, _value(option, flag, value if given else rest.pop()))
        return
    setattr(options, option.field, True)
    if given and word.startswith("--"):
        raise UsageError(f"argument {'/'.join(option.flags)}: ignored explicit argument {value!r}")
    if given:
        _take(options, f"-{value}", rest)


def _split(word: str) -> tuple[str, bool, str]:
    """Split `--flag=value` and `-mvalue` into flag, whether a value is there, and the value."""
    if word.startswith("--"):
        flag, equals, value = word.partition("=")
        return flag, bool(equals), value
    return word[:2], len(word) > 2, word[2:].removeprefix("=")  # noqa: PLR2004 - a dash and a letter


def _is_option(word: str) -> bool:
    """Say whether a word can't be a value: it begins with a dash and is neither a number nor has blanks in it."""
    if not word.startswith("-") or word == "-" or " " in word:
        return False
    try:
        float(word)
    except ValueError:
        return True
    return False


def _value(option: Option, name: str, value: str) -> object:
    """Return what `value` stands for. Raises UsageError, in the words of con-duct's parser."""
    label = "/".join(option.flags) if name.startswith("-") else name
    if option.kind == "number":
        return _number(label, value)
    if option.kind == "pid":
        if not value.isdecimal() or int(value) == 0:
            raise UsageError(f"argument {label}: invalid pid value: {value!r}")
        return int(value)
    chosen = value.upper() if option.kind == "level" else value
    if option.choices and chosen not in option.choices:
        raise UsageError(f"argument {label}: invalid choice: {value!r} (choose from {', '.join(option.choices)})")
    return chosen


def _number(label: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise UsageError(f"argument {label}: invalid float value: {value!r}") from None


def _unknown(flag: str) -> str:
    from vestige.nearest import nearest  # noqa: PLC0415 - only when there is an error

    near = nearest(flag, _BY_FLAG)
    return f"unrecognized arguments: {flag}" + (f"; did you mean `{near}`?" if near else "")


EXAMPLES = (
    ("vestige duct make -j8", "run it, keep output and figures in .duct/logs"),
    ("vestige duct -p run1/ -m 'first try' python train.py", "in a folder of its own, with a note"),
    ("vestige duct --s-i 0.1 --r-i 1 ./solve", "a line of usage.jsonl every second"),
    ("vestige duct -o none -l NONE sh -c 'sort big.csv | uniq -c'", "say nothing, show nothing, keep all"),
    ("vestige duct --attach 4711", "look at what runs already"),
    ("ln -s $(command -v vestige-duct) ~/bin/duct", "for scripts that call `duct`"),
)
_WIDE = 34
_PAGE = 110


def help_page() -> str:
    """Return the text of `vestige duct --help`."""
    lines = ["usage: vestige duct [OPTION]... [--] COMMAND [ARGUMENT]...", ""]
    lines += ["Run a command as con-duct does, with its options and files, and vestige's figures in them.", ""]
    lines.append("examples:")
    for example, meaning in EXAMPLES:
        lines += [f"  {example}", f"      {meaning}"]
    lines += ["", "options (before the command; `--` ends them):"]
    for option in OPTIONS:
        lines += _rows(option)
    lines += ["", "To look at logs: `vestige duct ls`, `vestige duct pp FILE`, `vestige duct plot FILE`, each with its"]
    lines += ["own `--help`; a command of such a name is `vestige duct -- ls`."]
    lines += ["", "The exit code is the command's own: 128 + n for signal n, 127 not found, 126 not executable."]
    lines.append("`.env` files are read from the places in DUCT_CONFIG_PATHS. The run is kept as a vestige run, too.")
    return "\n".join(lines)


def _rows(option: Option) -> list[str]:
    left = ", ".join(option.flags) + (f" {option.metavar}" if option.takes_value else "")
    meaning = option.meaning + (f" [{option.variable}]" if option.variable else "")
    parts = _wrapped(meaning, _PAGE - _WIDE - 4)
    first = [f"  {left:<{_WIDE}}  {parts[0]}"] if len(left) <= _WIDE else [f"  {left}", f"  {'':{_WIDE}}  {parts[0]}"]
    return [*first, *(f"  {'':{_WIDE}}  {part}" for part in parts[1:])]


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines


def home(path: str) -> str:
    """Return a prefix with `~` for the home folder."""
    return os.path.expanduser(path) if path.startswith("~") else path
