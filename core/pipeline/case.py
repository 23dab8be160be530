"""One case: read it, run a model on it, decide."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from core import __version__
from core.config import AnalysisConfig, ReadOptions, digest
from core.detector import Limits, StackSpace, decide, measure_slices, stack_space
from core.metrics import overlap_report
from core.pipeline.foreign import Watch, unchecked_note
from core.pipeline.predictors import open_bag_model, open_model
from core.pipeline.profiles import limits_over
from core.pipeline.quality import quality_scores, unjudged_note
from core.types import (
    Analysis,
    Case,
    Float32Array,
    Image,
    MadeBy,
    NamedBytes,
    OperatingPoint,
    OverlapReport,
    Progress,
    Score,
    SliceSamples,
    SliceSummary,
    Timing,
    Verdict,
)

if TYPE_CHECKING:
    from core.inference import Predictor
    from core.inference.bag_predictor import BagPredictor
    from core.io.reader import Opened
    from core.store import Store
    from core.uncertainty import Reduced

SCHEMA = 3
"""Version of what an analysis holds; a change of meaning makes every stored key miss."""

LIBRARIES = (
    "torch", "onnxruntime", "onnx", "onnxscript", "segmentation-models-pytorch", "timm", "numpy", "scipy",
    "scikit-image", "opencv-python-headless", "nibabel", "pydicom", "pillow", "python-gdcm",
    "pylibjpeg-openjpeg", "pyjpegls",
)  # fmt: skip
"""Libraries that can change the numbers; their versions are part of the key."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Everything the case page and the command line show about one analysed case.

    cached: the analysis came from the store. seconds: wall clock until it was there. operating_point: the
    saved threshold in force for the model and estimator, None: the fixed limit judges the confidence.
    """

    case: Case
    analysis: Analysis
    limits: Limits
    verdict: Verdict
    overlap: OverlapReport | None
    cached: bool
    seconds: float
    operating_point: OperatingPoint | None = None


def silent(share: float, sentence: str) -> None:
    """A Progress that tells nobody."""


def open_case(
    store: Store,
    files: Sequence[NamedBytes],
    options: ReadOptions | None = None,
    reference: Sequence[NamedBytes] = (),
    progress: Progress = silent,
) -> Case:
    """Read an upload and keep it. Raises InputProblem with the one message to show."""
    return open_upload(store, files, options, reference, progress).case


def open_upload(
    store: Store,
    files: Sequence[NamedBytes],
    options: ReadOptions | None = None,
    reference: Sequence[NamedBytes] = (),
    progress: Progress = silent,
) -> Opened:
    """`open_case` with what else the upload holds: its series and volumes to choose from."""
    from core.io.reader import open_case as read_upload

    progress(0.0, "Reading the files")
    opened = read_upload(files, options or ReadOptions(), reference)
    progress(0.8, "Keeping the case")
    store.put_case(opened.case)
    return opened


def open_sample(store: Store, key: str, progress: Progress = silent) -> Case:
    """Generate a case of the built-in synthetic cohort and keep it."""
    from core.cohort import make_sample

    progress(0.0, "Drawing the synthetic case")
    case = make_sample(key)
    store.put_case(case)
    return case


def analyse(
    store: Store,
    case: Case,
    config: AnalysisConfig | None = None,
    *,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> Outcome:
    """The network's answer for a case, from the store when the same settings made it before.

    Raises ModelProblem or InferenceProblem when the model cannot do what the settings ask, and
    Cancelled when `progress` says so.
    """
    started = time.perf_counter()
    config = config or AnalysisConfig()
    progress(0.0, "Opening the model")
    predictor = open_model(store, config)
    made_by = made_by_of(case, with_channels(config, case, predictor.record.channels), predictor)
    analysis = store.analysis(made_by.key)
    cached = analysis is not None
    if analysis is None:
        analysis = compute_analysis(case, predictor, made_by, progress)
        store.put_analysis(analysis)
    return outcome_of(store, case, analysis, limits, cached, time.perf_counter() - started)


def prepare(store: Store, config: AnalysisConfig | None = None) -> None:
    """Open the networks of a model, the default one unless told otherwise, before anybody waits for them."""
    from core.models import any_model
    from core.models.mil_records import BagRecord

    config = config or AnalysisConfig()
    record = any_model(config.model_id)
    predictor = open_bag_model(config) if isinstance(record, BagRecord) else open_model(store, config)
    predictor.prepare(config.estimator, silent, config.members)


def stored_outcome(store: Store, key: str, limits: Limits | None = None) -> Outcome | None:
    """What an earlier run found, without loading any network; None when the store does not have it."""
    started = time.perf_counter()
    analysis = store.analysis(key)
    case = store.case(analysis.case_id) if analysis else None
    if analysis is None or case is None:
        return None
    return outcome_of(store, case, analysis, limits, True, time.perf_counter() - started)


def voxel_digest(image: Image) -> str:
    """SHA-256 of shape and values; what random draws are seeded by, so that a reference mask or another
    name for the same voxels changes no prediction."""
    found = hashlib.sha256(repr(image.values.shape).encode())
    found.update(np.ascontiguousarray(image.values).data)
    return found.hexdigest()


def guess_channels(available: int, wanted: tuple[str, ...]) -> tuple[int, ...]:
    """Which image channel feeds each channel of the model: in order when the numbers agree, else the first.

    A model trained on several sequences takes a missing one from FLAIR; a single channel is taken to
    be FLAIR and feeds all.

    >>> guess_channels(1, ("pre-contrast", "FLAIR", "post-contrast"))
    (0, 0, 0)
    """
    return tuple(range(available)) if available == len(wanted) else (0,) * len(wanted)


def with_channels(config: AnalysisConfig, case: Case, wanted: tuple[str, ...]) -> AnalysisConfig:
    """The settings with the image channels that feed the model's, guessed where they name none."""
    channels = config.channels or guess_channels(len(case.image.channel_names), wanted)
    return config.model_copy(update={"channels": channels})


