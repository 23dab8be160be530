"""What one item of a run brings into the store: its units, histograms and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.config import Frozen

Origin = Literal["unseen", "out of fold", "in training", "imported"]
"""unseen: no training patient of the model. out of fold: a training patient, judged only by networks that
never saw it. in training: a training patient that every network has seen; its numbers flatter the model."""

WHOLE_CASE = -1
"""`slice` of a unit that is a whole case."""


class UnitResult(Frozen):
    """One unit of an item.

    slice: index, of a slab that of its first slice, or WHOLE_CASE. pred_empty, ref_empty: "predicted
    nothing", "nothing to find" (False for a classification). confidence, metrics: (key, value), NaN where
    undefined. prob, label: one per class of the run, of a classification; None elsewhere; label is all False
    where unknown.
    """

    slice: int = WHOLE_CASE
    pred_empty: bool = False
    ref_empty: bool = False
    has_ref: bool = False
    confidence: tuple[tuple[str, float], ...] = ()
    metrics: tuple[tuple[str, float], ...] = ()
    prob: tuple[float, ...] | None = None
    label: tuple[bool, ...] | None = None


@dataclass(frozen=True, eq=False)
class ItemResult:
    """How one item of a run ended, and what came out.

    problem: why it failed, one sentence for the user, "" when it is done. seconds: wall clock. units: first
    the whole case, then its slices in order, if any. histograms: float32 (slice unit, region, class, 3,
    level), entry k of the k-th slice unit, or a single entry for the whole case, see
    core.metrics.reliability.histogram; None where there is no segmentation.
    """

    analysis_key: str | None = None
    seconds: float = 0.0
    problem: str = ""
    origin: Origin = "unseen"
    units: tuple[UnitResult, ...] = ()
    histograms: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        slices = sum(unit.slice != WHOLE_CASE for unit in self.units)
        if self.histograms is not None and len(self.histograms) not in {1, slices}:
            raise ValueError(f"{len(self.histograms)} histograms for {slices} slices")

    @property
    def failed(self) -> bool:
        """Whether it could not be computed."""
        return bool(self.problem)
