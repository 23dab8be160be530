"""What the attention over a bag of slices says about the answer: its spread, and whether it is on tissue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.audit.attention import attention_summary
from core.detector.familiarity import MIN_TISSUE
from core.detector.measures import MeasureSpec
from core.types import BagSamples, BoolArray, Float64Array, Score

ATTENTION_SPECS: tuple[MeasureSpec, ...] = (
    MeasureSpec(
        "attention_slices", "Effective slices", "", 1.0, None,
        "Over how many slices the attention of a network spreads, exp of its entropy, the mean over all "
        "predictions: 1 = all on one slice, as many as the bag has slices = the same weight for each.",
        "Jost 2006, doi:10.1111/j.2006.0030-1299.14714.x",
    ),
    MeasureSpec(
        "attention_on_tissue", "Attention on tissue", "", 0.0, 1.0,
        "Share of the attention that lies on slices with tissue: at least a tenth of the picture, made "
        "square, is brighter than a tenth of its scale. Told from the pictures alone.",
        "core/detector/attention.py",
    ),
)  # fmt: skip
"""Scores of a bag beside its confidences; neither says that the answer is right."""

ONE_SLICE = "undefined: a bag of one slice has nothing to choose from"
NO_ATTENTION = "undefined: no slice has any attention"
NO_TISSUE = "undefined: no slice of this slab shows tissue"


def attention_scores(bag: BagSamples, tissue: Float64Array, *, decides: bool = True) -> tuple[Score, ...]:
    """The scores of `ATTENTION_SPECS` for one bag, with the slice that each is shown on.

    Effective slices are the mean over the predictions and not those of the mean attention: networks that each
    look at one slice, but not at the same one, have collapsed all the same. Attention that has no slice with
    tissue to go to is only held against a bag that decides, such as one of an empty volume. tissue: (slice,)
    share of tissue of every slice of the volume.
    """
    spread, on_tissue = ATTENTION_SPECS
    off = bare_slices(tissue)[list(bag.slices)]
    attention = bag.mean_attention
    if not attention.any():
        return tuple(Score(key=each.key, value=None, note=NO_ATTENTION) for each in ATTENTION_SPECS)
    place = bag.slices[int(np.where(off, attention, 0.0).argmax())] if off.any() else bag.top_slice
    share = Score(key=on_tissue.key, value=float(attention[~off].sum()), slice=place)
    if off.all() and not decides:
        share = Score(key=on_tissue.key, value=None, note=NO_TISSUE)
    if len(bag.slices) == 1:
        return Score(key=spread.key, value=None, note=ONE_SLICE), share
    effective = float(np.mean(_effective(bag.attention)))
    return Score(key=spread.key, value=effective, slice=bag.top_slice), share


def bare_slices(tissue: Float64Array) -> BoolArray:
    """(slice,) whether a slice shows next to no tissue. tissue: share of each slice's picture."""
    return np.asarray(tissue < MIN_TISSUE)


def _effective(attention: Float64Array) -> Sequence[float]:
    found = [attention_summary(each).effective_exp for each in attention]
    return [each for each in found if each is not None]
