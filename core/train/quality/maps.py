"""Does the map of doubt point at what is wrong? Pixel by pixel on the failed slices, beside the entropy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.config import Frozen
from core.detector import GOOD_DICE
from core.metrics import dice
from core.metrics.classes.ranking import ranked, ranking_metrics
from core.metrics.draws import draw_groups
from core.train.common.numbers import BOOTSTRAP_SEED
from core.train.quality.numbers import REPLICATES
from core.types import BoolArray, Estimate, Float32Array


class PlaceRow(Frozen):
    """One map on failed slices. auroc: of a pixel being on the wrong side, mean over slices. hit: share of
    the slices whose highest place is wrong indeed."""

    label: str
    slices: int
    auroc: Estimate
    hit: Estimate


@dataclass(frozen=True, eq=False)
class FailedSlice:
    """A failed slice at the network's size: mask_pred, mask_ref bool, doubt and prob in [0, 1]."""

    patient: str
    mask_pred: BoolArray
    mask_ref: BoolArray
    doubt: Float32Array
    prob: Float32Array


def failed_slices(
    patient: str, mask_pred: BoolArray, mask_ref: BoolArray, doubt: Float32Array, prob: Float32Array
) -> list[FailedSlice]:
    """The failed ones of a study's slices; every array (slice, SIZE, SIZE)."""
    return [
        FailedSlice(patient, *each)
        for each in zip(mask_pred, mask_ref, doubt, prob, strict=True)
        if dice(each[0], each[1]) <= GOOD_DICE
    ]


def place_rows(slices: Sequence[FailedSlice]) -> tuple[PlaceRow, ...]:
    """The map of doubt, and the predictive entropy of the mean probability, on the same slices."""
    return (
        _row("Where the outline looks wrong", slices, [each.doubt for each in slices]),
        _row("Predictive entropy", slices, [_entropy(each.prob) for each in slices]),
    )


def _row(label: str, slices: Sequence[FailedSlice], maps: Sequence[Float32Array]) -> PlaceRow:
    auroc, hit = [], []
    for each, values in zip(slices, maps, strict=True):
        wrong = (each.mask_pred != each.mask_ref).ravel()
        flat = np.asarray(values, np.float64).ravel()
        auroc.append(float(ranking_metrics(ranked(flat, wrong), np.ones((1, flat.size)))[0, 0]))
        hit.append(float(wrong[int(np.argmax(flat))]))
    draws = draw_groups([each.patient for each in slices], seed=BOOTSTRAP_SEED, replicates=REPLICATES)
    return PlaceRow(
        label=label,
        slices=len(slices),
        auroc=draws.mean(np.array(auroc)),
        hit=draws.mean(np.array(hit)),
    )


def _entropy(prob: Float32Array) -> Float32Array:
    kept = np.clip(np.asarray(prob, np.float64), 1e-9, 1.0 - 1e-9)
    return np.asarray(-kept * np.log(kept) - (1.0 - kept) * np.log1p(-kept), np.float32)
