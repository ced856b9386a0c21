"""Curves for any number of points, in the terminal and as PNG."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from journeyflow.cli.plots import COLOURS, Series, Words, terminal_plot, write_png

NOW = datetime(2026, 11, 28, 14, 30, tzinfo=UTC)
WORDS = Words("Members of the segment lapsed", "members", "journeyflow, 2026-11-28")
DAY = timedelta(days=1)


def series(values: Sequence[float], step: timedelta = DAY, name: str = "lapsed") -> Series:
    """The last is of now."""
    return Series(name, tuple((NOW - step * n, value) for n, value in enumerate(reversed(values)))[::-1])


CURVES = {
    "one point": ([series([17])], ["20┤", "28 Nov 12:00"]),
    "no members": ([series([0] * 91)], ["1┤", "0┤", "26 Oct"]),
    "one jump": ([series([0] * 40 + [812] * 51)], ["1,000┤", "800┤", "14 Sep"]),
    "a million": (
        [series([1_000_000 * (1 - math.exp(-n / 9)) for n in range(91)])],
        ["1,000,000┤", "200,000┤"],
    ),
    "hours": ([series([3 + n % 5 for n in range(25)], DAY / 24)], ["8┤", "28 Nov 00:00"]),
    "two years": ([series([100 + n for n in range(105)], 7 * DAY)], ["Jan 2025", "Jan 2026"]),
    "two": ([series(range(60), name="control"), series(range(60, 0, -1), name="evening")], ["* control"]),
}


@pytest.mark.parametrize(("curves", "labels"), CURVES.values(), ids=CURVES.keys())
def test_a_plot_for_the_terminal_has_its_labels_and_fits(curves: list[Series], labels: list[str]) -> None:
    text = terminal_plot(curves, WORDS, width=90, height=16)
    for label in (*labels, WORDS.title, WORDS.value, WORDS.source):
        assert label in text
    lines = text.splitlines()
    assert max(map(len, lines)) <= 90
    assert len(lines) == 17
    assert "\x1b" not in text


@pytest.mark.parametrize("name", ["one point", "no members", "a million", "two"])
def test_a_png_shows_every_curve_in_its_colour(name: str, tmp_path: Path) -> None:
    curves, _ = CURVES[name]
    write_png(curves, WORDS, tmp_path / "plot.png")
    pixels = imread(tmp_path / "plot.png")[:, :, :3]
    assert pixels.shape == (675, 1350, 3)
    for colour in COLOURS[: len(curves)]:
        drawn = numpy.abs(pixels - to_rgb(colour)).max(axis=2) < 0.01
        assert drawn.sum() > 50
