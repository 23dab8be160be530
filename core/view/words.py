"""How numbers are worded: three significant digits, the unit, the interval in brackets, a dash for none."""

from __future__ import annotations

import math

NOT_AVAILABLE = "–"
"""Shown for a number that is not available; the reason stands beside it or appears on hover."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None, unit: str = "", *, digits: int = 3) -> str:
    """`value` with `digits` significant digits and its unit; the dash for None, NaN and infinity.

    >>> number(0.87349), number(1234.5, "mm²"), number(None), number(0.5)
    ('0.873', '1230 mm²', '–', '0.500')
    """
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    return f"{_significant(value, digits)} {unit}".rstrip()


def interval(value: float | None, low: float | None, high: float | None, unit: str = "") -> str:
    """`value` with its interval in brackets, all three to the same decimal place.

    >>> interval(0.871, 0.8412, 0.9), interval(0.871, None, None)
    ('0.871 [0.841–0.900]', '0.871')
    """
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return number(value, unit)
    places = _places(value, 3)
    dash = "–" if low >= 0 else " to "
    text = f"{value:.{places}f} [{low:.{places}f}{dash}{high:.{places}f}]"
    return f"{text} {unit}".rstrip()


def percent(share: float | None) -> str:
    """A share in [0, 1] in percent.

    >>> percent(0.8), percent(0.0312)
    ('80.0 %', '3.12 %')
    """
    return number(None if share is None else share * 100.0, "%")


def count(amount: int, singular: str, plural: str = "") -> str:
    """A number of things in words that agree.

    >>> count(1, "case"), count(3, "case"), count(2, "study", "studies")
    ('1 case', '3 cases', '2 studies')
    """
    return f"{amount} {singular if amount == 1 else plural or singular + 's'}"


def seconds(value: float | None) -> str:
    """A duration in the unit that suits it.

    >>> seconds(0.0421), seconds(3.2), seconds(125.0), seconds(59.96)
    ('42.1 ms', '3.20 s', '2 min 5 s', '60.0 s')
    """
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    if value < 1.0:
        return number(value * 1000.0, "ms")
    if value < 60.0:
        return number(value, "s")
    whole = round(value)
    return f"{whole // 60} min {whole % 60} s"


def _significant(value: float, digits: int) -> str:
    if value == 0.0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if exponent < -4 or exponent >= 6:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa} × 10{str(int(power)).translate(_SUPERSCRIPTS)}"
    places = _places(value, digits)
    return f"{round(value, digits - 1 - exponent):.{places}f}"


def _places(value: float, digits: int) -> int:
    exponent = math.floor(math.log10(abs(value))) if value else 0
    # 0.9996 rounds up to 1.00: the place is taken after rounding, else four digits would be shown.
    rounded = round(value, digits - 1 - exponent)
    exponent = math.floor(math.log10(abs(rounded))) if rounded else 0
    return max(0, digits - 1 - exponent)
