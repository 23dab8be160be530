"""Which training pictures a member sees, in which order, and how each is changed: all from seeds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from core.models.preprocess import apply_range
from core.train.augment import apply_augmentation, draw_augmentation
from core.train.common.task import MemberTask, draw_mixed
from core.train.config import SegmenterConfig
from core.train.data import TrainingSet

Batch = tuple[NDArray[np.float32], NDArray[np.float32]]


SliceTask = MemberTask[SegmenterConfig, TrainingSet]
"""What a member learns from the packed slices."""


def epoch_batches(task: SliceTask, epoch: int, size: int) -> Iterator[Batch]:
    """Batches of images (case, 3, size, size) and masks (case, 1, size, size) of one epoch."""
    batch_size = task.config.batch_size
    order = draw_order(task, epoch)
    for first in range(0, len(order) - batch_size + 1, batch_size):
        drawn = [drawn_sample(task, order, epoch, place, size) for place in range(first, first + batch_size)]
        images, masks = zip(*drawn, strict=True)
        yield np.stack(images), np.stack(masks)[:, None].astype(np.float32)


def draw_order(task: SliceTask, epoch: int) -> NDArray[np.int64]:
    """Slice indices of one epoch: tumour and empty slices in the configured share, none of them unseen."""
    tumour = np.flatnonzero(~task.unseen & task.data.has_tumour)
    empty = np.flatnonzero(~task.unseen & ~task.data.has_tumour)
    config = task.config
    return draw_mixed(task.random(epoch), tumour, empty, config.samples_per_epoch, config.tumour_share)


def drawn_sample(
    task: SliceTask, order: NDArray[np.int64], epoch: int, place: int, size: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The changed image (3, size, size) and mask (size, size) at one place of an epoch's order."""
    config, data, index = task.config, task.data, int(order[place])
    rng = task.random(epoch, place)
    alone = rng.random() < config.augment.single_slice_probability
    ranges = data.slice_range[index] if alone else data.volume_range[index]
    channels = zip(data.image[index], ranges, strict=True)
    scaled = np.stack([apply_range(channel, limits) for channel, limits in channels])
    return apply_augmentation(scaled, data.mask[index], draw_augmentation(rng, config.augment), size)
