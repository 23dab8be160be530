"""One volume and a bag model: is it in any slab, how sure, and where the attention lies.

The result is a Classification that carries its bags: whatever takes a class (store, verdict, reviews,
exports) takes it as it is, and only what speaks of slabs looks at `bags`. So there is no second kind of
result, no migration, and the volume's own answer is that of the bag which decides.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from core.config import AnalysisConfig, digest
from core.detector.picture_statistics import tissue_share
from core.errors import ModelProblem
from core.models.mil_records import list_bag_models
from core.pipeline.case import made_by_of, part_of, silent, voxel_digest, with_channels
from core.pipeline.classify import ClassOutcome, class_outcome_of, score_classification
from core.pipeline.predictors import open_bag_model
from core.pipeline.units import marked_slices
from core.types import Case, Classification, Float64Array, Limits, MadeBy, Progress, Timing

if TYPE_CHECKING:
    from core.inference.bag_predictor import BagPredictor
    from core.models.mil_records import BagRecord
    from core.store import Store

BAG_SCHEMA = 1
"""Version of what the classification of a volume holds; a change of meaning makes every stored key miss."""

FEWEST_SLICES = 2


def judge_volume(
    store: Store,
    case: Case,
    config: AnalysisConfig,
    *,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> ClassOutcome:
    """The bag model's answer for a volume, from the store when the same settings made it before.

    Raises ModelProblem for a single picture or settings that the model cannot do, InferenceProblem where the
    device cannot run it, and Cancelled when `progress` says so.
    """
    started = time.perf_counter()
    progress(0.0, "Opening the model")
    predictor = open_bag_model(config)
    require_volume(case, predictor.record)
    chosen = with_channels(config, case, predictor.record.channels)
    made_by = _made_by(case, chosen, predictor)
    found = store.classification(made_by.key)
    cached = found is not None
    if found is None:
        found = _compute(case, chosen, predictor, made_by, progress)
        store.put_classification(found)
    return class_outcome_of(store, case, found, limits, cached, time.perf_counter() - started)


def require_volume(case: Case, record: BagRecord) -> None:
    """Raises ModelProblem for a single picture: attention needs slices to choose from."""
    if case.image.slices < FEWEST_SLICES:
        raise ModelProblem(
            "This model judges volumes",
            file=record.id,
            found="a single picture",
            expected=f"at least {FEWEST_SLICES} slices",
            fix="give a volume, or choose a model that judges single pictures",
        )


def slab_labels(case: Case, found: Classification) -> tuple[bool, ...] | None:
    """For each bag whether the reference marks anything in it.

    None without a reference, and for a model of whole volumes, whose classes no mask names.
    """
    marked, model_id = marked_slices(case), found.made_by.config.model_id
    record = next((each for each in list_bag_models() if each.id == model_id), None)
    if marked is None or record is None or record.bag != "slab":
        return None
    return tuple(bool(marked[list(bag.slices)].any()) for bag in found.bags)


def _compute(
    case: Case, config: AnalysisConfig, predictor: BagPredictor, made_by: MadeBy, progress: Progress
) -> Classification:
    started = time.perf_counter()
    bags = predictor.judge(
        case.image,
        config.channels or (),
        config.estimator,
        voxel_digest(case.image),
        part_of(progress, 0.05, 0.9),
        may_ask=config.members,
    )
    progress(0.9, "Looking for tissue")
    deciding = max(bags, key=lambda each: each.mean_prob)
    timing = Timing(stage="prediction", seconds=time.perf_counter() - started)
    return Classification(
        case_id=case.id,
        class_names=predictor.record.class_names,
        multilabel=False,
        samples=deciding.prob,
        saliency=None,
        scores=score_classification(deciding.prob, multilabel=False),
        made_by=made_by.model_copy(update={"timings": (timing,), "machine": predictor.machine}),
        bags=bags,
        tissue=_tissue(case, config.channels or (), predictor.record),
    )


def _tissue(case: Case, channels: tuple[int, ...], record: BagRecord) -> Float64Array:
    """(slice,) share of tissue of each slice as the networks see it."""
    from core.inference.pictures import Pictures

    pictures = Pictures(case.image, channels, record)
    return np.array([tissue_share(pictures.picture(index)) for index in range(case.image.slices)])


def _made_by(case: Case, config: AnalysisConfig, predictor: BagPredictor) -> MadeBy:
    record = predictor.record
    made_by = made_by_of(case, config, predictor)
    key = digest(
        {
            "run": made_by.key,
            "moves": record.moves,
            "bag": record.bag,
            "bag_size": record.bag_size,
            "schema": BAG_SCHEMA,
        }
    )
    return made_by.model_copy(update={"key": key, "notes": (*made_by.notes, *_notes(case, record))})


def _notes(case: Case, record: BagRecord) -> tuple[str, ...]:
    slices, size = case.image.slices, record.bag_size
    if size is None or slices >= size:
        return ()
    return (f"the volume has {slices} slices, fewer than the {size} of a slab that the model is made for",)
