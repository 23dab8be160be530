"""The two scores of the quality network, and how those of a study follow from its slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.detector.measures import MeasureSpec
from core.types import Float64Array, Score

GOOD_IOU = 0.7
GOOD_DICE = 2.0 * GOOD_IOU / (1.0 + GOOD_IOU)
"""IoU > 0.7 is the same event as Dice > 14/17."""

SOURCE = "quality network, core/detector/quality"
QUALITY = MeasureSpec(
    "quality", "Estimated quality", "", 0.0, 1.0,
    "Chance that the outline is good, that is that its IoU with a reference would be above 0.7 (Dice above "
    "0.82), as a network judges it that sees the picture and the outline alone. Nothing outlined where "
    "nothing is counts as good.",
    SOURCE,
)  # fmt: skip
QUALITY_DICE = MeasureSpec(
    "quality_dice", "Estimated Dice", "", 0.0, 1.0,
    "The Dice with a reference that the same network expects; both empty counts as 1.", SOURCE,
)  # fmt: skip
QUALITY_SPECS = (QUALITY, QUALITY_DICE)

NO_FILE = "not available: the model came without a quality network"


@dataclass(frozen=True, eq=False)
class Judged:
    """What the network says about the slices of a study: prob, dice (slice,) in [0, 1]; area (slice,), the
    outlined share of each picture."""

    prob: Float64Array
    dice: Float64Array
    area: Float64Array


def scores_of_slices(judged: Judged | None, count: int) -> tuple[tuple[Score, Score], ...]:
    """Both scores of each of `count` slices; without a network they are not available, and say so."""
    if judged is None:
        return (_none(),) * count
    return tuple(_both(p, d) for p, d in zip(judged.prob, judged.dice, strict=True))


def scores_of_study(judged: Judged | None) -> tuple[Score, Score]:
    """Both scores of a study: the mean over its slices, weighted by what is outlined there.

    Where nothing is outlined at all, those of the worst slice. The slice named with the first score is the
    one with the lowest chance. The weights were chosen out of fold, see assets/models/lgg-unet/QUALITY.md.
    """
    if judged is None:
        return _none()
    worst = int(np.argmin(judged.prob))
    weights = judged.area if judged.area.any() else np.arange(len(judged.prob)) == worst
    prob, dice = _both(*(np.average(each, weights=weights) for each in (judged.prob, judged.dice)))
    place = worst if len(judged.prob) > 1 else None
    return prob.model_copy(update={"slice": place}), dice


def _both(prob: float, dice: float) -> tuple[Score, Score]:
    return Score(key=QUALITY.key, value=float(prob)), Score(key=QUALITY_DICE.key, value=float(dice))


def _none() -> tuple[Score, Score]:
    first, second = (Score(key=spec.key, value=None, note=NO_FILE) for spec in QUALITY_SPECS)
    return first, second
