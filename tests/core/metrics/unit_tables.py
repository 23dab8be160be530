"""Small tables of units for the tests of the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from core.metrics import unit_metrics
from core.types import LabelArray, UnitTable


def unit_table(names: Sequence[str], **columns: Any) -> UnitTable:
    """A table with one patient per unit unless `group` is given, and a reference everywhere."""
    no = np.zeros(len(names), bool)
    given: dict[str, Any] = {
        "title": "made up",
        "task": "classification",
        "level": "case",
        "class_names": (),
        "name": tuple(names),
        "group": tuple(names),
        "case_id": (None,) * len(names),
        "analysis_key": (None,) * len(names),
        "slice": np.full(len(names), -1),
        "pred_empty": no,
        "ref_empty": no,
        "has_ref": ~no,
        "confidence": {},
        "default_confidence": "",
        "metrics": {},
    }
    return UnitTable(**(given | columns))


def segmented(
    units: Sequence[tuple[str, LabelArray, LabelArray]],
    class_names: tuple[str, ...] = ("lesion",),
    spacing_mm: tuple[float, float, float] | None = None,
) -> UnitTable:
    """A table of (patient, predicted labels, reference labels)."""
    rows = [unit_metrics(pred, ref, class_names, spacing_mm) for _, pred, ref in units]
    return unit_table(
        [f"case {index}" for index in range(len(units))],
        task="segmentation",
        class_names=class_names,
        group=tuple(patient for patient, _, _ in units),
        pred_empty=np.array([not pred.any() for _, pred, _ in units]),
        ref_empty=np.array([not ref.any() for _, _, ref in units]),
        metrics={key: np.array([row[key] for row in rows]) for key in rows[0]},
    )
