"""Units of a patient pooled into one: counts are added up, then the metric is taken."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.metrics.agreement.segmentation import COUNTS, METRICS, VOXEL, class_key, pooled_metrics
from core.metrics.units import Units
from core.types import Float64Array

VOLUMES = ("volume_error_ml", "volume_error_abs_ml")


def pool_patients(units: Units) -> Units:
    """One unit per group, in the order of their names.

    Metrics follow from the summed counts where the table has them; distances, and tables without counts, take
    the mean over the patient's defined units. A patient is empty where all its units are.
    """
    names, index = np.unique(np.asarray(units.group, dtype=np.str_), return_inverse=True)
    metrics = {key: _mean(values, index, names.size) for key, values in units.metrics.items()}
    metrics |= _from_counts(units, index, names.size)
    return Units(
        multilabel=units.multilabel,
        level="patient",
        class_names=units.class_names,
        name=tuple(names.tolist()),
        group=tuple(names.tolist()),
        pred_empty=_sum(~units.pred_empty, index, names.size) == 0,
        ref_empty=_sum(~units.ref_empty, index, names.size) == 0,
        metrics=metrics,
        title=units.title,
    )


def _from_counts(units: Units, index: NDArray[np.intp], patients: int) -> dict[str, Float64Array]:
    classes = units.class_names or ("",)
    needed = [class_key(key, name, classes) for name in classes for key in COUNTS]
    if VOXEL not in units.metrics or not set(needed) <= set(units.metrics):
        return {}
    sums = {key: _sum(units.metrics[key], index, patients) for key in needed}
    # A patient with one case of unknown spacing has no volume: NaN carries through the sum.
    voxel = _sum(units.metrics[VOXEL], index, patients)
    found: dict[str, Float64Array] = dict(sums)
    for name in classes:
        columns = {key: sums[class_key(key, name, classes)] for key in COUNTS}
        found |= {class_key(key, name, classes): each for key, each in _metrics(columns, voxel).items()}
        # Voxels of different cases may differ in size, so volumes are added up, not voxels.
        errors = class_key(VOLUMES[0], name, classes), class_key(VOLUMES[1], name, classes)
        found[errors[0]] = _sum(units.metrics[errors[0]], index, patients)
        found[errors[1]] = np.abs(found[errors[0]])
    if len(classes) > 1:
        for spec in METRICS:
            if spec.pooled == "counts":
                each = [found[class_key(spec.key, name, classes)] for name in classes]
                found[spec.key] = np.mean(each, axis=0)
    return found


def _metrics(columns: Mapping[str, Float64Array], voxel: Float64Array) -> dict[str, Float64Array]:
    rows = [
        pooled_metrics(
            {key: float(values[patient]) for key, values in columns.items()}, float(voxel[patient])
        )
        for patient in range(voxel.size)
    ]
    return {key: np.array([row[key] for row in rows]) for key in rows[0]} if rows else {}


def _sum(values: NDArray[np.generic], index: NDArray[np.intp], patients: int) -> Float64Array:
    return np.bincount(index, weights=values.astype(np.float64), minlength=patients).astype(np.float64)


def _mean(values: Float64Array, index: NDArray[np.intp], patients: int) -> Float64Array:
    known = ~np.isnan(values)
    total = _sum(np.where(known, values, 0.0), index, patients)
    count = _sum(known, index, patients)
    return np.asarray(np.divide(total, count, out=np.full(patients, np.nan), where=count > 0))
