"""Composition root: the only place that chains the stages; every step goes through the store."""

from core.pipeline.case import (
    Outcome,
    analyse,
    guess_channels,
    open_case,
    open_sample,
    open_upload,
    point_in_force,
    prepare,
    silent,
    stored_outcome,
    voxel_digest,
)
from core.pipeline.classify import ClassOutcome
from core.pipeline.results import (
    Result,
    decide_again,
    in_force_now,
    key_like,
    limits_for,
    maker,
    named_by,
    results_of,
    run_model,
    stored_result,
)

__all__ = [
    "ClassOutcome",
    "Outcome",
    "Result",
    "analyse",
    "decide_again",
    "guess_channels",
    "in_force_now",
    "key_like",
    "limits_for",
    "maker",
    "named_by",
    "open_case",
    "open_sample",
    "open_upload",
    "point_in_force",
    "prepare",
    "results_of",
    "run_model",
    "silent",
    "stored_outcome",
    "stored_result",
    "voxel_digest",
]
