"""The options of `vestige run`: one table, read by its parser, its `--help` and `docs/reference/commands.md`."""

from __future__ import annotations

from vestige import settings
from vestige.errors import UsageError
from vestige.invocation import Request

USAGE = "vestige run [OPTION]... [--] COMMAND [ARGUMENT]..."

EXAMPLES = (
    ("vestige run kedro run", "run it as it is, keep what it used"),
    ('vestige run -m "twice the trees" --tag forest python train.py', "with a note and a tag to find it by"),
    ("vestige run --summary line make -j8", "one line at the end instead of a table"),
    ("vestige run sh -c 'sort big.csv | uniq -c'", "a pipe belongs to the shell: give it one"),
    ("vestige run --wait ./start-server.sh", "until the last process left behind has ended"),
    ('vestige run --commit -m "clean" python clean.py', "leave a Git commit of what it changed, and how"),
    ("vestige run --capture all pytest", "copy the output even though it goes to the terminal"),
)


class Option:
    """One option: `kind` is `text`, `texts` (may be repeated), `choice`, `size`, `on`, `off`, `quiet` or `help`."""

    __slots__ = ("choices", "field", "flags", "kind", "meaning", "metavar")

    def __init__(
        self,
        *flags: str,
        field: str,
        kind: str,
        meaning: str,
        metavar: str = "",
        choices: tuple[str, ...] = (),
    ) -> None:
        self.flags = flags
        self.field = field
        self.kind = kind
        self.meaning = meaning
        self.metavar = metavar or "|".join(choices)
        self.choices = choices

    @property
    def takes_value(self) -> bool:
        """Whether a value follows, as the next word or after `=`."""
        return self.kind in {"text", "texts", "choice", "size"}


OPTIONS = (
    Option("-m", "--message", field="message", kind="text", metavar="TEXT", meaning="a note, kept in the record"),
    Option("--tag", field="tags", kind="texts", metavar="TAG", meaning="a tag to find the run by; may be repeated"),
    Option(
        "--capture",
        field="capture",
        kind="choice",
        choices=settings.CAPTURES,
        meaning="which output to copy into the run folder; auto: what goes into a pipe",
    ),
    Option("--commit", field="commit", kind="on", meaning="keep the files that it changed, and how, as a Git commit"),
    Option("--no-commit", field="commit", kind="off", meaning="don't, whatever a config file says"),
    Option(
        "-i",
        "--input",
        field="inputs",
        kind="texts",
        metavar="GLOB",
        meaning="with --commit: one beyond those that are seen; git-annex content is fetched",
    ),
    Option(
        "-o",
        "--output",
        field="outputs",
        kind="texts",
        metavar="GLOB",
        meaning="with --commit: one beyond those that are seen, even if Git ignores it; made writable",
    ),
    Option(
        "--expand",
        field="expand",
        kind="choice",
        choices=("inputs", "outputs", "both"),
        meaning="keep what the globs of -i and -o match instead of the globs",
    ),
    Option("--explicit", field="explicit", kind="on", meaning="with --commit: only what -o names, not what is seen"),
    Option(
        "--assume-ready",
        field="assume_ready",
        kind="choice",
        choices=("inputs", "outputs", "both"),
        meaning="fetch no inputs, make no outputs writable",
    ),
    Option(
        "--sidecar",
        field="sidecar",
        kind="choice",
        choices=("auto", "yes", "no"),
        meaning="the commit's record in a file of its own; auto: where it is long",
    ),
    Option(
        "--on-failure",
        field="on_failure",
        kind="choice",
        choices=("nothing", "save"),
        meaning="with --commit, if the command fails: commit nothing, or all the same",
    ),
    Option("--strict", field="strict", kind="on", meaning="refuse to commit if it used files with uncommitted changes"),
    Option("--commit-inputs", field="commit_inputs", kind="on", meaning="take such files into the commit"),
    Option("--allow-empty", field="allow_empty", kind="on", meaning="with --commit: even if no file differs"),
    Option(
        "--dry-run",
        field="dry_run",
        kind="choice",
        choices=("basic", "command"),
        meaning="with --commit: show what would be run, run nothing",
    ),
    Option(
        "--if-changed",
        field="if_changed",
        kind="on",
        meaning="only if command, inputs, software or outputs are not as in an earlier run",
    ),
    Option("--wait", field="wait", kind="on", meaning="the run lasts until all processes left behind have ended"),
    Option("--no-wait", field="wait", kind="off", meaning="the run ends with the command, whatever a config file says"),
    Option("--store", field="store", kind="text", metavar="DIR", meaning="the folder to keep the run in"),
    Option(
        "--summary",
        field="summary",
        kind="choice",
        choices=settings.SUMMARIES,
        meaning="what to print afterwards; asked for here it is printed even where stderr is no terminal",
    ),
    Option(
        "--trace",
        field="trace",
        kind="choice",
        choices=settings.TRACES,
        meaning="off: for commands that need sudo or another setuid helper",
    ),
    Option(
        "--hash",
        field="hash",
        kind="choice",
        choices=settings.HASHES,
        meaning="what to hash of the files that were used; fast: size, first, middle and last MiB",
    ),
    Option(
        "--hash-limit",
        field="hash_limit",
        kind="size",
        metavar="SIZE",
        meaning="files larger than this, as 500M or 1.5G, are not hashed; 0: no limit",
    ),
    Option(
        "--io-uring",
        field="io_uring",
        kind="choice",
        choices=settings.IO_URINGS,
        meaning="deny: programs fall back to calls that can be seen",
    ),
    Option(
        "--deny-network",
        field="deny_network",
        kind="on",
        meaning="connections to other machines fail; the command does not start where that can't be had",
    ),
    Option("--allow-network", field="deny_network", kind="off", meaning="they don't, whatever a config file says"),
    Option("-q", "--quiet", field="quiet", kind="quiet", meaning="no summary, no word from vestige"),
    Option("-h", "--help", field="help", kind="help", meaning="this page"),
)

