"""The fields of con-duct's `ls`: which there are, and how the value of each is shown."""

from __future__ import annotations

from vestige.duct.units import size
from vestige.text import printable

TYPE_CHECKING = False  # `typing` costs 15 ms
if TYPE_CHECKING:
    from collections.abc import Callable

    Shape = Callable[[object], str]

_SIZES = ("average_rss", "average_vsz", "memory_total", "peak_rss", "peak_vsz")
_SHARES = ("average_pcpu", "average_pmem", "peak_pcpu", "peak_pmem")
_MOMENTS = ("end_time", "start_time")
_AS_IT_IS = (
    "arch", "command", "cpu_total", "distro_build_id", "distro_codename", "distro_id", "distro_id_like", "distro_name",
    "distro_pretty_name", "distro_variant_id", "distro_version", "distro_version_id", "duct_version", "gpu", "hostname",
    "info", "logs_prefix", "message", "num_samples", "num_reports", "os_name", "os_release", "os_version", "prefix",
    "processor", "schema_version", "stderr", "stdout", "uid", "usage", "user", "working_directory",
)  # fmt: skip
SHAPED = (*_SHARES[:2], *_SIZES[:2], "end_time", "exit_code", "memory_total", *_SHARES[2:], *_SIZES[3:], "start_time",
          "wall_clock_time")  # fmt: skip
FIELDS = (*SHAPED, *_AS_IT_IS)
DEFAULT = ("command", "exit_code", "wall_clock_time", "peak_rss")
SINCE_0_2_3 = (
    "os_name", "os_release", "os_version", "arch", "processor", "distro_id", "distro_id_like", "distro_name",
    "distro_version", "distro_version_id", "distro_codename", "distro_variant_id", "distro_pretty_name",
    "distro_build_id",
)  # fmt: skip

RED, GREEN = 31, 32
UNKNOWN = "-"


def shapes(*, colours: bool) -> dict[str, Shape]:
    """Return what makes text of a value, by field; the values of all others stay as they are."""
    paint = _painted if colours else _plain
    known: dict[str, Shape] = {"exit_code": lambda value: _code(value, paint), "wall_clock_time": _wall}
    known |= dict.fromkeys(_SIZES, lambda value: _size(value, paint))
    known |= dict.fromkeys(_SHARES, lambda value: f"{_number(value, '.2f', paint)}%")
    known |= dict.fromkeys(_MOMENTS, lambda value: _number(value, ".2f", paint))
    return known


def colour(field: str, text: str) -> int | None:
    """Return the colour of a cell in a table: green for what went well and what is known; None: it has none."""
    if field == "exit_code":
        return GREEN if text == "0" else RED
    if field in SHAPED and field != "wall_clock_time":
        return RED if text.startswith(UNKNOWN) else GREEN
    return None


def _plain(text: str, _: int) -> str:
    return text


def _painted(text: str, colour: int) -> str:
    return f"\033[1;{colour}m{text}\033[0m"


def _wall(value: object) -> str:
    return f"{value:.3f} sec" if type(value) is float else f"{_number(value, '.3f', _plain)} sec"


def _code(value: object, paint: Callable[[str, int], str]) -> str:
    if value is None:
        return paint(UNKNOWN, RED)
    text = str(value)
    return paint(text if text.isprintable() else printable(text), RED if value else GREEN)


def _size(value: object, paint: Callable[[str, int], str]) -> str:
    if value is None:
        return paint(UNKNOWN, RED)
    try:
        return paint(size(float(value)), GREEN)  # type: ignore[arg-type] # the rest is TypeError
    except (TypeError, ValueError, OverflowError):
        return printable(str(value))


def _number(value: object, form: str, paint: Callable[[str, int], str]) -> str:
    """Return a number in that form; what is none stays as it is."""
    if value is None:
        return UNKNOWN
    try:
        return paint(format(value, form), GREEN)
    except (TypeError, ValueError, OverflowError):
        return printable(str(value))
