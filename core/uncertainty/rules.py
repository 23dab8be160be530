"""Rules of the score table: from the evidence of some slices to one confidence each."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from core.types import Score
from core.uncertainty.evidence import Evidence, Source
from core.uncertainty.recipe import (
    LARGEST,
    PIXELS,
    agreement_of_slice,
    agreement_of_study,
    earlier_recipe,
    expected_dice,
    neighbour_dice,
    pairwise_dice,
)
from core.uncertainty.regions import Region

Rule = Callable[[Evidence, range], Score]
"""Score of these slices: one slice, or all of them. Its key is filled in by the table."""

ONE_SAMPLE = "not available: needs at least two samples"
NO_FOREGROUND = "undefined: nothing was found"


def agreement(evidence: Evidence, scope: range) -> Score:
    """The default: see core.uncertainty.recipe."""
    alone = len(scope) == 1
    value, note = agreement_of_slice(evidence, scope.start) if alone else agreement_of_study(evidence)
    return _bounded(value, note)


def earlier(evidence: Evidence, scope: range) -> Score:
    """The rule before the present default, kept for comparison."""
    return _bounded(*earlier_recipe(evidence, scope))


def or_largest(rule: Rule) -> Rule:
    """The same rule, but 1 - the largest foreground probability where nothing was found."""

    def found_or_not(evidence: Evidence, scope: range) -> Score:
        part = evidence.foreground[scope.start : scope.stop]
        if part[:, PIXELS].any():
            return rule(evidence, scope)
        return _bounded(1.0 - float(part[:, LARGEST].max()), "nothing found: 1 - largest probability")

    return found_or_not


def samples_agree(evidence: Evidence, scope: range) -> Score:
    """Pairwise Dice of the samples' masks."""
    value = pairwise_dice(evidence, scope)
    return _score(value, "" if value is not None else ONE_SAMPLE)


def map_expects(evidence: Evidence, scope: range) -> Score:
    """Expected Dice of the mask under the mean probability."""
    value = expected_dice(evidence, scope)
    return _score(value, "" if value is not None else NO_FOREGROUND)


def neighbours_agree(evidence: Evidence, scope: range) -> Score:
    """Dice of the mask with the mean probability of the neighbouring slices."""
    if evidence.slices == 1:
        return _score(None, "not available: a single picture has no neighbours")
    value = neighbour_dice(evidence, scope)
    return _score(value, "" if value is not None else NO_FOREGROUND)


def regional(source: Source, region: Region) -> Rule:
    """Rule: the mean of a confidence map over a region. An empty foreground falls back on the whole image."""

    def rule(evidence: Evidence, scope: range) -> Score:
        value, weight = evidence.mean(source, region, scope)
        if weight > 0:
            return _score(value)
        if region == "foreground":
            whole, _ = evidence.mean(source, "whole", scope)
            return _score(whole, "prediction empty or no wider than its edge: mean over the whole image")
        return _score(None, "undefined: the prediction leaves no such pixel")

    return rule


def suspected(evidence: Evidence, scope: range) -> Score:
    """Mean entropy confidence over the pixels that may hold something; the highest when there are none."""
    total, pixels = evidence.suspected[scope.start : scope.stop].sum(axis=0)
    if pixels == 0:
        return _score(evidence.reduced.maps.predictive_entropy.upper, "no probability above 0.1 anywhere")
    return _score(float(total / pixels))


def sampled(rule: Rule) -> Rule:
    """The same rule, not available with a single sample."""

    def guarded(evidence: Evidence, scope: range) -> Score:
        return rule(evidence, scope) if evidence.reduced.samples > 1 else _score(None, ONE_SAMPLE)

    return guarded


def patch(evidence: Evidence, scope: range) -> Score:
    """Lowest mean entropy confidence of a sliding cube, with its place."""
    found = evidence.patch(scope)
    return Score(key="", value=found.value, slice=found.slice, box=found.box)


def per_volume(evidence: Evidence, scope: range) -> Score:
    """Minus the mean entropy divided by the number of foreground pixels."""
    pixels = evidence.foreground[scope.start : scope.stop, PIXELS].sum()
    if pixels == 0:
        return _score(None, NO_FOREGROUND)
    confidence, _ = evidence.mean("entropy", "whole", scope)
    return _score((confidence - evidence.reduced.maps.predictive_entropy.upper) / float(pixels))


def total(evidence: Evidence, scope: range) -> Score:
    """Minus the sum of the entropy: grows with the image, so never compare it across sizes."""
    confidence, pixels = evidence.mean("entropy", "whole", scope)
    return _score((confidence - evidence.reduced.maps.predictive_entropy.upper) * pixels)


def component_iou(evidence: Evidence, scope: range) -> Score:
    """Mean over the predicted blobs of the IoU of their versions in the samples."""
    return _blobs([evidence.reduced.agreement[z].component_iou for z in scope], evidence, scope)


def component_cv(evidence: Evidence, scope: range) -> Score:
    """Minus the mean over the blobs of the coefficient of variation of their size."""
    variation = [evidence.reduced.agreement[z].component_cv for z in scope]
    return _blobs([None if each is None else -each for each in variation], evidence, scope)


def _blobs(values: list[float | None], evidence: Evidence, scope: range) -> Score:
    counts = [evidence.reduced.agreement[z].components for z in scope]
    known = [(v, c) for v, c in zip(values, counts, strict=True) if v is not None]
    if not known:
        return _score(None, "undefined: no predicted blob of at least two pixels that any sample has")
    means, weights = zip(*known, strict=True)
    return _score(float(np.average(means, weights=weights)))


def _bounded(value: float, note: str) -> Score:
    # Rounding of the stored codes can leave the range by less than one code.
    return _score(min(max(value, 0.0), 1.0), note)


def _score(value: float | None, note: str = "") -> Score:
    return Score(key="", value=None if value is None or math.isnan(value) else value, note=note)
