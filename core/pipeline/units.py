"""From one analysed case to its units: what a run keeps of it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from core.types import (
    WHOLE_CASE,
    Analysis,
    Case,
    Classification,
    CohortItem,
    FixedPoint,
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
    item: CohortItem, found: Classification, *, origin: Origin = "unseen", seconds: float = 0.0
) -> ItemResult:
    """The case as one unit: its class probabilities and, where known, its reference classes."""
    label = labels_of(item, found.class_names, multilabel=found.multilabel)
    unit = UnitResult(
        has_ref=label is not None,
        confidence=_values(found.scores),
        prob=tuple(found.prob.tolist()),
        label=label,
    )
    return ItemResult(analysis_key=found.key, seconds=seconds, origin=origin, units=(unit,))


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
