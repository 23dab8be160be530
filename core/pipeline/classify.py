"""One picture and a classifier: which class, how sure, and whether to review it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.config import AnalysisConfig, digest
from core.detector.attention import ATTENTION_SPECS, attention_scores, bare_slices
from core.detector.classes import BagScores, decide_bags, decide_class
from core.pipeline.case import (
    made_by_of,
    part_of,
    point_in_force,
    silent,
    voxel_digest,
    with_channels,
)
from core.pipeline.foreign import familiarity_of_picture
from core.pipeline.predictors import open_model
from core.pipeline.profiles import limits_over
from core.types import (
    BagSamples,
    Case,
    Classification,
    FixedPoint,
    Limits,
    MadeBy,
    OperatingPoint,
    Progress,
    Score,
    Timing,
    Verdict,
)
from core.view.bag_payload import BagFacts

if TYPE_CHECKING:
    from core.inference import Predictor
    from core.models import ModelRecord
    from core.store import Store

CLASS_SCHEMA = 1
"""Version of what a classification holds; a change of meaning makes every stored key miss."""


@dataclass(frozen=True, eq=False)
class ClassOutcome:
    """Everything the case page and the command line show about one classified case.

    operating_point: the saved threshold that was in force, None without one. cached: the classification came
    from the store. seconds: wall clock until it was there.
    """

    case: Case
    classification: Classification
    limits: Limits
    verdict: Verdict
    cached: bool
    seconds: float
    operating_point: OperatingPoint | None = None


def classify(
    store: Store,
    case: Case,
    config: AnalysisConfig,
    *,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> ClassOutcome:
    """The classifier's answer for a picture, from the store when the same settings made it before.

    Raises ModelProblem for a segmenter, a volume, or settings that the model cannot do, InferenceProblem
    where the device cannot run it, and Cancelled when `progress` says so.
    """
    started = time.perf_counter()
    progress(0.0, "Opening the model")
    predictor = open_model(store, config)
    chosen = with_channels(config, case, predictor.record.channels)
    found = store.classification(_made_by(case, chosen, predictor).key)
    cached = found is not None
    if found is None:
        found = compute_classification(case, chosen, predictor, progress)
        store.put_classification(found)
    return class_outcome_of(store, case, found, limits, cached, time.perf_counter() - started)


def stored_classification(store: Store, key: str, limits: Limits | None = None) -> ClassOutcome | None:
    """What an earlier run found, without loading any network; None when the store does not have it."""
    started = time.perf_counter()
    found = store.classification(key)
    case = store.case(found.case_id) if found else None
    if found is None or case is None:
        return None
    return class_outcome_of(store, case, found, limits, True, time.perf_counter() - started)


def class_outcome_of(
    store: Store,
    case: Case,
    found: Classification,
    limits: Limits | None,
    cached: bool,
    seconds: float,
) -> ClassOutcome:
    """A classification with the verdict over it, by the limits given or in force."""
    in_force = limits or limits_over(store, found.made_by, classes=True, bags=bool(found.bags))
    point = point_in_force(store, found.made_by)
    verdict = verdict_over(found, in_force, point)
    return ClassOutcome(case, found, in_force, verdict, cached, seconds, point)


def verdict_over(found: Classification, limits: Limits, point: OperatingPoint | None) -> Verdict:
    """The verdict over a classification, whichever kind of model made it."""
    if not found.bags:
        return decide_class(found.scores, limits, point)
    bags = [BagScores(bag.top_slice, bag_scores(found, bag)) for bag in found.bags]
    return decide_bags(bags, found.scores, limits, point)


def bag_scores(found: Classification, bag: BagSamples) -> tuple[Score, ...]:
    """All scores of one bag: the confidences of its samples, the default first, and its attention's."""
    assert found.tissue is not None and found.deciding is not None
    decides = bag is found.bags[found.deciding]
    attention = attention_scores(bag, found.tissue, decides=decides)
    return (*score_classification(bag.prob, multilabel=False), *attention)


def bag_facts(found: Classification) -> BagFacts | None:
    """What the checks measured on the bags of a volume, for the case view; None for a single picture."""
    if found.tissue is None:
        return None
    spread = ATTENTION_SPECS[0].key
    return BagFacts(
        bare=tuple(bare_slices(found.tissue).tolist()),
        effective=tuple(
            next(score.value for score in attention_scores(bag, found.tissue) if score.key == spread)
            for bag in found.bags
        ),
    )


def compute_classification(
    case: Case,
    config: AnalysisConfig,
    predictor: Predictor,
    progress: Progress,
    *,
    seed_key: str | None = None,
) -> Classification:
    """Run the networks over a picture; nothing is read from or written to the store.

    config: with its channels chosen. seed_key: what dropout masks are seeded by, None: the voxels.
    """
    started = time.perf_counter()
    samples = predictor.classify(
        case.image,
        config.channels or (),
        config.estimator,
        seed_key or voxel_digest(case.image),
        part_of(progress, 0.05, 0.95),
        config.members,
    )
    timing = Timing(stage="prediction", seconds=time.perf_counter() - started)
    multilabel = predictor.record.task == "multilabel"
    saliency = None if samples.saliency is None else FixedPoint.of(samples.saliency[None], 1.0)
    return Classification(
        case_id=case.id,
        class_names=predictor.record.class_names,
        multilabel=multilabel,
        samples=samples.prob,
        saliency=saliency,
        scores=(
            *score_classification(samples.prob, multilabel=multilabel),
            familiarity_of_picture(predictor.record, samples.view),
        ),
        # Made again: a network that had to fall back to another engine gets the key of what really ran.
        made_by=_made_by(case, config, predictor).model_copy(
            update={"timings": (timing,), "machine": predictor.machine}
        ),
    )


def score_classification(samples: np.ndarray, *, multilabel: bool) -> tuple[Score, ...]:
    """All confidence scores of samples (sample, class), the default first."""
    from core.metrics.selective.class_scores import class_confidence
    from core.uncertainty.class_scores import sample_scores

    of_mean = class_confidence(samples.mean(axis=0, keepdims=True), multilabel=multilabel)
    bare = tuple(Score(key=key, value=float(values[0])) for key, values in of_mean.items())
    return (*bare, *sample_scores(samples, multilabel=multilabel))


def _made_by(case: Case, config: AnalysisConfig, predictor: Predictor) -> MadeBy:
    record = predictor.record
    made_by = made_by_of(case, config, predictor)
    key = digest({"run": made_by.key, "task": record.task, "moves": record.moves, "schema": CLASS_SCHEMA})
    return made_by.model_copy(update={"key": key, "notes": (*made_by.notes, *_notes(case, config, record))})


def _notes(case: Case, config: AnalysisConfig, record: ModelRecord) -> tuple[str, ...]:
    planes = case.image.values
    colour = len(planes) > len(record.channels) and not (planes == planes[:1]).all()
    if not colour or config.channels is None:
        return ()
    used = ", ".join(case.image.channel_names[each] for each in config.channels)
    return (f"the picture has {len(case.image.channel_names)} channels; the model judged {used} alone",)
