"""Curves over time, drawn in the terminal and as PNG: plain series in, the same ticks and labels in both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

# Told apart by people who see few colours as well (Okabe and Ito, 2008).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_INK, _PALE = "#333333", "#DDDDDD"
_INCHES, _DOTS = (9.0, 4.5), 150  # 1350 by 675
_DAY = timedelta(days=1)
_STEPS = (
    *(timedelta(hours=hours) for hours in (1, 3, 6, 12)),
    *(timedelta(days=days) for days in (1, 2, 7, 14)),
)
_MONTHS = (1, 3, 6, 12)


@dataclass(frozen=True, slots=True)
class Series:
    name: str  # in the legend, where there are several
    points: tuple[tuple[datetime, float], ...]  # at least one, in the order of time


@dataclass(frozen=True, slots=True)
class Words:
    title: str
    value: str  # of the vertical axis
    source: str  # where the numbers are from, and of when


def terminal_plot(series: Sequence[Series], words: Words, width: int = 100, height: int = 20) -> str:
    """Without colours; several curves differ in their marks."""
    import plotext  # type: ignore[import-untyped]

    figure = plotext.figure
    figure.clear()  # the library has one figure only
    figure.theme("colorless")
    for number, one in enumerate(series):
        figure.draw(_signal(figure, one, number, is_alone=len(series) == 1))
    times, values = _times(series, width // 11), _values(series)
    for axis, ticks in (("x", [(at.timestamp(), text) for at, text in times]), ("y", values)):
        figure.ruler(axis).ticks([at for at, _ in ticks], [text for _, text in ticks])
    figure.ruler("x").lim(*(at.timestamp() for at in _span(series)))
    figure.ruler("y").lim(0, values[-1][0])
    figure.title(words.title)
    figure.label(words.value, axis="y")
    figure.plot_size(width, height)
    text: str = plotext.uncolorize(str(figure.build().string()))
    return "\n".join([*(line.rstrip() for line in text.splitlines()), words.source])


def write_png(series: Sequence[Series], words: Words, file: Path) -> None:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.1)
    figure = Figure(figsize=_INCHES, dpi=_DOTS, layout=layout, facecolor="white")
    axes = figure.add_subplot()
    for one, colour in zip(series, COLOURS, strict=False):
        _draw(axes, one, colour, is_alone=len(series) == 1)
    _label(axes, series)
    axes.set_title(words.title, loc="left", fontsize=13, color=_INK, pad=12)
    axes.set_ylabel(words.value, color=_INK)
    figure.supxlabel(words.source, x=0.01, ha="left", fontsize=8, color="#777777")
    figure.savefig(file, format="png")


def _signal(figure: Any, one: Series, number: int, *, is_alone: bool) -> Any:
    at, values = [point[0].timestamp() for point in one.points], [point[1] for point in one.points]
    signal = figure.signal(at, values, marker="*ox+#%"[number % 6] if not is_alone else "hd")
    if len(values) > 1:
        signal.lines()
    if not is_alone:
        signal.label(one.name)
    return signal


def _draw(axes: Any, one: Series, colour: str, *, is_alone: bool) -> None:
    """As steps, since between two points only the earlier is known. The last value is written out."""
    at, values = [point[0] for point in one.points], [point[1] for point in one.points]
    last = f"{values[-1]:,.10g}"
    legend = f"{one.name}: {last}"
    axes.plot(at, values, color=colour, linewidth=2, drawstyle="steps-post", label=legend, clip_on=False)
    axes.plot(at[-1:], values[-1:], "o", color=colour, markersize=6, clip_on=False)
    if is_alone:
        end = (at[-1], values[-1])
        axes.annotate(last, end, (8, 0), textcoords="offset points", va="center", color=colour)


def _label(axes: Any, series: Sequence[Series]) -> None:
    times, values = _times(series, 10), _values(series)
    axes.set_xticks([at for at, _ in times], [text for _, text in times])
    axes.set_yticks([at for at, _ in values], [text for _, text in values])
    axes.set_xlim(*_span(series))
    axes.set_ylim(0, values[-1][0])
    axes.grid(axis="y", color=_PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, length=0)
    axes.tick_params(axis="x", pad=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_INK)
    if len(series) > 1:
        axes.legend(frameon=False, loc="upper left")


def _span(series: Sequence[Series]) -> tuple[datetime, datetime]:
    begin = min(one.points[0][0] for one in series)
    end = max(one.points[-1][0] for one in series)
    return (begin, end) if begin < end else (begin - _DAY / 2, end + _DAY / 2)


def _values(series: Sequence[Series]) -> list[tuple[float, str]]:
    """From 0 to above the highest value, at most six, in steps of 1, 2 or 5."""
    most = max(value for one in series for _, value in one.points)
    step = next(step for step in _round_steps() if most <= step * 5)
    return [(step * number, f"{step * number:,}") for number in range(max(1, int(-(-most // step))) + 1)]


def _round_steps() -> Iterator[int]:
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _times(series: Sequence[Series], most: int) -> list[tuple[datetime, str]]:
    """Whole hours, days, weeks or months of UTC: `most` at most, of hours, which are long, half as many."""
    begin, end = _span(series)
    for step in _STEPS:
        ticks = _every(step, begin, end)
        if len(ticks) <= (most if step >= _DAY else most // 2):
            form = "%d %b" if step >= _DAY else "%d %b %H:%M"
            return [(at, at.strftime(form)) for at in ticks]
    for months in _MONTHS:
        ticks = _firsts(months, begin, end)
        if len(ticks) <= most:
            break
    return [(at, at.strftime("%b %Y")) for at in ticks]


def _every(step: timedelta, begin: datetime, end: datetime) -> list[datetime]:
    """Weeks begin on Mondays."""
    monday = datetime(1970, 1, 5, tzinfo=UTC)
    first = monday + step * -(-(begin - monday) // step)
    return [first + step * number for number in range((end - first) // step + 1)]


def _firsts(months: int, begin: datetime, end: datetime) -> list[datetime]:
    """Of every so manieth month."""
    numbers = range(begin.year * 12, end.year * 12 + 12, months)
    firsts = (datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in numbers)
    return [at for at in firsts if begin <= at <= end]
