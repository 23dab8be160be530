"""Numbers with their intervals as cards write them."""

from __future__ import annotations

from core.metrics import Interval
from core.types import Estimate

BOOTSTRAP_SEED = 2024
"""Of every interval on a card: drawing patients with replacement, the same draws again each time."""


def number(value: Estimate | Interval | None, digits: int = 3, *, sign: bool = False) -> str:
    """A value with its interval, bare without bounds.

    >>> number(Estimate(value=0.5, low=0.25, high=0.75))
    '0.500 [0.250, 0.750]'
    >>> number(Estimate(value=0.5), sign=True), number(None)
    ('+0.500', 'undefined')
    """
    return _with_bounds(value, 1.0, f"{'+' if sign else ''}.{digits}f", "")


def percent(value: Estimate | Interval | None) -> str:
    """A share as percentage with its interval.

    >>> percent(Estimate(value=0.5, low=0.25, high=0.75))
    '50 % [25, 75]'
    """
    return _with_bounds(value, 100.0, ".0f", " %")


def _with_bounds(found: Estimate | Interval | None, scale: float, form: str, unit: str) -> str:
    middle = found.mean if isinstance(found, Interval) else found.value if found else None
    if found is None or middle is None:
        return "undefined"
    text = f"{scale * middle:{form}}{unit}"
    if found.low is None or found.high is None:
        return text
    return f"{text} [{scale * found.low:{form}}, {scale * found.high:{form}}]"
