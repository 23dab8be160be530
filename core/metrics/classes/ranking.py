"""AUROC, average precision and sensitivity at 95 % specificity, for many weightings of the units at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.metrics.draws import ratio
from core.types import BoolArray, Float64Array

SPECIFICITY = 0.95
ROUNDING = 1e-9
"""19 of 20 correct negatives are a specificity of 0.95, whatever the last bit of 1 - 0.95 says."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Units from the highest score of one class down.

    order: (unit,) their places. last: (threshold,) place of the last unit at each distinct score. positive:
    (unit,) bool in that order.
    """

    order: NDArray[np.intp]
    last: NDArray[np.intp]
    positive: BoolArray


def ranked(score: Float64Array, positive: BoolArray) -> Ranking:
    """Sort once; every weighting of the units then needs cumulative sums only."""
    order = np.argsort(-score, kind="stable")
    sorted_score = score[order]
    last = np.flatnonzero(np.append(sorted_score[1:] != sorted_score[:-1], True))
    return Ranking(order, last, positive[order])


def ranking_metrics(ranking: Ranking, weights: Float64Array) -> Float64Array:
    """(draw, 3): AUROC, average precision, sensitivity at 95 % specificity.

    weights: (draw, unit) how often each unit counts. AUROC = chance that a positive scores above a negative,
    ties one half; average precision = sum of precision times the step in recall, a step per distinct score;
    the last is the highest sensitivity of any threshold whose specificity is at least 0.95.
    NaN where a draw has no positive or no negative (average precision: no positive).
    Source: Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747; Davis and Goadrich 2006,
    doi:10.1145/1143844.1143874.
    """
    ordered = weights[:, ranking.order]
    hits = np.cumsum(np.where(ranking.positive, ordered, 0.0), axis=1)[:, ranking.last]
    alarms = np.cumsum(np.where(ranking.positive, 0.0, ordered), axis=1)[:, ranking.last]
    positives, negatives = hits[:, -1], alarms[:, -1]
    step_hits, step_alarms = np.diff(hits, axis=1, prepend=0.0), np.diff(alarms, axis=1, prepend=0.0)
    area = (step_alarms * (hits - step_hits / 2.0)).sum(axis=1)
    precision = np.divide(hits, hits + alarms, out=np.zeros_like(hits), where=hits + alarms > 0)
    allowed = alarms <= (1.0 - SPECIFICITY) * negatives[:, None] + ROUNDING
    sensitivity = ratio(np.where(allowed, hits, 0.0).max(axis=1), positives)
    return np.stack(
        [
            ratio(area, positives * negatives),
            ratio((step_hits * precision).sum(axis=1), positives),
            np.where(negatives > 0, sensitivity, np.nan),
        ],
        axis=1,
    )
