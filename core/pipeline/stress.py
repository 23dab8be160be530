"""One case made worse on purpose: its picture, what the model says of it, and what a sweep keeps of that.

Nothing is written to the store here. Dropout masks are seeded by the clean picture, so that along the
severities of a case only the picture changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.config import AnalysisConfig, CorruptionConfig
from core.corruptions import corrupt, support, unmove
from core.pipeline.case import (
    compute_analysis,
    made_by_of,
    outcome_of,
    silent,
    voxel_digest,
    with_channels,
)
from core.pipeline.classify import ClassOutcome, class_outcome_of, compute_classification
from core.pipeline.predictors import open_model
from core.pipeline.results import Result
from core.pipeline.units import classification_item, segmentation_item
from core.types import (
    WHOLE_CASE,
    Analysis,
    BoolArray,
    Case,
    CohortItem,
    Corrupted,
    Float32Array,
    Image,
    ItemResult,
    Limits,
    Measure,
    Move,
    Origin,
    Progress,
    Reference,
    UnitResult,
)

if TYPE_CHECKING:
    from core.inference import Predictor
    from core.store import Store

DAMAGE, CLIPPED, LOST = "damage", "clipped_share", "ref_lost_share"
"""Metrics of a stressed unit beside those of every unit: how much the picture changed, the largest share of
values cut at an end of their range, and the share of the reference that left the frame."""

MEASURE = "measure."
"""What the shape measures of a stressed unit begin with, so that it can be decided again from the store."""


@dataclass(frozen=True, eq=False)
class Stressed:
    """A case under corruption.

    case: as it is. shown: with the corrupted picture, turned back where it was moved, and the part of the
    reference that never left the frame. lost_share: of the reference that did, None without one. result: of
    the model on the corrupted picture, in the place of the clean one. seconds: wall clock.
    """

    case: Case
    shown: Case
    corrupted: Corrupted
    lost_share: float | None
    result: Result
    seconds: float


def stress(
    store: Store,
    case: Case,
    config: AnalysisConfig,
    *,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> Stressed:
    """The model's answer for a case under `config.corruption`; without steps that for the clean picture.

    A picture that is moved is judged where it was: every sampled probability map is turned back before it is
    reduced, and what left the frame counts neither as found nor as missed. Raises SettingsProblem for a
    corruption that is unknown or makes no sense for the picture, ModelProblem when the model cannot do what
    the settings ask, and Cancelled when `progress` says so.
    """
    started = time.perf_counter()
    progress(0.0, "Opening the model")
    predictor = open_model(store, config)
    chosen = with_channels(config, case, predictor.record.channels)
    seed_key = voxel_digest(case.image)
    corrupted = corrupted_picture(case, chosen, predictor, seed_key)
    shown, lost_share = _shown(case, corrupted)
    worse = replace(case, image=corrupted.image)
    result: Result
    if predictor.record.task == "segmentation":
        made_by = made_by_of(case, chosen, predictor)
        undo = None if corrupted.move is None else _undo(corrupted.move, case.image.slice_shape)
        analysis = compute_analysis(worse, predictor, made_by, progress, seed_key=seed_key, undo=undo)
        result = outcome_of(store, shown, analysis, limits, False, time.perf_counter() - started)
    else:
        found = compute_classification(worse, chosen, predictor, progress, seed_key=seed_key)
        result = class_outcome_of(store, shown, found, limits, False, time.perf_counter() - started)
    return Stressed(case, shown, corrupted, lost_share, result, time.perf_counter() - started)


def corrupted_picture(
    case: Case, config: AnalysisConfig, predictor: Predictor, seed_key: str | None = None
) -> Corrupted:
    """The picture of a case after the steps of `config.corruption`; no network is asked but by an attack.

    config: with its channels chosen. seed_key: of the clean picture's voxels, None: computed here.
    """

    def attack(image: Image, kind: str, bound_share: float, seed: int) -> Float32Array:
        from core.inference.adversarial import perturb

        return perturb(predictor, image, config.channels or (), kind, bound_share, seed, config.members)

    return corrupt(
        case.image,
        config.corruption or CorruptionConfig(),
        seed_key or voxel_digest(case.image),
        modality=modality_of(case, predictor.record.modality),
        attack=attack,
    )


def modality_of(case: Case, trained_on: str | None) -> str | None:
    """What kind of picture it is: as its file says, else as the model was trained on, else None = unknown."""
    return case.image.modality or trained_on


def stressed_item(item: CohortItem, stressed: Stressed, origin: Origin = "unseen") -> ItemResult:
    """What a sweep keeps: scores, metrics, shape measures and one histogram for the case; no map.

    Units hold, beside what they hold in every run, DAMAGE, CLIPPED, LOST and the measures of MEASURE.
    """
    extra = _extra(stressed)
    if isinstance(stressed.result, ClassOutcome):
        own = classification_item(item, stressed.result.classification, origin=origin)
        return replace(own, analysis_key=None, units=tuple(_with(unit, extra) for unit in own.units))
    analysis = stressed.result.analysis
    own = segmentation_item(stressed.shown, analysis, origin=origin)
    units = tuple(_with(unit, (*extra, *_measures(analysis, unit.slice))) for unit in own.units)
    summed = None if own.histograms is None else own.histograms.sum(axis=0, keepdims=True, dtype=np.float64)
    histograms = None if summed is None else summed.astype(np.float32)
    return replace(own, analysis_key=None, units=units, histograms=histograms)


def _undo(move: Move, shape: tuple[int, int]) -> Callable[[Float32Array], Float32Array]:
    """Turns a probability map back; 0 where the frame does not show the place any more."""
    inside = support(move, shape)
    return lambda prob: unmove(prob, move) * inside


def _shown(case: Case, corrupted: Corrupted) -> tuple[Case, float | None]:
    """The case as it is shown and judged, and the share of its reference that left the frame."""
    whole = case.reference
    if corrupted.move is None:
        return replace(case, image=corrupted.image), None if whole is None else 0.0
    values = corrupted.image.values
    floor = np.float32(values.min())
    turned = unmove(values - floor, corrupted.move) + floor
    turned.flags.writeable = False
    image = replace(corrupted.image, values=turned)
    if whole is None:
        return replace(case, image=image), None
    inside = support(corrupted.move, case.image.slice_shape)
    reference = _cut(whole, inside)
    drawn = int(whole.mask_ref.sum())
    lost = 1.0 - int(reference.mask_ref.sum()) / drawn if drawn else 0.0
    return replace(case, image=image, reference=reference), lost


def _cut(reference: Reference, inside: BoolArray) -> Reference:
    labels = None if reference.labels is None else (reference.labels * inside).astype(np.uint8)
    return replace(reference, mask_ref=reference.mask_ref & inside, labels=labels)


def _extra(stressed: Stressed) -> tuple[tuple[str, float], ...]:
    clipped = max((step.clipped_share for step in stressed.corrupted.steps), default=0.0)
    lost = () if stressed.lost_share is None else ((LOST, stressed.lost_share),)
    return (DAMAGE, stressed.corrupted.damage), (CLIPPED, clipped), *lost


def _measures(analysis: Analysis, index: int) -> Iterable[tuple[str, float]]:
    measures: tuple[Measure, ...] = () if index == WHOLE_CASE else analysis.slices[index].measures
    return ((MEASURE + each.key, each.value) for each in measures if each.value is not None)


def _with(unit: UnitResult, more: Iterable[tuple[str, float]]) -> UnitResult:
    return unit.model_copy(update={"metrics": (*unit.metrics, *more)})
