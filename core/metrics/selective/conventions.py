"""What each convention of risk and coverage changes: one score under every other choice, one at a time."""

from __future__ import annotations

import numpy as np

from core.config import Frozen
from core.metrics.selective.class_scores import with_confidence
from core.metrics.selective.risk import risk_of
from core.metrics.selective.risk_coverage import areas
from core.types import RiskConventions, UnitTable

EMPTY_CHOICES = ("counted", "left out", "prediction left out")
RISK_CHOICES = ("continuous", "failure")


class UnderConvention(Frozen):
    """Numbers of one score under one set of conventions; None where undefined or where no unit is left.

    words: what was changed, "as chosen" for the first. n: units that count.
    """

    words: str
    conventions: RiskConventions
    n: int
    mean_risk: float | None = None
    aurc: float | None = None
    e_aurc: float | None = None
    augrc: float | None = None
    normalised_aurc: float | None = None


def under_conventions(
    table: UnitTable, conventions: RiskConventions, score: str
) -> tuple[UnderConvention, ...]:
    """The chosen conventions first, then every one that differs in a single switch and applies to the table.

    A classification is always right or wrong and never empty, so it has the first entry only. Raises KeyError
    for an unknown score.
    """
    full = with_confidence(table)
    changed = {"as chosen": conventions}
    if full.prob is None:
        for risk in RISK_CHOICES:
            changed[f"risk {risk}"] = conventions.model_copy(update={"risk": risk})
        if full.pred_empty.any():
            for empty in EMPTY_CHOICES:
                changed[f"empty masks {empty}"] = conventions.model_copy(update={"empty": empty})
    return tuple(
        _numbers(full, each, score, words)
        for words, each in changed.items()
        if words == "as chosen" or each != conventions
    )


def _numbers(table: UnitTable, conventions: RiskConventions, score: str, words: str) -> UnderConvention:
    found = risk_of(table, conventions)
    confidence, risk = table.confidence[score][found.keep], found.risk[found.keep]
    if not risk.size or np.isnan(confidence).any():
        return UnderConvention(words=words, conventions=conventions, n=risk.size)
    every = areas(confidence, risk)
    return UnderConvention(
        words=words,
        conventions=conventions,
        n=every.n,
        mean_risk=every.mean_risk,
        aurc=every.aurc,
        e_aurc=every.e_aurc,
        augrc=every.augrc,
        normalised_aurc=every.normalised_aurc,
    )
