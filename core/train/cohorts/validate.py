"""Out-of-fold numbers of a model trained on a cohort: each case judged by networks that never saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.config import Frozen
from core.inference import open_predictor
from core.metrics import Interval, bootstrap_mean, dice
from core.models.records import ModelRecord
from core.train.cohorts.data import StudyCohort, label_slices
from core.train.common.curve import Say
from core.train.common.judging import no_progress, plain_estimator
from core.train.common.numbers import BOOTSTRAP_SEED
from core.types import LabelArray
from core.uncertainty import reduce

EVERYTHING = "all classes together"


class ClassRow(Frozen):
    """Dice of one class over cases, at the cases' own size, threshold 0.5 on the mean probability.

    all: both masks empty = 1, one empty = 0. present: cases whose reference holds the class. false_alarms:
    share of the other cases on which it was found; missed: share of the present ones on which it was not.
    Intervals are from drawing patients with replacement.
    """

    name: str
    all: Interval
    present: Interval
    false_alarms: Interval
    missed: Interval


class CohortValidation(Frozen):
    """What a model says about its own cohort, out of fold.

    networks: fewest and most that judged a case. cases: (name, patient, Dice of all classes together), worst
    first.
    """

    model: str
    cohort: str
    networks: tuple[int, int]
    rows: tuple[ClassRow, ...]
    cases: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, eq=False)
class _Judged:
    name: str
    group: str
    label_pred: LabelArray
    label_ref: LabelArray


def validate_on_cohort(record: ModelRecord, cohort: StudyCohort, say: Say = print) -> CohortValidation:
    """Every case through the product's inference, asked of the networks that left its patient out."""
    predictor = open_predictor(record, device="cpu", backend="torch")
    judged: list[_Judged] = []
    counts: list[int] = []
    for name, group, case in cohort.cases:
        unseen = record.members_unseen(group)
        counts.append(len(unseen))
        stream = predictor.stream(
            case.image,
            tuple(range(len(record.channels))),
            plain_estimator(record),
            "validation",
            no_progress,
            unseen,
        )
        found = reduce(stream, case.image.slices, case.image.slice_shape, len(record.class_names))
        judged.append(_Judged(name, group, found.mask_pred, label_slices(case)))
        say(f"{record.id}: judged {len(judged)} of {len(cohort.cases)}")
    names = (*record.class_names, EVERYTHING) if len(record.class_names) > 1 else record.class_names
    whole = [dice(each.label_pred > 0, each.label_ref > 0) for each in judged]
    ranked = sorted(zip(whole, judged, strict=True), key=lambda pair: (pair[0], pair[1].name))
    return CohortValidation(
        model=record.id,
        cohort=cohort.record.name,
        networks=(min(counts), max(counts)),
        rows=tuple(_row(name, index + 1, judged) for index, name in enumerate(names)),
        cases=tuple((each.name, each.group, round(value, 4)) for value, each in ranked),
    )


def _row(name: str, index: int, judged: Sequence[_Judged]) -> ClassRow:
    masks = [
        (each.label_pred > 0, each.label_ref > 0)
        if name == EVERYTHING
        else (each.label_pred == index, each.label_ref == index)
        for each in judged
    ]
    values = [dice(pred, ref) for pred, ref in masks]
    present = np.array([bool(ref.any()) for _, ref in masks])
    found = np.array([bool(pred.any()) for pred, _ in masks], dtype=np.float64)
    groups = np.array([each.group for each in judged])

    def mean(numbers: Sequence[float] | np.ndarray, chosen: np.ndarray) -> Interval:
        return bootstrap_mean(np.asarray(numbers)[chosen], list(groups[chosen]), seed=BOOTSTRAP_SEED)

    return ClassRow(
        name=name,
        all=mean(values, np.ones(len(values), dtype=bool)),
        present=mean(values, present),
        false_alarms=mean(found, ~present),
        missed=mean(1.0 - found, present),
    )
