"""An experiment as one picture: the intervals of today above, the difference over time below."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from journeyflow.cli.plots import COLOURS
from journeyflow.experiments.results import Look, Results
from journeyflow.experiments.sentence import arm_in_words
from journeyflow.experiments.verdict import Comparison, Rules

_INK, _PALE, _QUIET = "#333333", "#DDDDDD", "#777777"
_DOTS = 150


@dataclass(frozen=True, slots=True)
class Form:
    inches: float  # wide
    size: int  # of the letters, in points


WIDE, NARROW = Form(9.0, 10), Form(3.6, 10)


def write_results(results: Results, file: Path) -> None:
    file.write_bytes(results_png(results, WIDE))


def results_png(results: Results, form: Form) -> bytes:
    """What cannot be said yet, or not be trusted, is left out."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    rows, looks = _rows(results), _looks(results)
    heights = [max(1.2, 0.5 + 0.45 * len(rows)), 2.6 if looks else 0.1]
    with rc_context({"font.size": form.size}):
        layout = ConstrainedLayoutEngine(h_pad=0.12)
        size = (form.inches, sum(heights) + 1.5)
        figure = Figure(size, dpi=_DOTS, layout=layout, facecolor="white")
        above, below = figure.subplots(2, 1, height_ratios=heights)
        _intervals(above, rows, results)
        _over_time(below, looks, results)
        figure.suptitle(results.experiment.name, x=0.01, ha="left", color=_INK, size=form.size + 3)
        source = f"journeyflow, {results.now:%Y-%m-%d %H:%M} UTC"
        figure.supxlabel(source, x=0.01, ha="left", fontsize=form.size - 1, color=_QUIET)
        held = BytesIO()
        figure.savefig(held, format="png")
    return held.getvalue()


def _rows(results: Results) -> list[Comparison]:
    verdict = results.verdict
    found = (*verdict.against_first, *verdict.against_holdout) if verdict and results.is_telling else ()
    return [one for one in found if _is_bounded(one)]


def _looks(results: Results) -> list[Look]:
    return [look for look in results.trend if look.comparisons and all(map(_is_bounded, look.comparisons))]


def _is_bounded(one: Comparison) -> bool:
    return math.isfinite(one.difference.interval.width)


def _intervals(axes: Any, rows: Sequence[Comparison], results: Results) -> None:
    factor = _factor(results.experiment.rules)
    axes.axvline(0, color=_INK, linewidth=1)
    for place, one in enumerate(rows):
        low, high = one.difference.interval.low * factor, one.difference.interval.high * factor
        colour = COLOURS[0] if one.is_better or one.is_worse else _QUIET
        axes.plot([low, high], [place, place], color=colour, linewidth=3, solid_capstyle="butt")
        axes.plot([one.difference.absolute * factor], [place], "o", color=colour, markersize=7)
    names = [f"{arm_in_words(one.arm)}\nagainst {arm_in_words(one.control)}" for one in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(unit(results.experiment.rules), color=_INK)
    if not rows:
        axes.text(0, 0, "nothing can be said yet", ha="center", va="bottom", color=_QUIET)
        axes.set_xticks([0])
        axes.set_ylim(0.5, -0.5)
    _plain(axes, "x")


def _over_time(axes: Any, looks: Sequence[Look], results: Results) -> None:
    if not looks:
        axes.set_axis_off()
        return
    factor = _factor(results.experiment.rules)
    axes.axhline(0, color=_INK, linewidth=1)
    times = [look.at for look in looks]
    for place, one in enumerate(looks[-1].comparisons):
        seen = [look.comparisons[place].difference for look in looks]
        colour = COLOURS[place % len(COLOURS)]
        lows = [each.interval.low * factor for each in seen]
        highs = [each.interval.high * factor for each in seen]
        axes.fill_between(times, lows, highs, color=colour, alpha=0.18, linewidth=0)
        label = f"{one.arm} against {one.control}"
        axes.plot(times, [each.absolute * factor for each in seen], color=colour, linewidth=2, label=label)
    _focus(axes, looks, factor)
    _dates(axes)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1))  # above, where no band is
    _plain(axes, "y")


def _focus(axes: Any, looks: Sequence[Look], factor: float) -> None:
    """The first looks know so little that all others would lie flat beside them."""
    later = looks[len(looks) // 4 :]
    bounds = [one.difference.interval for look in later for one in look.comparisons]
    most = max((max(abs(one.low), abs(one.high)) for one in bounds), default=0.0) * factor
    if most:
        axes.set_ylim(-1.1 * most, 1.1 * most)


def _dates(axes: Any) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter

    axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=5))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(DateFormatter("%d %b"))  # type: ignore[no-untyped-call]


def _plain(axes: Any, grid: str) -> None:
    axes.grid(axis=grid, color=_PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, length=0)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)


def unit(rules: Rules | None) -> str:
    """What a difference is counted in."""
    if rules is None:
        return ""
    event = rules.metric.match.event
    return (
        f"{rules.metric.value} of {event}, more per customer"
        if rules.metric.value
        else f"more with {event}, of 100 customers"
    )


def _factor(rules: Rules | None) -> float:
    return 100.0 if rules is not None and rules.metric.value is None else 1.0
