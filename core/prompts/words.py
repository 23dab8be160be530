"""Numbers of the jitter curve in words."""

from __future__ import annotations

from core.metrics import Interval
from core.types import Estimate


def interval(found: Interval | Estimate | None, digits: int = 3) -> str:
    """A value with its interval, bare without bounds.

    >>> interval(Estimate(value=0.5, low=0.25, high=0.75), 2), interval(None)
    ('0.50 [0.25, 0.75]', 'undefined')
    """
    value = None if found is None else found.mean if isinstance(found, Interval) else found.value
    if found is None or value is None:
        return "undefined"
    if found.low is None or found.high is None:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"
