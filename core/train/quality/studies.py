"""Studies with everything that any detector sees of them, and the truth: out of fold, and of validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.detector import GOOD_DICE, Limits, StackSpace, decide, default_limits, stack_space
from core.detector.quality.scores import Judged, scores_of_slices, scores_of_study
from core.metrics import dice
from core.models.records import ModelRecord
from core.pipeline.case import summaries_of
from core.pipeline.quality import quality_scores
from core.train.data import TrainingSet
from core.train.quality.data import QualityData
from core.train.unseen import JudgedStudy, studies_of
from core.train.validate import Study, as_image
from core.types import BoolArray, Float64Array, Score, SliceSummary
from core.uncertainty import Reduced, score_case


@dataclass(frozen=True, eq=False)
class DetectedStudy:
    """A patient's study: slices and scores as the product keeps them, and the truth.

    dice: (slice,) in [0, 1]; area_ref, area_pred: (slice,) shares of the picture. whole_dice: of all slices
    together. fired: for each slice the rules that fired on it; on_study: those that fired on the whole.
    """

    patient: str
    slices: tuple[SliceSummary, ...]
    scores: tuple[Score, ...]
    dice: Float64Array
    area_ref: Float64Array
    area_pred: Float64Array
    whole_dice: float
    fired: tuple[frozenset[str], ...]
    on_study: frozenset[str]

    @property
    def failed(self) -> BoolArray:
        """(slice,) IoU of at most 0.7."""
        return np.asarray(self.dice <= GOOD_DICE)


def out_of_fold_studies(
    record: ModelRecord, data: QualityData, packed: TrainingSet, honest: Float64Array
) -> tuple[DetectedStudy, ...]:
    """The training patients, each as seen by the members, and judged by the network, that left them out.

    honest: (slice, 2) calibrated answers, of each fold by a fit to the others.
    """
    limits = default_limits(record.rule_limits)
    made = []
    for each in studies_of(data.prob, packed):
        own = data.patient == each.patient
        judged = Judged(honest[own, 0], honest[own, 1], each.mask_pred.mean(axis=(1, 2)))
        count = len(judged.area)
        slices, whole = scores_of_slices(judged, count), scores_of_study(judged)
        made.append(_detected(each, StackSpace(), slices, whole, limits))
    return tuple(made)


def validation_detected(
    record: ModelRecord, pairs: Iterator[tuple[Study, Reduced]]
) -> tuple[DetectedStudy, ...]:
    """The validation patients at native size, through the product's own steps. pairs: study and samples."""
    limits = default_limits(record.rule_limits)
    channels = tuple(range(len(record.channels)))
    made = []
    for study, reduced in pairs:
        image = as_image(study.image, record.channels)
        slices, whole = quality_scores(record, image, channels, reduced.mask_pred)
        judged = JudgedStudy(study.patient, reduced, study.mask_ref)
        made.append(_detected(judged, stack_space(image), slices, whole, limits))
    return tuple(made)


def _detected(
    study: JudgedStudy,
    space: StackSpace,
    slices: Sequence[tuple[Score, ...]],
    whole: tuple[Score, ...],
    limits: Limits,
) -> DetectedStudy:
    pred, ref = study.mask_pred, study.mask_ref
    summaries = summaries_of(study.reduced, space, slices)
    scores = (*score_case(study.reduced), *whole)
    flags = decide(summaries, limits, scores).flags
    return DetectedStudy(
        patient=study.patient,
        slices=summaries,
        scores=scores,
        dice=np.array([dice(p, r) for p, r in zip(pred, ref, strict=True)]),
        area_ref=np.asarray(ref.mean(axis=(1, 2)), np.float64),
        area_pred=np.asarray(pred.mean(axis=(1, 2)), np.float64),
        whole_dice=dice(pred, ref),
        fired=tuple(frozenset(f.rule for f in flags if f.slice == k) for k in range(len(summaries))),
        on_study=frozenset(f.rule for f in flags if f.slice is None),
    )
