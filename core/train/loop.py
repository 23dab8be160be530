"""One segmenter member's training: what its loss is, and what is said of left-out patients on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from core.models.build import SegmentationNet, build_network, initialise
from core.models.records import ArchitectureConfig
from core.train.common.loop import Clock, Epoch, prepare_network, train_epochs
from core.train.config import SegmenterConfig
from core.train.data import evaluate_probabilities
from core.train.predict import predict_slices
from core.train.sampling import Batch, SliceTask, epoch_batches
from core.types import Float32Array, LabelArray

Loss = Callable[[Tensor, Tensor], Tensor]
Judged = tuple[float | None, float | None]
Target = Float32Array | LabelArray


@dataclass(frozen=True)
class EpochLog:
    """One line of a member's curve; held-out numbers are None in epochs without an evaluation.

    held_out_patient_dice: mean over the left-out patients, all slices together, threshold 0.5.
    """

    epoch: int
    size: int
    train_loss: float
    held_out_loss: float | None
    held_out_patient_dice: float | None
    learning_rate: float
    seconds: float

    @property
    def note(self) -> str:
        """The Dice of the left-out patients, where there is one."""
        return "" if self.held_out_patient_dice is None else f", left out {self.held_out_patient_dice:.3f}"


def architecture_of(config: SegmenterConfig, channels: int = 3, classes: int = 1) -> ArchitectureConfig:
    """The network that a training configuration asks for; classes: logits, with background where several."""
    return ArchitectureConfig(
        kind=config.kind,
        encoder=config.encoder,
        decoder_channels=config.decoder_channels,
        decoder_width=config.decoder_width,
        head_dropout=config.head_dropout,
        in_channels=channels,
        classes=classes,
    )


def train_member(
    task: SliceTask,
    report: Callable[[EpochLog], None],
    start: SegmentationNet | None = None,
    clock: Clock = time.perf_counter,
) -> SegmentationNet:
    """The moving average of a network's weights after the last epoch; `report` is called every epoch.

    start: a trained network to go on from (it is copied); None: new weights from the seed.
    """
    config, data, unseen = task.config, task.data, task.unseen

    def batches(epoch: int, size: int) -> Iterable[Batch]:
        return epoch_batches(task, epoch, size)

    def judge(average: SegmentationNet) -> Judged:
        return evaluate_probabilities(predict_slices(average, data, unseen, config.size), data, unseen)

    net = prepare_network(config, task.member, maker(architecture_of(config)), start)
    return train_segmenter(
        net, config, batches, segmentation_loss, judge if unseen.any() else None, report, clock
    )


def train_segmenter(
    net: SegmentationNet,
    config: SegmenterConfig,
    batches: Callable[[int, int], Iterable[tuple[Float32Array, Target]]],
    loss: Loss,
    judge: Callable[[SegmentationNet], Judged] | None,
    report: Callable[[EpochLog], None],
    clock: Clock = time.perf_counter,
) -> SegmentationNet:
    """The moving average of the weights after the last epoch; `report` is called every epoch.

    loss: of logits and what a batch brings beside its images. judge: loss and Dice of the left-out patients,
    asked for every few epochs and after the last; None: nobody is left out.
    """

    def batch_loss(net: SegmentationNet, batch: tuple[Float32Array, Target]) -> Tensor:
        image = torch.from_numpy(batch[0]).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16) if config.bf16 else nullcontext():
            logits = net(image)
        return loss(logits.float(), torch.from_numpy(batch[1]))

    def ended(average: SegmentationNet, epoch: Epoch) -> None:
        due = epoch.number == config.epochs - 1 or (epoch.number + 1) % config.evaluate_every == 0
        held_out, dice = judge(average) if judge and due else (None, None)
        size, mean, rate = epoch.size, epoch.train_loss, epoch.learning_rate
        report(EpochLog(epoch.number, size, mean, held_out, dice, rate, epoch.seconds()))

    steps = config.samples_per_epoch // config.batch_size * config.epochs
    return train_epochs(net, config, steps, batches, batch_loss, ended, clock)


def segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy plus one minus the soft Dice of the whole batch."""
    prob = torch.sigmoid(logits)
    overlap = 2 * (prob * target).sum() + 1
    dice = overlap / (prob.sum() + target.sum() + 1)
    return functional.binary_cross_entropy_with_logits(logits, target) + 1 - dice


def maker(architecture: ArchitectureConfig) -> Callable[[torch.Generator], SegmentationNet]:
    """Makes a network of this architecture with new weights from a generator."""

    def make(generator: torch.Generator) -> SegmentationNet:
        net = build_network(architecture)
        initialise(net, generator)
        return net

    return make
