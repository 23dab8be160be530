"""How well the quality network and every other detector see failures.

The limit of the rule, the way a study is scored, the calibration and the learned combinations come from the
50 training patients out of fold. The validation patients are read for the report only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.detector import GOOD_DICE, QUALITY_DICE, default_limits, rule_spec
from core.detector.quality.network import SIZE
from core.detector.quality.networks import QualityNetworks, doubt_maps
from core.errors import ModelProblem
from core.inference import open_predictor
from core.models.preprocess import apply_range, fit_slice, intensity_range
from core.models.records import ModelRecord
from core.pipeline.quality import outline, quality_networks
from core.train.common.curve import Say
from core.train.common.judging import no_progress, plain_estimator
from core.train.data import FLAIR, TrainingSet
from core.train.quality.calibrate import cross_calibrated
from core.train.quality.data import QualityData
from core.train.quality.detectors import (
    DEFAULT_SCORE,
    LEARNED,
    LEARNED_ALL,
    NETWORK_RULE,
    Detector,
    Fitted,
    Slices,
    by_default,
    detectors,
    learn,
    precisions,
    slices_of,
)
from core.train.quality.maps import FailedSlice, failed_slices, place_rows
from core.train.quality.numbers import (
    detector_row,
    difference,
    draws_of,
    network_numbers,
)
from core.train.quality.real import kind_rows, real_failures
from core.train.quality.records import Evaluation, LimitRow, QualityReport
from core.train.quality.studies import DetectedStudy, out_of_fold_studies, validation_detected
from core.train.quality.synthetic import DrawnStudy, failure_rows, reference_alarms
from core.train.quality.train import folds_of, found_of, truth_of, unseen_logits
from core.train.quality.whole import study_table
from core.train.validate import Study, as_image, read_studies
from core.types import BoolArray
from core.uncertainty import Reduced, reduce

GOOD_BELOW = 0.01
"""Of the good slices out of fold at most this share lies below the limit of the rule."""
COMBINATIONS = {LEARNED: False, LEARNED_ALL: True}
"""Learned combinations, and whether they see the confidence scores too."""
TRIED = (0.005, 0.01, 0.02, 0.05, 0.1)
"""Shares of good slices among which the limit was chosen."""


def quality_report(
    record: ModelRecord, data: QualityData, packed: TrainingSet, folder: Path, say: Say
) -> QualityReport:
    """Everything that QUALITY.md says. folder: with the validation patients in `lgg/tif`.

    Raises ModelProblem for a model without a quality network.
    """
    networks = quality_networks(record, None)
    if networks is None or record.quality is None:
        raise ModelProblem(
            "The model has no quality network",
            file=record.id,
            found="none",
            expected="one",
            fix="leave out --no-fit",
        )
    say("Out of fold: scores and rules")
    fold = folds_of(record, data)
    honest = cross_calibrated(unseen_logits(networks, data, fold), found_of(data), truth_of(data), fold)
    trained = out_of_fold_studies(record, data, packed, honest)
    slices = slices_of(trained)
    say("Out of fold: detectors")
    known = detectors(slices, _cross_fitted(slices, fold))
    say("Validation patients")
    held = tuple(_reduced(record, folder))
    judged = validation_detected(record, iter(held))
    other = slices_of(judged)
    found = detectors(other, _fitted_on(slices, other))
    say("Synthetic failures")
    limits = default_limits(record.rule_limits)
    drawn = [_drawn(study) for study, _ in held]
    rules, network = reference_alarms(drawn, networks, limits)
    return QualityReport(
        model=record.id,
        networks=len(networks.nets),
        parameters=sum(each.numel() for each in networks.nets[0].parameters()),
        file_bytes=(record.folder / record.quality.file).stat().st_size,
        limit=rule_spec(NETWORK_RULE).limit,
        limits=tuple(_limit_row(slices, trained, share) for share in TRIED),
        out_of_fold=_evaluation(trained, slices, known, _places_unseen(networks, data, fold)),
        validation=_evaluation(judged, other, found, _places_held(networks, held, drawn)),
        synthetic=failure_rows(drawn, networks, limits),
        reference_rules=rules,
        reference_network=network,
    )


def limit_for(slices: Slices, share: float) -> float:
    """The highest limit, in hundredths, below which at most this share of the good slices lies."""
    good = np.sort(slices.quality[~slices.failed])
    return float(np.floor(100.0 * good[int(share * len(good))]) / 100.0)


def _limit_row(slices: Slices, studies: Sequence[DetectedStudy], share: float) -> LimitRow:
    limit = limit_for(slices, share)
    below = (slices.quality < limit) & ~slices.thin
    either = below | slices.by_rules
    flagged = np.array([bool(below[slices.patient == each.patient].any()) for each in studies])
    lost = np.array([each.whole_dice <= GOOD_DICE for each in studies])
    return LimitRow(
        share=share,
        limit=limit,
        caught=share_of(below, slices.failed),
        caught_with_rules=share_of(either, slices.failed),
        false_alarms_with_rules=share_of(either, ~slices.failed),
        failed_studies=share_of(flagged, lost),
        good_studies=share_of(flagged, ~lost),
    )


def share_of(marked: BoolArray, among: BoolArray) -> float:
    """Share of the units `among` that are marked; NaN where there is none."""
    return float(marked[among].mean()) if among.any() else float("nan")


def _default_alarms(slices: Slices) -> float:
    """Share of good slices on which rules or network raise an alarm: what a combination may cost too."""
    either = slices.by_rules | slices.fired[NETWORK_RULE]
    return share_of(either, ~slices.failed)


def _cross_fitted(slices: Slices, fold: NDArray[np.int64]) -> Fitted:
    """For each fold of patients what was fitted on the others; all folds are ranked together."""
    default = np.zeros(len(fold))
    learned = {key: (np.zeros(len(fold)), np.zeros(len(fold), np.bool_)) for key in COMBINATIONS}
    for each in np.unique(fold):
        own = fold == each
        default[own] = by_default(slices, precisions(slices, ~own))[own]
        for key, all_scores in COMBINATIONS.items():
            model = learn(slices, _default_alarms(slices), all_scores, ~own)
            rank = model.rank(slices)[own]
            learned[key][0][own], learned[key][1][own] = rank, rank > model.threshold
    return Fitted(default, learned)


def _fitted_on(known: Slices, other: Slices) -> Fitted:
    learned = {}
    for key, all_scores in COMBINATIONS.items():
        model = learn(known, _default_alarms(known), all_scores)
        rank = model.rank(other)
        learned[key] = rank, rank > model.threshold
    return Fitted(by_default(other, precisions(known)), learned)


def _evaluation(
    studies: tuple[DetectedStudy, ...],
    slices: Slices,
    found: tuple[Detector, ...],
    failed: Sequence[FailedSlice],
) -> Evaluation:
    draws = draws_of(slices)
    by_key = {each.key: each for each in found}
    pairs = [(key, DEFAULT_SCORE) for key in ("network", "default", LEARNED, LEARNED_ALL)]
    pairs += [("default", "rules"), (LEARNED, "rules"), ("default", "network")]
    failures = real_failures(studies)
    return Evaluation(
        patients=len(studies),
        slices=len(slices.failed),
        failed=int(slices.failed.sum()),
        empty=int(slices.empty.sum()),
        missed=int((slices.failed & slices.empty).sum()),
        thin=int(slices.thin.sum()),
        thin_failed=int((slices.thin & slices.failed).sum()),
        good_studies=sum(each.whole_dice > GOOD_DICE for each in studies),
        flawless=sum(each.whole_dice > GOOD_DICE and not each.failed.any() for each in studies),
        rows=tuple(detector_row(each, slices, draws) for each in found),
        differences=tuple(difference(by_key[a], by_key[b], slices, draws) for a, b in pairs),
        network=network_numbers(slices, slices.confidence[QUALITY_DICE.key], draws),
        studies=study_table(studies),
        kinds=kind_rows(failures),
        failures=failures,
        places=place_rows(failed),
    )


def _places_unseen(
    networks: QualityNetworks, data: QualityData, fold: NDArray[np.int64]
) -> list[FailedSlice]:
    """The failed training slices, each with the map of the network that left its patient out."""
    made: list[FailedSlice] = []
    for name, samples in data.prob.items():
        own = data.patient == name
        pred = data.candidates[0][own]
        doubt = doubt_maps(networks.unseen((int(fold[own][0]),)), data.flair[own], pred)
        prob = np.asarray(np.mean(samples, axis=0), np.float32)
        made += failed_slices(name, pred, data.mask_ref[own], doubt, prob)
    return made


def _places_held(
    networks: QualityNetworks, held: Sequence[tuple[Study, Reduced]], drawn: Sequence[DrawnStudy]
) -> list[FailedSlice]:
    made: list[FailedSlice] = []
    for (study, reduced), each in zip(held, drawn, strict=True):
        pred = np.stack([outline(mask) for mask in reduced.mask_pred])
        doubt = doubt_maps(networks, each.flair, pred)
        prob = np.stack([fit_slice(plane[None], SIZE)[0] for plane in reduced.prob.values[0]])
        made += failed_slices(study.patient, pred, each.mask_ref, doubt, prob)
    return made


def _reduced(record: ModelRecord, folder: Path) -> Iterator[tuple[Study, Reduced]]:
    predictor = open_predictor(record, device="cpu")
    channels = tuple(range(len(record.channels)))
    for study in read_studies(folder):
        image = as_image(study.image, record.channels)
        stream = predictor.stream(image, channels, plain_estimator(record), "validation", no_progress)
        yield study, reduce(stream, image.slices, image.slice_shape)


def _drawn(study: Study) -> DrawnStudy:
    values = study.image[FLAIR]
    limits = intensity_range(values)
    flair = np.stack([fit_slice(apply_range(plane, limits)[None], SIZE)[0] for plane in values])
    return DrawnStudy(study.patient, flair, np.stack([outline(each) for each in study.mask_ref]))
