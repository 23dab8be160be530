"""Charts: they draw what they are given, their colours can be seen, and no line is told by colour alone."""

from __future__ import annotations

import numpy as np
import pytest

from core.view.charts import (
    BinMark,
    Line,
    Place,
    histogram_chart,
    line_chart,
    reliability_chart,
)
from core.view.theme import (
    MARK,
    MIN_CONTRAST_MARK,
    PAGE_GROUNDS_DARK,
    PAGE_GROUNDS_LIGHT,
    QUIET,
    SERIES,
    contrast,
)

GROUNDS = (*PAGE_GROUNDS_DARK, *PAGE_GROUNDS_LIGHT)
HALVES = np.array([0.0, 0.5, 1.0])
RISING = np.array([0.0, 0.1, 0.3])


@pytest.mark.parametrize("colour", [*(colour for colour, _ in SERIES), QUIET, MARK])
@pytest.mark.parametrize("ground", GROUNDS)
def test_lines_can_be_seen_on_every_ground(colour: str, ground: str) -> None:
    assert contrast(colour, ground) >= MIN_CONTRAST_MARK


def test_no_two_lines_share_a_dash_or_a_colour() -> None:
    assert len({dash for _, dash in SERIES}) == len({colour for colour, _ in SERIES}) == len(SERIES)


def test_lines_of_a_full_chart_differ_in_colour_and_dash() -> None:
    quiet = [
        Line("best", HALVES, RISING, quiet=True),
        Line("random", HALVES, RISING, quiet=True, dash="dash"),
    ]
    loud = [Line(f"score {k}", HALVES, RISING) for k in range(len(SERIES))]
    figure = line_chart([*quiet, *loud], x_title="x", y_title="y")
    looks = [(each.line.color, each.line.dash) for each in figure.data]
    assert len(set(looks)) == len(looks)


def test_line_holds_the_numbers_and_ids_it_was_given() -> None:
    figure = line_chart([Line("a", HALVES, RISING, ids=("p", "q", "r"))], x_title="x", y_title="y")
    (drawn,) = figure.data
    assert (list(drawn.x), list(drawn.y)) == ([0.0, 0.5, 1.0], [0.0, 0.1, 0.3])
    assert [each[0] for each in drawn.customdata] == ["p", "q", "r"]
    assert "markers" in drawn.mode


def test_line_without_ids_cannot_be_selected() -> None:
    (drawn,) = line_chart([Line("a", HALVES, RISING)], x_title="x", y_title="y").data
    assert (drawn.mode, drawn.customdata) == ("lines", None)


def test_place_and_limit_are_marked_where_they_are() -> None:
    figure = line_chart(
        [Line("a", HALVES, RISING)], x_title="x", y_title="y", place=Place(0.5, 0.1, "chosen"), limit=0.2
    )
    mark = figure.data[-1]
    assert (list(mark.x), list(mark.y), mark.name) == ([0.5], [0.1], "chosen")
    assert [each.y0 for each in figure.layout.shapes] == [0.2]


def test_reliability_bins_are_drawn_with_their_whiskers_and_empty_ones_left_out() -> None:
    bins = [
        BinMark(0.25, 0.2, 0.1, 0.4, 0.0, 0.5, 12.0),
        BinMark(None, None, None, None, 0.5, 0.75, 0.0),
        BinMark(0.9, 0.8, None, None, 0.75, 1.0, 3.0),
    ]
    observed = next(each for each in reliability_chart(bins).data if each.name == "observed")
    assert (list(observed.x), list(observed.y)) == ([0.25, 0.9], [0.2, 0.8])
    # Up to 0.4 from 0.2, down to 0.1; the last bin has no interval and gets no whisker.
    assert list(observed.error_y.array) == pytest.approx([0.2, 0.0])
    assert list(observed.error_y.arrayminus) == pytest.approx([0.1, 0.0])
    counts = next(each for each in reliability_chart(bins).data if each.name == "count")
    assert (list(counts.x), list(counts.y), list(counts.width)) == ([0.25, 0.875], [12.0, 3.0], [0.5, 0.25])


def test_histogram_bars_cover_their_intervals_and_the_limit_stands_among_them() -> None:
    figure = histogram_chart(np.array([0.0, 0.5, 2.0]), np.array([3.0, 4.0]), x_title="x", limit=1.5)
    (bars,) = figure.data
    assert (list(bars.x), list(bars.width), list(bars.y)) == ([0.25, 1.25], [0.5, 1.5], [3.0, 4.0])
    assert [each.x0 for each in figure.layout.shapes] == [1.5]
