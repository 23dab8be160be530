"""Many cases: cohorts, runs over them, what came out unit by unit, and the operating points chosen on that.

A unit is what one mean counts once: a whole case, one slice of it, or a slab of neighbouring slices.
Groups are patients; splits and intervals go by group, never by unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.config import AnalysisConfig, Frozen
from core.types.arrays import BoolArray, Float64Array

Task = Literal["segmentation", "classification", "multilabel"]
"""multilabel: several findings may be present at once (sigmoid per class)."""

Level = Literal["slice", "slab", "case"]
"""slab: neighbouring slices that a bag model judges together."""

Region = Literal["image", "prediction", "union", "boundary"]
"""Where calibration is judged: every pixel, predicted foreground, prediction or reference, boundary band."""

CALIBRATION_REGIONS: tuple[Region, ...] = ("image", "prediction", "union", "boundary")


class Refusal(Frozen):
    """A file or row that was left out, and why, in one sentence for the user. name is untrusted text."""

    name: str
    sentence: str


class CohortItem(Frozen):
    """One case of a cohort.

    case_id: of the stored case; None for a row of a table that came without an image. name: untrusted text,
    unique in the cohort. group: pseudonym of the patient; the name where nothing else is known. labels:
    reference classes by name (one for classification, any number for multilabel), None when unknown.
    """

    position: int = Field(ge=0)
    case_id: str | None
    name: str
    group: str
    labels: tuple[str, ...] | None = None


class CohortRecord(Frozen):
    """A named set of cases. id: digest of its items, so the same files make the same cohort."""

    id: str
    name: str
    task: Task
    layout: str
    class_names: tuple[str, ...]
    items: int
    groups: int
    refused: tuple[Refusal, ...] = ()
    created_utc: str = ""


class RunRecord(Frozen):
    """One model and estimator over one cohort, or predictions that were made elsewhere.

    config: None for imported predictions. class_names: foreground classes of a segmentation, all classes of
    a classification. done, failed: items so far; it is complete when they add up to `items`. out_of_fold:
    done items of training patients, judged only by networks that never saw them; in_training: done items of
    training patients that every network has seen. parts: whether units smaller than a case are kept.
    """

    id: str
    cohort_id: str
    title: str
    source: Literal["model", "imported"]
    task: Task
    class_names: tuple[str, ...]
    config: AnalysisConfig | None
    items: int
    done: int = 0
    failed: int = 0
    out_of_fold: int = 0
    in_training: int = 0
    parts: bool = False
    created_utc: str = ""

    @property
    def levels(self) -> tuple[Level, ...]:
        """What one mean may count once, the one to prefer first: whole cases, and what they fall into.

        Of a bag model its slabs come first: in a cohort of patients every volume may hold what is looked
        for, so that volumes cannot show whether the model tells anything apart.
        """
        if not self.parts:
            return ("case",)
        return ("case", "slice") if self.task == "segmentation" else ("slab", "case")

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of its numbers has to know, in plain sentences."""
        fold, seen = self.out_of_fold, self.in_training
        notes = []
        if fold:
            notes.append(
                f"{fold} of {self.done} cases belong to patients that the model was trained on; they were "
                "judged only by networks that never saw them"
            )
        if seen:
            notes.append(
                f"{seen} of {self.done} cases belong to patients that every network of the model has seen "
                "in training; their numbers flatter the model"
            )
        return tuple(notes)

    @property
    def complete(self) -> bool:
        """Whether every item was computed or failed."""
        return self.done + self.failed == self.items


class RunFailure(Frozen):
    """An item that could not be computed, and why."""

    position: int
    name: str
    sentence: str


@dataclass(frozen=True, eq=False)
class UnitTable:
    """What came out of a run, column by column: entry k of every column belongs to unit k.

    case_id, analysis_key: None where no image or no analysis is kept. slice: index, of a slab that of its
    first slice, -1 for a whole case. pred_empty, ref_empty: "predicted nothing", "nothing to find" (all False
    for classification). has_ref: whether there is a reference. confidence, metrics: (unit,) float64 by key of
    their tables, NaN where undefined. prob: (unit, class) probabilities of a classification, None for a
    segmentation or a bare table. label: (unit, class) bool, the reference classes, all False where unknown;
    None with prob. histograms: (unit, region, class, 3, level) of a segmentation, see
    core.metrics.reliability.histogram; None elsewhere.
    """

    title: str
    task: Task
    level: Level
    class_names: tuple[str, ...]
    name: tuple[str, ...]
    group: tuple[str, ...]
    case_id: tuple[str | None, ...]
    analysis_key: tuple[str | None, ...]
    slice: NDArray[np.int64]
    pred_empty: BoolArray
    ref_empty: BoolArray
    has_ref: BoolArray
    confidence: Mapping[str, Float64Array]
    default_confidence: str
    metrics: Mapping[str, Float64Array]
    prob: Float64Array | None = None
    label: BoolArray | None = None
    histograms: NDArray[np.float32] | None = None

    @property
    def units(self) -> int:
        """How many units it holds."""
        return len(self.name)


class RiskConventions(Frozen):
    """What counts as risk, and of which units. Part of every curve, operating point and export.

    level: what one mean counts once. risk: "continuous" = 1 - Dice, "failure" = 1 where Dice < failure_below;
    a classification is always right (0) or wrong (1). empty: "counted" = both empty is Dice 1 and counted;
    "left out" = units where both are empty are left out; "prediction left out" = units with an empty
    prediction are left out.
    """

    level: Level = "case"
    risk: Literal["continuous", "failure"] = "continuous"
    failure_below: float = Field(default=14 / 17, gt=0.0, le=1.0)
    empty: Literal["counted", "left out", "prediction left out"] = "counted"


class Estimate(Frozen):
    """A value with its interval; None where undefined or with too few groups for an interval."""

    value: float | None
    low: float | None = None
    high: float | None = None


class OperatingPoint(Frozen):
    """A saved threshold: cases whose confidence lies below it are to be reviewed.

    id: digest of all that defines it. version: counts up for a name. model_id, estimator: what it may be
    applied to (None for imported predictions). score: key of the confidence. target: what was asked for and
    its value. coverage, selective_risk, undetected: on the reporting half, with intervals; undetected is the
    expected number of failures among accepted cases per 100 cases. bound: upper confidence bound of the risk
    among accepted cases, None when not possible. n_fit, n_report: units the threshold was chosen on and
    reported on; groups likewise.
    """

    id: str
    name: str
    version: int = Field(ge=1)
    run_id: str | None
    cohort_id: str | None
    cohort_name: str
    model_id: str | None
    estimator: str | None
    score: str
    threshold: float
    target: Literal["risk", "coverage"]
    target_value: float
    conventions: RiskConventions
    coverage: Estimate
    selective_risk: Estimate
    undetected: Estimate
    bound: float | None
    bound_level: float | None
    n_fit: int
    n_report: int
    groups_fit: int
    groups_report: int
    created_utc: str = ""

    @property
    def label(self) -> str:
        """Name and version, as the verdict and the exports call it."""
        return f"{self.name} v{self.version}"