def point_in_force(store: Store, made_by: MadeBy) -> OperatingPoint | None:
    """The operating point that judges what this model and estimator made, None when the fixed limit does."""
    return store.active_operating_point(made_by.config.model_id, made_by.config.estimator.kind)


def outcome_of(
    store: Store, case: Case, analysis: Analysis, limits: Limits | None, cached: bool, seconds: float
) -> Outcome:
    """An analysis with the verdict over it, by the limits given or in force, and its overlap."""
    in_force = limits or limits_over(store, analysis.made_by)
    reference = case.reference
    overlap = overlap_report(analysis.mask_pred > 0, reference.mask_ref) if reference else None
    point = point_in_force(store, analysis.made_by)
    verdict = decide(analysis.slices, in_force, analysis.scores, point)
    return Outcome(case, analysis, in_force, verdict, overlap, cached, seconds, point)


def compute_analysis(
    case: Case,
    predictor: Predictor,
    made_by: MadeBy,
    progress: Progress,
    *,
    seed_key: str | None = None,
    undo: Callable[[Float32Array], Float32Array] | None = None,
) -> Analysis:
    """Run the networks over a case and reduce their samples; nothing is read from or written to the store.

    seed_key: what dropout masks are seeded by, None: the voxels of the case. undo: applied to every sample
    (class, row, column) before anything is reduced, to turn a moved picture back.
    """
    from core.uncertainty import reduce, score_case

    config = made_by.config
    started = time.perf_counter()
    stream = predictor.stream(
        case.image,
        made_by.channels,
        config.estimator,
        seed_key or voxel_digest(case.image),
        part_of(progress, 0.05, 0.85),
        config.members,
    )
    classes = len(predictor.record.class_names)
    watch = Watch(predictor.record)
    watched = watch.over(stream if undo is None else _undone(stream, undo))
    reduced = reduce(watched, case.image.slices, case.image.slice_shape, classes)
    predicted = time.perf_counter()
    progress(0.85, "Scoring the confidence")
    progress(0.93, "Judging the outlines")
    judged, judged_study = quality_scores(
        predictor.record, case.image, made_by.channels, reduced.mask_pred, config.members, undo
    )
    familiar = watch.slices(case.image.slices)
    slices = summaries_of(
        reduced, stack_space(case.image), [(each, *own) for each, own in zip(familiar, judged, strict=True)]
    )
    scores = (*score_case(reduced), watch.study(), *judged_study)
    timings = (
        Timing(stage="prediction", seconds=predicted - started),
        Timing(stage="scores and rules", seconds=time.perf_counter() - predicted),
    )
    return Analysis(
        case_id=case.id,
        prob=reduced.prob,
        class_names=predictor.record.class_names,
        maps=reduced.maps,
        slices=slices,
        scores=scores,
        # Made again: a network that had to fall back to another engine gets the key of what really ran.
        made_by=made_by_of(case, config, predictor).model_copy(
            update={"timings": timings, "machine": predictor.machine}
        ),
    )


