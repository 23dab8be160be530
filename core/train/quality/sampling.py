"""Which pairs of picture and mask a network sees, in which order, and how each is changed: all from seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.detector.quality.network import CELLS
from core.detector.quality.scores import GOOD_DICE
from core.metrics import dice
from core.models.preprocess import CEILING
from core.train.common.task import MemberTask
from core.train.quality.config import ChangeSettings, QualityConfig
from core.train.quality.data import QualityData
from core.train.quality.failures import FAILURES, slightly_off
from core.types import BoolArray, Float32Array

QualityTask = MemberTask[QualityConfig, QualityData]
"""What one fold's network learns from."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A picture with a mask over it and the truth: flair float32, mask_pred and mask_ref bool, all (row,
    column)."""

    flair: Float32Array
    mask_pred: BoolArray
    mask_ref: BoolArray


@dataclass(frozen=True, eq=False)
class PairBatch:
    """inputs: (case, 2, row, column). good: (case,) 0 or 1. dice: (case,). errors: (case, 2, CELLS, CELLS),
    the share of wrongly drawn and of missing pixels of each cell."""

    inputs: Float32Array
    good: Float32Array
    dice: Float32Array
    errors: Float32Array


def pair_batches(task: QualityTask, epoch: int) -> Iterator[PairBatch]:
    """The batches of one epoch."""
    count = task.config.batch_size
    seen = np.flatnonzero(~task.unseen)
    busy = task.data.busy
    pools = seen[busy[seen]], seen[~busy[seen]]
    for first in range(0, task.config.samples_per_epoch - count + 1, count):
        yield batch_of([drawn_pair(task, pools, epoch, first + k) for k in range(count)])


def batch_of(pairs: list[Pair]) -> PairBatch:
    """Pairs as arrays, with their labels."""
    overlap = np.array([dice(each.mask_pred, each.mask_ref) for each in pairs], np.float32)
    return PairBatch(
        np.stack([np.stack([each.flair, each.mask_pred.astype(np.float32)]) for each in pairs]),
        (overlap > GOOD_DICE).astype(np.float32),
        overlap,
        np.stack([error_cells(each.mask_pred, each.mask_ref) for each in pairs]),
    )


def error_cells(mask_pred: BoolArray, mask_ref: BoolArray) -> Float32Array:
    """(2, CELLS, CELLS): of each cell the share of pixels wrongly drawn, and missing."""
    wrong, missing = mask_pred & ~mask_ref, mask_ref & ~mask_pred
    size = mask_pred.shape[0] // CELLS
    both = np.stack([wrong, missing]).astype(np.float32)
    return np.asarray(both.reshape(2, CELLS, size, CELLS, size).mean(axis=(2, 4)), np.float32)


def drawn_pair(
    task: QualityTask, pools: tuple[NDArray[np.int64], NDArray[np.int64]], epoch: int, place: int
) -> Pair:
    """One pair of an epoch, changed. pools: slices with something on them, and the others."""
    rng, config, data = task.random(epoch, place), task.config, task.data
    if rng.random() < config.real_share:
        index = _any(rng, *(pools if rng.random() < config.busy_share else pools[::-1]))
        mask = data.candidates[int(rng.integers(len(data.candidates))), index]
    else:
        lesions = pools[0][data.mask_ref[pools[0]].any(axis=(1, 2))]
        empty = pools[1]
        index = _any(rng, *((lesions, empty) if rng.random() < config.lesion_share else (empty, lesions)))
        mask = failed(rng, data.mask_ref[index], data.flair[index], config.good_share)
    return changed(Pair(data.flair[index], mask, data.mask_ref[index]), rng, config.change)


def failed(
    rng: np.random.Generator, mask_ref: BoolArray, flair: Float32Array, good_share: float
) -> BoolArray:
    """A synthetic prediction of one slice: slightly off in `good_share` of the draws, else failed."""
    if not mask_ref.any():
        invent = next(spec for spec in FAILURES if not spec.needs_lesion)
        return invent.draw(rng, mask_ref, flair)
    if rng.random() < good_share:
        return slightly_off(rng, mask_ref, flair)
    return FAILURES[int(rng.integers(len(FAILURES)))].draw(rng, mask_ref, flair)


def changed(pair: Pair, rng: np.random.Generator, settings: ChangeSettings) -> Pair:
    """The pair moved and its picture toned; masks move with the picture."""
    move = _drawn_move(rng, settings, pair.flair.shape[0])
    gamma, gain = np.exp(rng.normal(0.0, (settings.gamma_sd, settings.gain_sd)))
    flair = float(gain) * np.power(np.maximum(_warp(pair.flair, move), 0.0), np.float32(gamma))
    if rng.random() < settings.noise_probability:
        level = np.float32(rng.uniform(0.0, settings.noise_max_sd))
        flair = flair + level * rng.standard_normal(flair.shape, dtype=np.float32)
    pred, ref = (_warp(each.astype(np.float32), move) > 0.5 for each in (pair.mask_pred, pair.mask_ref))
    return Pair(np.asarray(np.clip(flair, 0.0, CEILING), np.float32), pred, ref)


def _drawn_move(rng: np.random.Generator, settings: ChangeSettings, side: int) -> NDArray[np.float64]:
    middle = (side - 1) / 2.0
    turn = cv2.getRotationMatrix2D(
        (middle, middle),
        float(rng.normal(0.0, settings.angle_sd_degrees)),
        float(np.exp(rng.normal(0.0, settings.scale_log_sd))),
    )
    move = np.asarray(turn, np.float64)
    move[:, 2] += rng.uniform(-settings.shift, settings.shift, 2) * side
    if rng.random() < settings.flip_probability:
        move = np.array([[-1.0, 0.0, side - 1.0], [0.0, 1.0, 0.0]]) @ np.vstack([move, [0.0, 0.0, 1.0]])
    return move


def _warp(plane: Float32Array, move: NDArray[np.float64]) -> Float32Array:
    return np.asarray(cv2.warpAffine(plane, move, plane.shape[::-1], flags=cv2.INTER_LINEAR), np.float32)


def _any(rng: np.random.Generator, wanted: NDArray[np.int64], other: NDArray[np.int64]) -> int:
    """One of the wanted, or one of the others where there is none."""
    pool = wanted if len(wanted) else other
    return int(pool[int(rng.integers(len(pool)))])
