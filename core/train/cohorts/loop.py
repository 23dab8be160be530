"""One member's training on any cohort: a fixed number of epochs, the moving average, nothing picked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.models.build import SegmentationNet
from core.models.records import ArchitectureConfig
from core.train.cohorts.augment import apply_change, draw_change
from core.train.cohorts.data import SliceSet
from core.train.common.groups import group_dice
from core.train.common.loop import Clock, prepare_network
from core.train.common.task import MemberTask, draw_mixed
from core.train.config import SegmenterConfig
from core.train.loop import EpochLog, Judged, architecture_of, maker, segmentation_loss, train_segmenter
from core.types import Float32Array, LabelArray

CHUNK = 16
Batch = tuple[Float32Array, LabelArray]
CohortTask = MemberTask[SegmenterConfig, SliceSet]
"""What a member learns from the slices of a cohort."""


def cohort_architecture(config: SegmenterConfig, data: SliceSet) -> ArchitectureConfig:
    """The network of the configuration with the cohort's channels and classes; several need a background."""
    several = len(data.classes) > 1
    return architecture_of(config, len(data.channels), len(data.classes) + 1 if several else 1)


def train_cohort_member(
    task: CohortTask, report: Callable[[EpochLog], None], clock: Clock = time.perf_counter
) -> SegmentationNet:
    """The moving average of a network's weights after the last epoch; `report` is called every epoch."""

    def batches(epoch: int, size: int) -> Iterable[Batch]:
        return epoch_batches(task, epoch, size)

    def judge(average: SegmentationNet) -> Judged:
        return _judge(average, task)

    net = prepare_network(task.config, task.member, maker(cohort_architecture(task.config, task.data)))
    return train_segmenter(
        net, task.config, batches, loss_of, judge if task.unseen.any() else None, report, clock
    )


def epoch_batches(task: CohortTask, epoch: int, size: int) -> Iterator[Batch]:
    """Batches of images (slice, channel, size, size) and labels (slice, size, size) of one epoch."""
    config, data = task.config, task.data
    order = draw_slices(task, epoch)
    for first in range(0, len(order) - config.batch_size + 1, config.batch_size):
        drawn = []
        for place in range(first, first + config.batch_size):
            change = draw_change(task.random(epoch, place), config.augment, len(data.channels))
            image = data.image[order[place]].astype(np.float32)
            label = data.label[order[place]]
            drawn.append(apply_change(image, label, change, len(data.classes), size))
        images, labels = zip(*drawn, strict=True)
        yield np.stack(images), np.stack(labels)


def draw_slices(task: CohortTask, epoch: int) -> NDArray[np.int64]:
    """Slices of one epoch, none of them unseen: with foreground and empty in the configured share.

    Where there is only one sort, all are of that sort.
    """
    filled = np.flatnonzero(~task.unseen & task.data.has_foreground)
    empty = np.flatnonzero(~task.unseen & ~task.data.has_foreground)
    config = task.config
    return draw_mixed(task.random(epoch), filled, empty, config.samples_per_epoch, config.tumour_share)


def several_class_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy plus one minus the mean soft Dice of the foreground classes over the whole batch.

    logits: (slice, class, row, column), background first; target: class index (slice, row, column).
    """
    prob = torch.softmax(logits, 1)[:, 1:]
    hot = functional.one_hot(target, logits.shape[1]).permute(0, 3, 1, 2)[:, 1:].to(prob.dtype)
    overlap = 2 * (prob * hot).sum((0, 2, 3)) + 1
    dice = overlap / (prob.sum((0, 2, 3)) + hot.sum((0, 2, 3)) + 1)
    return functional.cross_entropy(logits, target) + 1 - dice.mean()


def loss_of(logits: Tensor, label: Tensor) -> Tensor:
    """The loss for one foreground class (one logit) or several (softmax with background)."""
    if logits.shape[1] == 1:
        return segmentation_loss(logits, (label > 0).float()[:, None])
    return several_class_loss(logits, label.long())


def _judge(average: SegmentationNet, task: CohortTask) -> Judged:
    """Loss of the left-out slices, and the mean over their patients of the Dice of all foreground."""
    image, label = task.data.image[task.unseen], task.data.label[task.unseen]
    with torch.inference_mode():
        parts = [
            average(torch.from_numpy(image[first : first + CHUNK].astype(np.float32)))
            for first in range(0, len(image), CHUNK)
        ]
    logits = torch.cat(parts)
    found = logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(1) > 0
    dice = group_dice(found.numpy(), label > 0, task.data.group[task.unseen])
    return float(loss_of(logits, torch.from_numpy(label))), float(np.mean(list(dice.values())))
