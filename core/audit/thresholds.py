"""A threshold for each fold that was fitted elsewhere, and what it gains on the fold."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from core.audit.records import CaseTable, FoldThreshold, Study
from core.types import BoolArray, Float64Array

LEVEL = 0.01
"""Chance that any interval of a study misses its gain: 99 % for all folds together (Bonferroni)."""


def fold_thresholds(study: Study) -> tuple[FoldThreshold, ...]:
    """Per fold of two classes the threshold with the best balanced accuracy elsewhere, tried on the fold.

    Fitted on the training part of the fold where its predictions are given, else on the cases that the other
    folds are judged on (cross-fitted); never on the fold itself.
    """
    if study.cases is None or len(study.classes) != 2:
        return ()
    z = NormalDist().inv_cdf(1.0 - LEVEL / 2.0 / len(study.folds))
    found = [_fold(study.cases, study.positive, fold.name, z) for fold in study.folds]
    return tuple(each for each in found if each is not None)


def best_threshold(score: Float64Array, positive: BoolArray) -> float:
    """Midpoint between neighbouring scores with the highest balanced accuracy of "score >= threshold".

    Of several as good the one nearest to one half.

    >>> best_threshold(np.array([0.1, 0.2, 0.3, 0.9]), np.array([False, False, True, True]))
    0.25
    """
    values = np.unique(score)
    cuts = (values[1:] + values[:-1]) / 2
    if not len(cuts):
        return 0.5
    high, low = np.sort(score[positive]), np.sort(score[~positive])
    sensitivity = 1.0 - np.searchsorted(high, cuts) / len(high)
    specificity = np.searchsorted(low, cuts) / len(low)
    balanced = sensitivity + specificity
    best = cuts[balanced >= balanced.max() - 1e-12]
    return float(best[np.abs(best - 0.5).argmin()])


def _fold(cases: CaseTable, positive: int, fold: str, z: float) -> FoldThreshold | None:
    rows, training = cases.rows(fold), cases.rows(fold, training=True)
    others = ~cases.training
    others[rows] = False
    elsewhere = training if len(training) else np.flatnonzero(others)
    if not _both(cases, rows, positive) or not _both(cases, elsewhere, positive):
        return None
    score, label = cases.prob[:, positive], cases.label == positive
    threshold = best_threshold(score[elsewhere], label[elsewhere])
    truth = label[rows]
    # The likelier of two classes, the first of equals, as the confusion matrix has it.
    at_half = (score[rows] > 0.5) | ((score[rows] == 0.5) & (positive == 0))
    before, after = at_half == truth, (score[rows] >= threshold) == truth
    moved = after.astype(np.float64) - before
    sides = [moved[truth], moved[~truth]]
    gain = sum(float(each.mean()) for each in sides) / 2
    error = math.sqrt(sum(float(each.var()) / len(each) for each in sides)) / 2
    base = (float(before[truth].mean()) + float(before[~truth].mean())) / 2
    return FoldThreshold(
        fold=fold, threshold=threshold,
        fitted_on="training part of the fold" if len(training) else "other folds",
        before=base, after=base + gain, gain=gain, low=gain - z * error, high=gain + z * error,
    )  # fmt: skip


def _both(cases: CaseTable, rows: NDArray[np.intp], positive: int) -> bool:
    return len(set(cases.label[rows] == positive)) == 2
