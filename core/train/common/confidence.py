"""The limit of a class's confidence, taken from out-of-fold probabilities."""

from __future__ import annotations

import numpy as np

from core.types import Float64Array, Limits, RuleLimit

LOW_SHARE = 0.2
"""Share of the out-of-fold units that the limit of the confidence leaves below it."""


def confidence_limit(highest: Float64Array) -> float:
    """The probability that a fifth of the units stay below, to two digits.

    highest: (unit,) probability of the likeliest class.
    """
    return round(float(np.quantile(highest, LOW_SHARE, method="lower")), 2)


def confidence_limits(limit: float, cohort: str, patients: int, units: int) -> Limits:
    """This limit as a model stores it. cohort: what it was taken from, in words."""
    rule = RuleLimit(rule="low-class-confidence", limit=limit, spread=max(0.05, 0.9 - limit))
    return Limits(rules=(rule,), cohort=cohort, patients=patients, slices=units, share=LOW_SHARE)
