"""From one analysed case to its units: what a run keeps of it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from core.pipeline.classify import bag_scores
from core.types import (
    WHOLE_CASE,
    Analysis,
    BoolArray,
    Case,
    Classification,
    CohortItem,
    FixedPoint,
    Float64Array,
    ItemResult,
    LabelArray,
    Origin,
    Score,
    UnitResult,
)


def segmentation_item(
    case: Case, analysis: Analysis, *, origin: Origin = "unseen", seconds: float = 0.0
) -> ItemResult:
    """The whole case and each of its slices, with the histograms of the slices where there is a reference."""
    from core.metrics.reliability.histogram import unit_histogram

    pred, ref = analysis.mask_pred, labels_ref(case, len(analysis.class_names))
    whole = _segmentation_unit(case, analysis, WHOLE_CASE, pred, ref, analysis.scores)
    slices = [
        _segmentation_unit(
            case, analysis, k, pred[k : k + 1], None if ref is None else ref[k : k + 1], each.scores
        )
        for k, each in enumerate(analysis.slices)
    ]
    histograms = None
    if ref is not None:
        prob = analysis.prob
        each_slice = [
            unit_histogram(FixedPoint(prob.codes[:, k : k + 1], prob.upper), pred[k : k + 1], ref[k : k + 1])
            for k in range(len(pred))
        ]
        histograms = np.stack(each_slice)
    return ItemResult(
        analysis_key=analysis.key,
        seconds=seconds,
        origin=origin,
        units=(whole, *slices),
        histograms=histograms,
    )


def classification_item(
    item: CohortItem,
    found: Classification,
    *,
    marked: BoolArray | None = None,
    origin: Origin = "unseen",
    seconds: float = 0.0,
) -> ItemResult:
    """The case as a unit, and each of its bags: class probabilities and, where known, reference classes.

    marked: (slice,) whether a person marked anything on it, where that says which class a bag has; None
    elsewhere. A class that the cohort names for the case goes before it.
    """
    label = labels_of(item, found.class_names, multilabel=found.multilabel) or _marked(marked, slice(None))
    whole = _class_unit(found.prob, found.scores, label)
    bags = [
        _class_unit(
            bag.prob.mean(axis=0),
            bag_scores(found, bag),
            label if len(found.bags) == 1 else _marked(marked, list(bag.slices)),
            bag.slices[0],
        )
        for bag in found.bags
    ]
    return ItemResult(analysis_key=found.key, seconds=seconds, origin=origin, units=(whole, *bags))


def _class_unit(
    prob: Float64Array, scores: Iterable[Score], label: tuple[bool, ...] | None, index: int = WHOLE_CASE
) -> UnitResult:
    return UnitResult(
        slice=index,
        has_ref=label is not None,
        confidence=_values(scores),
        prob=tuple(prob.tolist()),
        label=label,
    )


def _marked(marked: BoolArray | None, slices: slice | list[int]) -> tuple[bool, bool] | None:
    """Which of two classes slices have: the second one where any of them is marked."""
    if marked is None:
        return None
    there = bool(marked[slices].any())
    return not there, there


def marked_slices(case: Case) -> BoolArray | None:
    """(slice,) whether the reference marks anything on each slice; None without a reference."""
    return None if case.reference is None else np.asarray(case.reference.mask_ref.any(axis=(1, 2)))


def labels_ref(case: Case, classes: int) -> LabelArray | None:
    """uint8 (slice, row, column), 0 = background and k = k-th class; None when there is no such reference.

    A model with one foreground class is judged on inside and outside; one with several needs a reference
    that tells them apart.
    """
    reference = case.reference
    if reference is None:
        return None
    return reference.mask_ref.astype(np.uint8) if classes == 1 else reference.labels


def labels_of(item: CohortItem, class_names: tuple[str, ...], *, multilabel: bool) -> tuple[bool, ...] | None:
    """Which classes are present; None when that is unknown or no class of the model is meant."""
    if item.labels is None:
        return None
    label = tuple(name in item.labels for name in class_names)
    return label if multilabel or sum(label) == 1 else None


def _segmentation_unit(
    case: Case,
    analysis: Analysis,
    index: int,
    pred: LabelArray,
    ref: LabelArray | None,
    scores: Iterable[Score],
) -> UnitResult:
    from core.metrics.evaluation import unit_metrics

    metrics = (
        {} if ref is None else unit_metrics(pred, ref, analysis.class_names, case.image.geometry.spacing_mm)
    )
    return UnitResult(
        slice=index,
        pred_empty=not pred.any(),
        ref_empty=ref is not None and not ref.any(),
        has_ref=ref is not None,
        confidence=_values(scores),
        metrics=tuple(metrics.items()),
    )


def _values(scores: Iterable[Score]) -> tuple[tuple[str, float], ...]:
    return tuple((each.key, math.nan if each.value is None else each.value) for each in scores)