_BY_FLAG = {flag: option for option in OPTIONS for flag in option.flags}


def parse(words: list[str]) -> Request:
    """Return the request in `words`: options up to the first word that is none, then the command.

    Raises:
        UsageError: an unknown option, a value that is missing or not allowed, or no command.
    """
    request = Request()
    rest = list(reversed(words))
    while rest and rest[-1].startswith("-") and rest[-1] != "-":
        word = rest.pop()
        if word == "--":
            break
        _take(request, word, rest)
        if request.help:
            return request
    request.argv = rest[::-1]
    if not request.argv:
        raise UsageError("no command given: `vestige run COMMAND ...`; `vestige run --help` shows examples")
    return request


def help_page() -> str:
    """Return the text of `vestige run --help`."""
    rows = [(_left(option), option.meaning) for option in OPTIONS]
    width = max(len(left) for left, _ in rows if len(left) < _WIDE)
    lines = [f"usage: {USAGE}", "", "Run a command exactly as it is and keep what it used.", "", "examples:"]
    for example, meaning in EXAMPLES:
        lines += [f"  {example}", f"      {meaning}"]
    lines += ["", "options (before the command; `--` ends them):"]
    for left, meaning in rows:
        lines += (
            [f"  {left:<{width}}  {meaning}"] if len(left) <= width else [f"  {left}", f"  {'':{width}}  {meaning}"]
        )
    lines += ["", "The exit code is the command's own; 125 if vestige failed before the command started."]
    return "\n".join(lines)


_WIDE = 30


def _left(option: Option) -> str:
    flags = ", ".join(option.flags)
    return f"{flags} {option.metavar}" if option.takes_value else flags


def _take(request: Request, word: str, rest: list[str]) -> None:
    """Set in `request` what `word` says, with its value from `word` itself or from the words that follow."""
    flag, given, value = _split(word)
    option = _BY_FLAG.get(flag)
    if option is None:
        raise UsageError(_unknown(flag))
    if given and not option.takes_value:
        raise UsageError(f"`{flag}` takes no value")
    if option.takes_value and not given:
        if not rest:
            raise UsageError(f"`{flag}` needs a value: {option.metavar}")
        value = rest.pop()
    if option.choices and value not in option.choices:
        raise UsageError(f"`{flag}` can't be `{value}`; allowed are {', '.join(option.choices)}")
    if option.kind == "texts":
        getattr(request, option.field).append(value)
    elif option.kind == "size":
        setattr(request, option.field, _size(flag, value))
    elif option.takes_value:
        setattr(request, option.field, value)
    else:
        setattr(request, option.field, option.kind != "off")


def _size(flag: str, value: str) -> int:
    try:
        return settings.size(value)
    except ValueError as error:
        raise UsageError(f"`{flag}`: {error}; it takes `500M`, `1.5G` or `0`") from error


def _split(word: str) -> tuple[str, bool, str]:
    """Split `--flag=value` and `-mvalue` into flag, whether a value is there, and the value."""
    if word.startswith("--"):
        flag, equals, value = word.partition("=")
        return flag, bool(equals), value
    return word[:2], len(word) > 2, word[2:]  # noqa: PLR2004 - a dash and a letter


def _unknown(flag: str) -> str:
    from vestige.nearest import nearest  # noqa: PLC0415 - only when there is an error

    near = nearest(flag, _BY_FLAG)
    hint = f"did you mean `{near}`?" if near else "`vestige run --help` lists them"
    return f"unknown option `{flag}`: {hint}"
