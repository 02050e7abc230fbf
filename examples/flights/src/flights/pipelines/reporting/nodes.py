"""Count the delays and draw them."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import PercentFormatter

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
FEWEST_FLIGHTS = 50
"""A share of fewer flights than these is noise and is not drawn."""


def delay_by_carrier(flights: pd.DataFrame) -> pd.DataFrame:
    """Return one row an airline, the most often late first; delays in minutes, shares of 1."""
    by_carrier = flights.groupby(["carrier", "airline"], as_index=False)
    summary = by_carrier.agg(
        flights=("flight", "size"),
        arrived=("late", "count"),
        cancelled_share=("cancelled", "mean"),
        late_share=("late", "mean"),
        mean_dep_delay=("dep_delay", "mean"),
        mean_arr_delay=("arr_delay", "mean"),
        median_arr_delay=("arr_delay", "median"),
    )
    return summary.sort_values(["late_share", "carrier"], ascending=[False, True])


def delay_by_hour_and_month(flights: pd.DataFrame) -> pd.DataFrame:
    """Return one row a month and hour of scheduled departure; delays in minutes, shares of 1."""
    return flights.groupby(["month", "hour"], as_index=False).agg(
        flights=("flight", "size"),
        arrived=("late", "count"),
        late_share=("late", "mean"),
        mean_arr_delay=("arr_delay", "mean"),
    )


def plot_delays(
    by_carrier: pd.DataFrame,
    by_hour_and_month: pd.DataFrame,
    late_after_minutes: int,
) -> Figure:
    """Draw when flights are late beside who is late."""
    layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.12)
    figure = Figure(figsize=(12, 5.4), layout=layout)
    when, who = figure.subplots(1, 2, width_ratios=[3, 2])
    _draw_hours(when, by_hour_and_month[by_hour_and_month["arrived"] >= FEWEST_FLIGHTS])
    _draw_carriers(who, by_carrier[by_carrier["arrived"] >= FEWEST_FLIGHTS])
    late = f"{late_after_minutes} minutes late or more"
    figure.suptitle(f"Flights from New York City in 2013: share that arrived {late}", fontsize=15)
    return figure


def _draw_hours(axes: Axes, shares: pd.DataFrame) -> None:
    """Draw a square a month and hour, the darker the more flights were late."""
    grid = shares.pivot_table(index="month", columns="hour", values="late_share")
    image = axes.imshow(grid, aspect="auto", cmap="YlOrRd", vmin=0)
    axes.set_xticks(range(len(grid.columns)), [f"{hour}" for hour in grid.columns])
    axes.set_yticks(range(len(grid.index)), [MONTHS[month - 1] for month in grid.index])
    axes.set_xlabel(f"hour of scheduled departure (white: fewer than {FEWEST_FLIGHTS} flights)")
    axes.set_title("When", loc="left", fontweight="bold")
    colorbar = axes.figure.colorbar(image, ax=axes, pad=0.01)
    colorbar.ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    colorbar.outline.set_visible(False)
    _strip(axes)


def _draw_carriers(axes: Axes, carriers: pd.DataFrame) -> None:
    """Draw a bar an airline, the most often late on top, and a line for all flights together."""
    shares = carriers["late_share"]
    overall = (shares * carriers["arrived"]).sum() / carriers["arrived"].sum()
    names = carriers["airline"].str.replace(r" (Inc\.|Co\.|Corporation)$", "", regex=True)
    bars = axes.barh(names, shares, color="#d9592b", height=0.76)
    labels = [f" {share:.0%}" for share in shares]
    for bar, label in zip(bars, labels, strict=True):
        axes.text(0, bar.get_y() + bar.get_height() / 2, label, color="white", va="center")
    axes.axvline(overall, color="#333333", linewidth=1, linestyle="--")
    axes.set_xticks([overall], [f"all flights {overall:.0%}"])
    axes.invert_yaxis()
    axes.margins(y=0.01)
    axes.set_title("Who", loc="left", fontweight="bold")
    _strip(axes)


def _strip(axes: Axes) -> None:
    """Take away the lines that carry no figures."""
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
