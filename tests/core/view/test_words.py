"""Numbers are worded the same way everywhere."""

from __future__ import annotations

import math

import pytest

from core.view import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1.00"),
        (0.99949, "0.999"),
        (0.9996, "1.00"),
        (9.996, "10.0"),
        (-0.0123456, "-0.0123"),
        (123.456, "123"),
        (123456.0, "123000"),
        (0.00012345, "0.000123"),
        (0.0000123, "1.23 × 10⁻⁵"),
        (4.56e9, "4.56 × 10⁹"),
    ],
)
def test_three_significant_digits(value: float, text: str) -> None:
    assert words.number(value) == text


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_is_not_available_is_a_dash(value: float | None) -> None:
    assert words.number(value, "mm") == "–"
    assert words.interval(value, 0.1, 0.2) == "–"
    assert words.seconds(value) == "–"


def test_interval_shares_the_decimals_of_its_value() -> None:
    assert words.interval(0.87, 0.8, 0.90001, "") == "0.870 [0.800–0.900]"
    assert words.interval(12.3456, 9.9, 15.0, "mm") == "12.3 [9.9–15.0] mm"


def test_interval_below_zero_has_no_ambiguous_dash() -> None:
    assert words.interval(0.1, -0.2, 0.4) == "0.100 [-0.200 to 0.400]"
