"""The quality network on its way through the pipeline: pictures and outlines in, chances and doubt out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from core.detector.quality.scores import Judged, scores_of_slices, scores_of_study
from core.models.preprocess import IntensityRange, apply_range, fit_slice, intensity_range, unfit_slice
from core.types import Analysis, BoolArray, Case, FixedPoint, Float32Array, Image, LabelArray, Score

if TYPE_CHECKING:
    from core.detector.quality.networks import QualityNetworks
    from core.models import ModelRecord

Undo = Callable[[Float32Array], Float32Array]
"""Turns maps (channel, row, column) of a moved picture back."""

UNJUDGED = "the outlines are judged by rules alone: the model came without a quality network"
BLOCK = 256
"""Slices that are prepared at a time, so that no second copy of a large volume is held."""


def unjudged_note(record: ModelRecord) -> tuple[str, ...]:
    """Says that the network is missing, for what made a result."""
    return (UNJUDGED,) if record.quality is None else ()


def quality_scores(
    record: ModelRecord,
    image: Image,
    channels: tuple[int, ...],
    mask_pred: LabelArray,
    members: tuple[int, ...] | None = None,
    undo: Undo | None = None,
) -> tuple[tuple[tuple[Score, ...], ...], tuple[Score, ...]]:
    """The quality scores of each slice, and of the study; without a network they say so.

    channels: image channel of each input of the model. mask_pred: (slice, row, column). members: that may be
    asked; a network that learned from a patient whom none of them saw is left out. undo: where the picture
    was moved and the mask turned back, turns the picture back too.
    """
    networks = quality_networks(record, members)
    judged = None if networks is None else _judged(networks, record, image, channels, mask_pred, undo)
    return scores_of_slices(judged, image.slices), scores_of_study(judged)


def quality_networks(record: ModelRecord, members: tuple[int, ...] | None) -> QualityNetworks | None:
    """The networks that may judge; None without a file. Raises ModelProblem when the file was changed."""
    from core.detector.quality.file import read_quality

    kept = record.quality
    if kept is None:
        return None
    return read_quality(record.folder / kept.file, kept.sha256).unseen(record.folds_unseen(members))


def doubt_map(case: Case, analysis: Analysis) -> FixedPoint | None:
    """Where the outline looks wrong, (slice, row, column) in [0, 1]; None without a quality network.

    Made when asked for from the kept outline; the segmenter's networks are not asked again. case: as its
    picture was analysed.
    """
    from core.detector.quality.networks import doubt_maps
    from core.models import list_models

    config = analysis.made_by.config
    record = next((each for each in list_models() if each.id == config.model_id), None)
    networks = None if record is None else quality_networks(record, config.members)
    if record is None or networks is None:
        return None
    shape = case.image.slice_shape
    made: list[Float32Array] = [
        unfit_slice(each[None], shape)[0]
        for flair, mask in _blocks(record, case.image, analysis.made_by.channels, analysis.mask_pred, None)
        for each in doubt_maps(networks, flair, mask)
    ]
    return FixedPoint.of(np.clip(np.stack(made), 0.0, 1.0), 1.0)


def _judged(
    networks: QualityNetworks,
    record: ModelRecord,
    image: Image,
    channels: tuple[int, ...],
    mask_pred: LabelArray,
    undo: Undo | None,
) -> Judged:
    from core.detector.quality.networks import judge

    parts = [judge(networks, *each) for each in _blocks(record, image, channels, mask_pred, undo)]
    return Judged(
        *(np.concatenate(each) for each in zip(*((p.prob, p.dice, p.area) for p in parts), strict=True))
    )


def _blocks(
    record: ModelRecord, image: Image, channels: tuple[int, ...], mask_pred: LabelArray, undo: Undo | None
) -> Iterator[tuple[Float32Array, BoolArray]]:
    """Pictures (slice, SIZE, SIZE), scaled by the volume, and outlines, as the network knows them."""
    assert record.quality is not None
    values = image.values[channels[record.quality.channel]]
    limits = intensity_range(values)
    for start in range(0, len(values), BLOCK):
        some = range(start, min(start + BLOCK, len(values)))
        flair = np.stack([_picture(values[k], limits, undo) for k in some])
        yield flair, np.stack([outline(mask_pred[k]) for k in some])


def _picture(plane: Float32Array, limits: IntensityRange, undo: Undo | None) -> Float32Array:
    from core.detector.quality.network import SIZE

    scaled = apply_range(plane, limits)[None]
    fitted: Float32Array = fit_slice(scaled if undo is None else undo(scaled), SIZE)[0]
    return fitted


def outline(mask_pred: LabelArray | BoolArray) -> BoolArray:
    """A slice's mask (row, column) at the network's size: pixels that are covered by more than half."""
    from core.detector.quality.network import SIZE

    return np.asarray(fit_slice((mask_pred > 0).astype(np.float32)[None], SIZE)[0] > 0.5)
