"""The part of a table of units that an evaluation needs, and patients in the same form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.metrics.evaluation_records import UnitOfMean
from core.types import BoolArray, Float64Array, UnitTable


@dataclass(frozen=True, eq=False)
class Units:
    """Units that have a reference; arrays (unit,), prob and label (unit, class) or None."""

    multilabel: bool
    level: UnitOfMean
    class_names: tuple[str, ...]
    name: tuple[str, ...]
    group: tuple[str, ...]
    pred_empty: BoolArray
    ref_empty: BoolArray
    metrics: Mapping[str, Float64Array]
    prob: Float64Array | None = None
    label: BoolArray | None = None
    title: str = ""


def with_reference(table: UnitTable) -> tuple[Units, int]:
    """The units that have a reference, and how many have none."""
    keep = np.flatnonzero(table.has_ref)
    units = Units(
        multilabel=table.task == "multilabel",
        level=table.level,
        class_names=table.class_names,
        name=tuple(table.name[index] for index in keep),
        group=tuple(table.group[index] for index in keep),
        pred_empty=table.pred_empty[keep],
        ref_empty=table.ref_empty[keep],
        metrics={key: values[keep] for key, values in table.metrics.items()},
        prob=None if table.prob is None else table.prob[keep],
        label=None if table.label is None else table.label[keep],
        title=table.title,
    )
    return units, table.units - keep.size
