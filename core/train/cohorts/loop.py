"""One member's training on any cohort: a fixed number of epochs, the moving average, nothing picked."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.models.build import SegmentationNet, build_network, initialise
from core.models.records import ArchitectureConfig
from core.train.cohorts.augment import apply_change, draw_change
from core.train.cohorts.data import SliceSet
from core.train.config import SegmenterConfig
from core.train.loop import EpochLog, learning_rate, make_optimiser, segmentation_loss, update_average
from core.types import Float32Array, LabelArray

CHUNK = 16
Clock = Callable[[], float]
Batch = tuple[Float32Array, LabelArray]


@dataclass(frozen=True, eq=False)
class CohortTask:
    """What one member learns from; `unseen` marks the slices of the folds that it leaves out."""

    config: SegmenterConfig
    data: SliceSet
    member: int
    unseen: NDArray[np.bool_]


def cohort_architecture(config: SegmenterConfig, data: SliceSet) -> ArchitectureConfig:
    """The network of the configuration with the cohort's channels and classes; several need a background."""
    return ArchitectureConfig(
        kind=config.kind,
        encoder=config.encoder,
        decoder_channels=config.decoder_channels,
        decoder_width=config.decoder_width,
        head_dropout=config.head_dropout,
        in_channels=len(data.channels),
        classes=1 if len(data.classes) == 1 else len(data.classes) + 1,
    )


def train_cohort_member(
    task: CohortTask, report: Callable[[EpochLog], None], clock: Clock = time.perf_counter
) -> SegmentationNet:
    """The moving average of a network's weights after the last epoch; `report` is called every epoch."""
    config = task.config
    generator = torch.Generator().manual_seed(config.seed * 1000 + task.member)
    net = build_network(cohort_architecture(config, task.data))
    initialise(net, generator)
    net.dropout.generator = generator
    net = net.to(memory_format=torch.channels_last)
    average = copy.deepcopy(net).eval()
    average.dropout.generator = None
    optimiser = make_optimiser(net, config)
    step = 0
    for epoch in range(config.epochs):
        started, losses, rate = clock(), [], 0.0
        size = config.early_size if epoch < config.early_share * config.epochs else config.size
        for batch in epoch_batches(task, epoch, size):
            rate = learning_rate(config, step)
            losses.append(_train_step(net, optimiser, batch, rate, config))
            step += 1
            update_average(average, net, min(config.ema_decay, (1 + step) / (10 + step)))
        loss, dice = _evaluate(average, task, epoch)
        report(EpochLog(epoch, size, float(np.mean(losses)), loss, dice, rate, clock() - started))
    return average


def epoch_batches(task: CohortTask, epoch: int, size: int) -> Iterator[Batch]:
    """Batches of images (slice, channel, size, size) and labels (slice, size, size) of one epoch."""
    config, data = task.config, task.data
    order = draw_slices(task, epoch)
    for first in range(0, len(order) - config.batch_size + 1, config.batch_size):
        drawn = []
        for place in range(first, first + config.batch_size):
            rng = np.random.default_rng((config.seed, task.member, epoch, place))
            change = draw_change(rng, config.augment, len(data.channels))
            image = data.image[order[place]].astype(np.float32)
            label = data.label[order[place]]
            drawn.append(apply_change(image, label, change, len(data.classes), size))
        images, labels = zip(*drawn, strict=True)
        yield np.stack(images), np.stack(labels)


def draw_slices(task: CohortTask, epoch: int) -> NDArray[np.int64]:
    """Slices of one epoch, none of them unseen: with foreground and empty in the configured share.

    Where there is only one sort, all are of that sort.
    """
    config = task.config
    rng = np.random.default_rng((config.seed, task.member, epoch))
    filled = np.flatnonzero(~task.unseen & task.data.has_foreground)
    empty = np.flatnonzero(~task.unseen & ~task.data.has_foreground)
    wanted = round(config.samples_per_epoch * config.tumour_share)
    if not len(filled) or not len(empty):
        wanted = config.samples_per_epoch if len(filled) else 0
    parts = [_take(rng, filled, wanted), _take(rng, empty, config.samples_per_epoch - wanted)]
    return rng.permutation(np.concatenate(parts))


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


def _take(rng: np.random.Generator, pool: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    if not count:
        return np.empty(0, dtype=np.int64)
    rounds = [rng.permutation(pool) for _ in range(-(-count // len(pool)))]
    return np.concatenate(rounds)[:count]


def _train_step(
    net: SegmentationNet, optimiser: torch.optim.AdamW, batch: Batch, rate: float, config: SegmenterConfig
) -> float:
    image = torch.from_numpy(batch[0]).contiguous(memory_format=torch.channels_last)
    for group in optimiser.param_groups:
        group["lr"] = rate
    net.train()
    with torch.autocast("cpu", dtype=torch.bfloat16) if config.bf16 else nullcontext():
        logits = net(image)
    loss = loss_of(logits.float(), torch.from_numpy(batch[1]))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), config.gradient_limit)
    optimiser.step()
    return float(loss.detach())


def _evaluate(average: SegmentationNet, task: CohortTask, epoch: int) -> tuple[float | None, float | None]:
    """Loss of the left-out slices, and the mean over their patients of the Dice of all foreground."""
    last = epoch == task.config.epochs - 1
    if not task.unseen.any() or not (last or (epoch + 1) % task.config.evaluate_every == 0):
        return None, None
    image, label = task.data.image[task.unseen], task.data.label[task.unseen]
    with torch.inference_mode():
        parts = [
            average(torch.from_numpy(image[first : first + CHUNK].astype(np.float32)))
            for first in range(0, len(image), CHUNK)
        ]
    logits = torch.cat(parts)
    found = logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(1) > 0
    dice = [
        _dice(
            found.numpy()[task.data.group[task.unseen] == name], label[task.data.group[task.unseen] == name]
        )
        for name in np.unique(task.data.group[task.unseen])
    ]
    return float(loss_of(logits, torch.from_numpy(label))), float(np.mean(dice))


def _dice(pred: NDArray[np.bool_], ref: LabelArray) -> float:
    total = int(pred.sum()) + int((ref > 0).sum())
    return 2 * int((pred & (ref > 0)).sum()) / total if total else 1.0
