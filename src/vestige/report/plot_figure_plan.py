"""What all parts of one picture share: its runs, its axis of time, its colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

    from vestige.report.plot_data import Chart
    from vestige.report.plot_scale import Scale

BLACK, GREY = "#000000", "#6b6b6b"
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
LEFT, RIGHT = 2.35, 2.75  # inches beside the axes, for names and figures of processes and for the legends
LETTER = 0.075  # inches, of small text
NARROW = 1 / 800  # of the axis: no bar is narrower


@dataclass(frozen=True, slots=True)
class Plan:
    """What all parts of one picture share."""

    picture: Picture
    charts: tuple[Chart, ...]
    scale: Scale
    ratio: float | None

    @property
    def end(self) -> float:
        """Where the axis of time ends, s."""
        return max(chart.end for chart in self.charts)

    @property
    def alone(self) -> Chart | None:
        """The one run; None where several are laid over each other."""
        return self.charts[0] if len(self.charts) == 1 else None
