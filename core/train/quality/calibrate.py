"""Making the network's answers honest: slope and offset of their logits, fitted on patients it never saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.detector.quality.networks import HEADS, STATES, calibrated
from core.types import BoolArray, Float64Array

STEPS = 50
RIDGE = 1.0
"""Weight with which slope and offset are held at 1 and 0: a handful of slices cannot turn them round."""


def fit_calibration(logits: Float64Array, found: BoolArray, truth: Float64Array) -> Float64Array:
    """(HEADS, STATES, 2) slope and offset that minimise the cross-entropy; none is below 0.

    logits, truth: (slice, HEADS), truth in [0, 1] (whether it is good; its Dice). found: (slice,) whether
    something is outlined; both states are fitted apart, because the training mixture has other shares of
    failures than real slices. Platt 1999 (temperature and offset), by Newton's method.
    """
    made = np.tile(np.array([1.0, 0.0]), (HEADS, STATES, 1))
    for head in range(HEADS):
        for state in range(STATES):
            chosen = found == bool(state)
            if chosen.any():
                made[head, state] = _fit(logits[chosen, head], truth[chosen, head])
    return made


def cross_calibrated(
    logits: Float64Array, found: BoolArray, truth: Float64Array, fold: NDArray[np.int64]
) -> Float64Array:
    """(slice, HEADS) calibrated answers, those of each fold of patients by a fit to the other folds."""
    made = np.empty_like(logits)
    for each in np.unique(fold):
        own = fold == each
        calibration = fit_calibration(logits[~own], found[~own], truth[~own])
        made[own] = calibrated(logits[own], found[own], calibration)
    return made


def _fit(logit: Float64Array, truth: Float64Array) -> Sequence[float]:
    design = np.stack([logit, np.ones_like(logit)], axis=1)
    start = np.array([1.0, 0.0])
    found = start.copy()
    for _ in range(STEPS):
        prob = 1.0 / (1.0 + np.exp(-(design @ found)))
        slope = design.T @ (prob - truth) + RIDGE * (found - start)
        curve = (design.T * (prob * (1.0 - prob))) @ design + RIDGE * np.eye(2)
        found = found - np.linalg.solve(curve, slope)
    return float(max(found[0], 0.0)), float(found[1])
