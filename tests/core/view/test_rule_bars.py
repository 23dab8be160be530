"""Bars of a check: shares by kind, the limit where it lies, and no name of any case."""

from __future__ import annotations

import base64
import re

import numpy as np

from core.view.rule_bars import BINS, MIDDLE, WIDTH, rule_bars


def drawn(*arguments: object) -> str:
    address = rule_bars(*arguments)  # type: ignore[arg-type]
    kind, data = address.split(",", 1)
    assert kind == "data:image/svg+xml;base64"
    return base64.b64decode(data).decode()


def bars(text: str) -> list[tuple[float, float, float, str]]:
    found = re.findall(
        r'<rect x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)" fill="([^"]+)"', text
    )
    return [(float(x), float(y), float(tall), fill) for x, y, tall, fill in found]


def test_good_cases_rise_and_failures_hang_from_the_middle():
    values = np.array([0.1, 0.9])
    good, failed = bars(drawn(values, np.array([False, True]), 0.0, 1.0, None))
    assert (good[1] + good[2], failed[1]) == (MIDDLE, MIDDLE)
    assert good[3] != failed[3]
    assert (good[0], failed[0]) == (round(4 * WIDTH / BINS, 1), round(43 * WIDTH / BINS, 1))


def test_the_limit_stands_at_its_place():
    text = drawn(np.array([0.5]), np.array([False]), 0.0, 1.0, 0.25)
    assert f'x1="{0.25 * WIDTH:.1f}" y1="0.0"' in text


def test_values_beyond_the_range_count_at_its_end_and_undefined_ones_nowhere():
    values = np.array([5.0, np.nan])
    (only,) = bars(drawn(values, np.array([False, False]), 0.0, 1.0, None))
    assert only[0] == round((BINS - 1) * WIDTH / BINS, 1)


def test_nothing_to_draw_is_an_empty_picture():
    assert bars(drawn(np.array([]), np.array([], bool), 0.0, 1.0, 0.5)) == []
