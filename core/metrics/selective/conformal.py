"""Conformal risk control of the miss rate: how far a mask must grow to miss no more than a share alpha.

The grown mask is C = {prob >= 1 - lambda}. The loss of a case is the share of its reference that C leaves
out: it can only fall as lambda grows, and lies in [0, 1]. Source: Angelopoulos et al. 2024, arXiv:2208.02814.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.config import Frozen
from core.metrics.selective.coverage_bootstrap import group_index
from core.types import BoolArray, Float64Array

EmptyRule = Literal["left out", "loss 0"]
"""What a case counts without anything to find: nothing, or as a case of which nothing can be missed."""

SLACK = 1e-9
"""Rounding of losses summed in single precision."""

ASSUMPTIONS = (
    "A new patient is drawn as these were, and none of them was used to train or tune the network. The share "
    "missed is kept on average over such draws, not for every patient, and no longer holds on degraded "
    "pictures, other scanners or other hospitals."
)


@dataclass(frozen=True, eq=False)
class LossCurves:
    """loss: (case, lambda) in [0, 1], falling along lambda; NaN rows where there is nothing to find.

    lambdas: (lambda,) rising, in [0, 1].
    """

    loss: Float64Array
    lambdas: Float64Array


class MissRateControl(Frozen):
    """The smallest lambda that keeps the expected miss rate of a new patient at or below alpha.

    lam: None when not possible, and `reason` says why; probability_from = 1 - lam is where the grown mask
    begins. n: patients. miss_rate: their mean loss at lam. cases_needed: patients without which alpha cannot
    be promised, None where there are enough. left_out: cases with nothing to find that do not count.
    """

    alpha: float
    lam: float | None
    probability_from: float | None
    miss_rate: float | None
    n: int
    left_out: int
    empty_rule: EmptyRule
    reason: str = ""
    cases_needed: int | None = None
    assumptions: str = ASSUMPTIONS


def control_miss_rate(
    curves: LossCurves,
    alpha: float,
    groups: Sequence[str] | None = None,
    *,
    empty_rule: EmptyRule = "left out",
) -> MissRateControl:
    """Smallest lambda with n/(n+1) mean loss + 1/(n+1) <= alpha; not possible when alpha < 1/(n+1).

    groups: patient of each case; the loss of a patient is the mean over the cases that count, so that the
    exchangeable unit is the patient. Raises ValueError when alpha is not in (0, 1), or a loss leaves [0, 1]
    or rises with lambda.

    >>> nine = LossCurves(np.tile([1.0, 1 / 9, 0.0], (9, 1)), np.array([0.0, 0.5, 1.0]))
    >>> control_miss_rate(nine, 0.2).lam
    0.5
    """
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha {alpha:g}; expected between 0 and 1")
    empty = _checked(curves)
    kept = ~empty if empty_rule == "left out" else np.ones(empty.size, np.bool_)
    loss = np.where(empty[:, None], 0.0, curves.loss)[kept]
    index, n = group_index(None if groups is None else np.asarray(groups)[kept], int(kept.sum()))
    told = {"alpha": alpha, "n": n, "left_out": int((~kept).sum()), "empty_rule": empty_rule}
    if n + 1 < 1.0 / alpha - SLACK:
        needed = math.ceil(1.0 / alpha - SLACK) - 1
        reason = f"not possible with so few cases: {n} patients, and at least {needed} would be needed"
        return _impossible(told, reason, needed)
    mean = _group_means(loss, index, n).mean(axis=0)
    fits = np.flatnonzero(n / (n + 1) * mean + 1.0 / (n + 1) <= alpha + SLACK)
    if not fits.size:
        return _impossible(told, "the largest mask that can be told from the probabilities misses too much")
    first = int(fits[0])
    lam = float(curves.lambdas[first])
    return MissRateControl.model_validate(
        {**told, "lam": lam, "probability_from": 1.0 - lam, "miss_rate": float(mean[first])}
    )


def miss_curve(prob: NDArray[np.floating], mask_ref: BoolArray, lambdas: Float64Array) -> Float64Array:
    """(lambda,) share of the reference's voxels with prob < 1 - lambda; NaN for an empty reference.

    prob: in [0, 1], of the shape of mask_ref. lambdas: rising.

    >>> miss_curve(np.array([0.9, 0.2]), np.array([True, True]), np.array([0.0, 0.5, 0.8])).tolist()
    [1.0, 0.5, 0.0]
    """
    inside = np.sort(np.asarray(prob[mask_ref], np.float64))
    if not inside.size:
        return np.full(lambdas.size, np.nan)
    # 1 - 0.8 lies above 0.2 by a rounding error.
    below = np.searchsorted(inside, 1.0 - lambdas - SLACK)
    return np.asarray(below / inside.size, np.float64)


def miss_curves(histograms: NDArray[np.floating], lower: Float64Array) -> LossCurves:
    """Loss curves of cases whose voxels are counted by level of probability, over the whole image.

    histograms: (case, 3, level) count, sum of probability, positives; levels rise. lower: (level,) where each
    level begins. lambda = 1 - lower takes in the whole level, so that the loss is never understated.
    """
    positives = np.asarray(histograms[:, 2], np.float64)
    total = positives.sum(axis=1, keepdims=True)
    found = np.cumsum(positives[:, ::-1], axis=1)
    share = np.divide(found, total, out=np.full_like(found, np.nan), where=total > 0)
    return LossCurves(np.clip(1.0 - share, 0.0, 1.0), 1.0 - lower[::-1])


def _checked(curves: LossCurves) -> BoolArray:
    loss, lambdas = curves.loss, curves.lambdas
    if loss.ndim != 2 or lambdas.shape != loss.shape[1:] or (np.diff(lambdas) <= 0).any():
        raise ValueError(
            f"losses {loss.shape} and lambdas {lambdas.shape}; expected rising lambdas, one a column"
        )
    empty = np.asarray(np.isnan(loss).all(axis=1), np.bool_)
    rest = loss[~empty]
    if np.isnan(rest).any() or (rest < 0).any() or (rest > 1).any():
        raise ValueError("a loss is NaN or outside [0, 1]; only a whole row may be NaN")
    if (np.diff(rest, axis=1) > SLACK).any():
        raise ValueError("a loss rises with lambda; conformal risk control needs one that cannot")
    return empty


def _group_means(loss: Float64Array, index: NDArray[np.int64], n: int) -> Float64Array:
    sums = np.zeros((n, loss.shape[1]))
    np.add.at(sums, index, loss)
    return np.asarray(sums / np.bincount(index, minlength=n)[:, None], np.float64)


def _impossible(told: Mapping[str, object], reason: str, needed: int | None = None) -> MissRateControl:
    nothing = {"lam": None, "probability_from": None, "miss_rate": None}
    return MissRateControl.model_validate({**told, **nothing, "reason": reason, "cases_needed": needed})
