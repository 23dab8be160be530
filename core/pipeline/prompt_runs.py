"""Masks of jittered prompts as an analysis and the units of a run, so that their agreement can be judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from core.config import digest
from core.io.predictions import Prediction
from core.pipeline.imported_analysis import analysis_of
from core.pipeline.units import segmentation_item
from core.prompts import SliceJitter
from core.types import WHOLE_CASE, Analysis, Case, ItemResult, Origin, UnitResult

if TYPE_CHECKING:
    from core.models import ModelRecord

AGREEMENT = "prompt_agreement"
"""Confidence of a unit: mean Dice over all pairs of the masks of jittered prompts; of a whole case, the mean
of its slices."""
AGREEMENT_LABEL = "Prompt agreement"

PROMPT_SCHEMA = 1


def jitter_item(
    case: Case, slices: Sequence[SliceJitter], record: ModelRecord, run_id: str, origin: Origin
) -> tuple[Analysis, ItemResult]:
    """The first draw as what is judged, all draws as its samples; units are the slices that were asked about.

    On the other slices nothing was asked, so nothing is found and they are no units; in the whole case they
    count as empty.
    """
    first = slices[0]
    draws = len(first.masks)
    # The last sample is the one that is judged there: the draws go in backwards.
    samples = [_sample(case, slices, draw) for draw in reversed(range(draws))]
    shas = [digest([run_id, draw]) for draw in reversed(range(draws))]
    found = analysis_of(case, samples, shas, record.class_names, "last")
    note = (
        f"Made by {record.id} from {draws} {first.kind} prompts per slice, each off by up to "
        f"{100 * first.share:g} % of the reference's box; the first is judged. Slices without a reference "
        "were not asked about."
    )
    members = tuple(f"draw {draw + 1}" for draw in reversed(range(draws)))
    made_by = found.made_by.model_copy(update={"members": members, "notes": (note,)})
    analysis = replace(found, made_by=made_by)
    return analysis, _asked_units(segmentation_item(case, analysis, origin=origin), slices)


def _sample(case: Case, slices: Sequence[SliceJitter], draw: int) -> Prediction:
    labels = np.zeros((case.image.slices, *case.image.slice_shape), dtype=np.uint8)
    for each in slices:
        labels[each.index] = each.masks[draw]
    return Prediction(classes=1, labels=labels)


def _asked_units(item: ItemResult, slices: Sequence[SliceJitter]) -> ItemResult:
    agreement = {each.index: float(each.agreement or 0.0) for each in slices}
    agreement[WHOLE_CASE] = float(np.mean(list(agreement.values())))
    kept = [
        (place, _with_agreement(unit, agreement[unit.slice]))
        for place, unit in enumerate(item.units)
        if unit.slice in agreement
    ]
    histograms = item.histograms
    if histograms is not None:
        # Entry k belongs to the k-th slice unit; the whole case comes first and has none.
        histograms = histograms[[place - 1 for place, unit in kept if unit.slice != WHOLE_CASE]]
    return replace(item, units=tuple(unit for _, unit in kept), histograms=histograms)


def _with_agreement(unit: UnitResult, value: float) -> UnitResult:
    return unit.model_copy(update={"confidence": ((AGREEMENT, value), *unit.confidence)})
