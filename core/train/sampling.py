"""Which training pictures a member sees, in which order, and how each is changed: all from seeds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.models.preprocess import apply_range
from core.train.augment import apply_augmentation, draw_augmentation
from core.train.config import SegmenterConfig
from core.train.data import TrainingSet

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class MemberTask:
    """What one member learns from; `unseen` marks the slices of the folds that it leaves out."""

    config: SegmenterConfig
    data: TrainingSet
    member: int
    unseen: NDArray[np.bool_]


def epoch_batches(task: MemberTask, epoch: int, size: int) -> Iterator[Batch]:
    """Batches of images (case, 3, size, size) and masks (case, 1, size, size) of one epoch."""
    batch_size = task.config.batch_size
    order = draw_order(task, epoch)
    for first in range(0, len(order) - batch_size + 1, batch_size):
        drawn = [_drawn_sample(task, order, epoch, place, size) for place in range(first, first + batch_size)]
        images, masks = zip(*drawn, strict=True)
        yield np.stack(images), np.stack(masks)[:, None].astype(np.float32)


def draw_order(task: MemberTask, epoch: int) -> NDArray[np.int64]:
    """Slice indices of one epoch: tumour and empty slices in the configured share, none of them unseen."""
    config = task.config
    rng = np.random.default_rng((config.seed, task.member, epoch))
    tumour = np.flatnonzero(~task.unseen & task.data.has_tumour)
    empty = np.flatnonzero(~task.unseen & ~task.data.has_tumour)
    wanted = round(config.samples_per_epoch * config.tumour_share)
    parts = [_take(rng, tumour, wanted), _take(rng, empty, config.samples_per_epoch - wanted)]
    return rng.permutation(np.concatenate(parts))


def _take(rng: np.random.Generator, pool: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    rounds = [rng.permutation(pool) for _ in range(-(-count // len(pool)))]
    return np.concatenate(rounds)[:count]


def _drawn_sample(
    task: MemberTask, order: NDArray[np.int64], epoch: int, place: int, size: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    config, data, index = task.config, task.data, int(order[place])
    rng = np.random.default_rng((config.seed, task.member, epoch, place))
    alone = rng.random() < config.augment.single_slice_probability
    ranges = data.slice_range[index] if alone else data.volume_range[index]
    channels = zip(data.image[index], ranges, strict=True)
    scaled = np.stack([apply_range(channel, limits) for channel, limits in channels])
    return apply_augmentation(scaled, data.mask[index], draw_augmentation(rng, config.augment), size)
