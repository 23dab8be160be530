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

__all__ = [
    "Outcome",
    "analyse",
    "guess_channels",
    "open_case",
    "open_sample",
    "open_upload",
    "point_in_force",
    "prepare",
    "silent",
    "stored_outcome",
    "voxel_digest",
]