def _undone(
    stream: Iterator[SliceSamples], undo: Callable[[Float32Array], Float32Array]
) -> Iterator[SliceSamples]:
    for each in stream:
        yield replace(each, samples=map(undo, each.samples))


def summaries_of(
    reduced: Reduced, space: StackSpace, more: Sequence[tuple[Score, ...]]
) -> tuple[SliceSummary, ...]:
    """What is kept of each slice of the samples. more: for each slice, scores beside those of its samples."""
    from core.uncertainty import score_slices

    summaries = []
    measured = measure_slices(reduced.mask_pred > 0, space)
    rows = zip(measured, score_slices(reduced), more, strict=True)
    for index, ((measures, components), scores, others) in enumerate(rows):
        summaries.append(
            SliceSummary(
                index=index,
                empty=not components,
                scores=(*scores, *others),
                measures=measures,
                components=components,
            )
        )
    return tuple(summaries)


def made_by_of(case: Case, config: AnalysisConfig, predictor: Predictor | BagPredictor) -> MadeBy:
    """What will make, or has made, the answer of this predictor for a case, with the key of that answer."""
    plan = predictor.plan(config.estimator, config.members)
    ran = predictor.ran(plan)
    plane = case.image.geometry.plane
    off_plane = (
        (f"the model was trained on axial slices, not {plane} ones",)
        if predictor.record.task == "segmentation" and plane not in {"axial", "unknown"}
        else ()
    )
    versions = tuple((name, version(name)) for name in LIBRARIES)
    fields = {
        "weights": plan.weights,
        "members": plan.members,
        "device": predictor.device,
        "backend": ran.backend,
        "precision": predictor.precision,
        "threads": predictor.threads,
        "chunk": ran.chunk,
        "samples": plan.samples,
        "channels": config.channels,
        "versions": versions,
    }
    key = digest(
        {
            **fields,
            "case": case.id,
            "estimator": config.estimator,
            "architecture": predictor.record.architecture,
            "activation": predictor.record.activation,
            "preprocessing": predictor.record.preprocessing,
            "working_size": predictor.record.working_size,
            "familiarity": predictor.record.familiarity,
            "quality": predictor.record.quality,
            "schema": SCHEMA,
            **_corruption_fields(config),
        }
    )
    return MadeBy(
        **fields,
        config=config,
        key=key,
        app_version=__version__,
        self_check=ran.self_check,
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=(
            *plan.notes,
            *ran.notes,
            *off_plane,
            *_contrast_note(config, predictor),
            *unchecked_note(predictor.record),
            *(unjudged_note(predictor.record) if predictor.record.task == "segmentation" else ()),
        ),
    )


def _corruption_fields(config: AnalysisConfig) -> dict[str, object]:
    """What a corruption adds to the key; nothing for a clean picture, whose result is the ordinary one."""
    if config.corruption is None or not config.corruption.steps:
        return {}
    from core.corruptions import SUITE

    return {"corruption": config.corruption, "suite": SUITE}


def _contrast_note(config: AnalysisConfig, predictor: Predictor | BagPredictor) -> tuple[str, ...]:
    from core.models import any_model

    if config.contrast is None:
        return ()
    trained = any_model(config.model_id).preprocessing.contrast
    used = predictor.record.preprocessing.contrast
    return () if used == trained else (f"contrast {used}; the model was trained with {trained}",)


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """A Progress for a part of the work, from the share `start` to `end` of the whole."""

    def scaled(share: float, sentence: str) -> None:
        progress(start + share * (end - start), sentence)

    return scaled
