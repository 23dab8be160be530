"""The table of segmentation metrics, and all of them for one unit: a slice, a case, or cases pooled.

One rule for empty masks: both empty = 1 and counted apart, one empty = 0; distances to nothing are undefined
(NaN). Most metrics follow from a few counts per class, which are kept with the unit, so that the slices and
cases of a patient can be pooled later; distances cannot be pooled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.metrics.agreement.boundary import (
    TOLERANCE_MM,
    TOLERANCE_PX,
    Hits,
    boundary_score,
    disk_mm,
    disk_px,
    pooled_hits,
)
from core.metrics.agreement.distances import hd95
from core.metrics.agreement.overlap import Counts, counts_of, dice_of, jaccard_of
from core.types import BoolArray, LabelArray

METRICS_RELOADED = "Maier-Hein et al. 2024, doi:10.1038/s41592-023-02151-z"
BOTH_EMPTY = "both masks empty: 1; one empty: 0"
VOXEL = "voxel_ml"
"""Column with the volume of one voxel in ml, NaN where the spacing is unknown."""

COUNTS = (
    "n_both",
    "n_pred",
    "n_ref",
    "n_hit_pred",
    "n_edge_pred",
    "n_hit_ref",
    "n_edge_ref",
    "n_mm_pred",
    "n_mm_ref",
)
"""Columns that add up: voxels in both masks, in each, boundary hits at 2 px, boundaries, hits at 2 mm."""


@dataclass(frozen=True)
class MetricSpec:
    """One metric. direction: which values are good. low, high: bounds, None where there is none.

    needs: "spacing" = only with a known voxel size, "no spacing" = only without. pooled: how the value of a
    patient comes from several cases. undefined: when it is NaN, and what empty masks give.
    """

    key: str
    label: str
    unit: str
    direction: Literal["higher", "lower", "zero"]
    low: float | None
    high: float | None
    help: str
    undefined: str
    source: str = METRICS_RELOADED
    needs: Literal["", "spacing", "no spacing"] = ""
    pooled: Literal["counts", "mean"] = "counts"


METRICS: tuple[MetricSpec, ...] = (
    MetricSpec(
        "dice", "Dice", "", "higher", 0.0, 1.0,
        "Twice the common area divided by the sum of both areas.", BOTH_EMPTY,
        source="Dice 1945, doi:10.2307/1932409",
    ),
    MetricSpec(
        "jaccard", "Jaccard", "", "higher", 0.0, 1.0,
        "The common area divided by the area that either covers.", BOTH_EMPTY,
        source="Jaccard 1912, doi:10.1111/j.1469-8137.1912.tb05611.x",
    ),
    MetricSpec(
        "boundary_f1_2px", "Boundary F1 at 2 px", "", "higher", 0.0, 1.0,
        "How much of each outline lies within 2 pixels of the other, slice by slice.", BOTH_EMPTY,
        source="Csurka et al. 2013, doi:10.5244/C.27.32",
    ),
    MetricSpec(
        "boundary_f1_mm", "Boundary F1 at 2 mm", "", "higher", 0.0, 1.0,
        "How much of each outline lies within 2 mm of the other, slice by slice.",
        f"{BOTH_EMPTY}; unknown spacing: undefined",
        source="Csurka et al. 2013, doi:10.5244/C.27.32", needs="spacing",
    ),
    MetricSpec(
        "hd95_mm", "HD95", "mm", "lower", 0.0, None,
        "Larger of the two directed 95th percentiles of the distances between the surfaces.",
        "a mask empty, or unknown spacing: undefined", needs="spacing", pooled="mean",
    ),
    MetricSpec(
        "hd95_px", "HD95", "px", "lower", 0.0, None,
        "As HD95 in mm, in pixels where the spacing is unknown; the next slice counts as one pixel away.",
        "a mask empty, or known spacing: undefined", needs="no spacing", pooled="mean",
    ),
    MetricSpec(
        "volume_error_ml", "Volume error", "ml", "zero", None, None,
        "Predicted minus reference volume; above 0 too much was predicted.",
        "unknown spacing: undefined; both empty: 0", needs="spacing",
    ),
    MetricSpec(
        "volume_error_abs_ml", "Absolute volume error", "ml", "lower", 0.0, None,
        "Size of the volume error, whatever its sign.", "unknown spacing: undefined; both empty: 0",
        needs="spacing",
    ),
    MetricSpec(
        "volume_error_rel", "Relative volume error", "", "zero", -1.0, None,
        "Predicted minus reference volume, divided by the reference volume.",
        "both empty: 0; only the reference empty: undefined",
    ),
    MetricSpec(
        "volume_error_abs_rel", "Absolute relative volume error", "", "lower", 0.0, None,
        "Size of the relative volume error, whatever its sign.",
        "both empty: 0; only the reference empty: undefined",
    ),
    MetricSpec(
        "sensitivity", "Sensitivity", "", "higher", 0.0, 1.0,
        "Share of the reference that was found.", BOTH_EMPTY,
    ),
    MetricSpec(
        "precision", "Precision", "", "higher", 0.0, 1.0,
        "Share of the prediction that is right.", BOTH_EMPTY,
    ),
)  # fmt: skip


def unit_metrics(
    labels_pred: LabelArray,
    labels_ref: LabelArray,
    class_names: Sequence[str],
    spacing_mm: tuple[float, float, float] | None,
) -> dict[str, float]:
    """All metrics of one unit, and the counts they can be pooled from; the same keys for every unit.

    labels_pred, labels_ref: uint8 (slice, row, column), 0 = background, k = k-th of `class_names`; one slice
    or many. spacing_mm: distance of neighbouring (slices, rows, columns), None when unknown. Keys are "dice"
    and so on for one class. With several, "dice:<class>" for each and "dice" for their mean, which is
    undefined when one of them is; counts are per class only. Raises ValueError when the arrays do not fit.

    >>> both = np.ones((1, 2, 2), np.uint8)
    >>> unit_metrics(both, both, ("lesion",), (1.0, 1.0, 1.0))["volume_error_ml"]
    0.0
    """
    _check(labels_pred, labels_ref, class_names)
    voxel_ml = math.prod(spacing_mm) / 1000.0 if spacing_mm else math.nan
    found: dict[str, float] = {}
    for index, name in enumerate(class_names, 1):
        each = class_metrics(labels_pred == index, labels_ref == index, spacing_mm)
        found |= {class_key(key, name, class_names): value for key, value in each.items()}
    return {**_means(found, class_names), **found, VOXEL: voxel_ml}


def class_metrics(
    mask_pred: BoolArray, mask_ref: BoolArray, spacing_mm: tuple[float, float, float] | None
) -> dict[str, float]:
    """Metrics and counts of one class; masks (slice, row, column)."""
    counts = counts_of(mask_pred, mask_ref)
    near = pooled_hits(mask_pred, mask_ref, disk_px(TOLERANCE_PX))
    near_mm = pooled_hits(mask_pred, mask_ref, disk_mm(TOLERANCE_MM, spacing_mm[1:])) if spacing_mm else None
    distance = hd95(mask_pred, mask_ref, spacing_mm)
    sums = (*counts, *near, near_mm.hit_pred if near_mm else 0, near_mm.hit_ref if near_mm else 0)
    columns = dict(zip(COUNTS, map(float, sums), strict=True))
    return {
        **pooled_metrics(columns, math.prod(spacing_mm) / 1000.0 if spacing_mm else math.nan),
        "hd95_mm": distance if spacing_mm else math.nan,
        "hd95_px": math.nan if spacing_mm else distance,
        **columns,
    }


def pooled_metrics(columns: Mapping[str, float], voxel_ml: float) -> dict[str, float]:
    """Every metric that follows from counts. columns: a value for each of COUNTS. voxel_ml: NaN = unknown."""
    counts = Counts(*(int(columns[key]) for key in COUNTS[:3]))
    near = Hits(*(int(columns[key]) for key in COUNTS[3:7]))
    near_mm = near._replace(hit_pred=int(columns["n_mm_pred"]), hit_ref=int(columns["n_mm_ref"]))
    known = not math.isnan(voxel_ml)
    error = counts.pred - counts.ref
    relative = _share(error, counts.ref, empty=0.0) if counts.ref or not counts.pred else math.nan
    return {
        "dice": dice_of(counts),
        "jaccard": jaccard_of(counts),
        "boundary_f1_2px": boundary_score(near),
        "boundary_f1_mm": boundary_score(near_mm) if known else math.nan,
        "volume_error_ml": error * voxel_ml,
        "volume_error_abs_ml": abs(error) * voxel_ml,
        "volume_error_rel": relative,
        "volume_error_abs_rel": abs(relative),
        "sensitivity": _share(counts.both, counts.ref, empty=float(counts.pred == 0)),
        "precision": _share(counts.both, counts.pred, empty=float(counts.ref == 0)),
    }


def class_key(key: str, class_name: str, class_names: Sequence[str]) -> str:
    """Column of a metric or count for one class; the plain key where there is only one class.

    >>> class_key("dice", "core", ("core", "edema"))
    'dice:core'
    """
    return key if len(class_names) == 1 else f"{key}:{class_name}"


def _means(found: Mapping[str, float], class_names: Sequence[str]) -> dict[str, float]:
    if len(class_names) == 1:
        return {}
    return {
        spec.key: sum(found[class_key(spec.key, name, class_names)] for name in class_names)
        / len(class_names)
        for spec in METRICS
    }


def _share(part: int, whole: int, *, empty: float) -> float:
    return part / whole if whole else empty


def _check(labels_pred: LabelArray, labels_ref: LabelArray, class_names: Sequence[str]) -> None:
    if labels_pred.shape != labels_ref.shape or labels_pred.ndim != 3:
        raise ValueError(f"labels of shape {labels_pred.shape} and {labels_ref.shape}; expected equal, 3-D")
    if not class_names or len(set(class_names)) < len(class_names):
        raise ValueError(f"class names {tuple(class_names)}; expected at least one, all different")
    highest = max(int(np.max(labels, initial=0)) for labels in (labels_pred, labels_ref))
    if highest > len(class_names):
        raise ValueError(f"label {highest} but only {len(class_names)} class names")
