"""One member's training: a fixed number of epochs, the moving average of the weights, nothing picked."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.models.build import SegmentationNet, build_network, initialise
from core.models.records import ArchitectureConfig
from core.train.config import SegmenterConfig
from core.train.data import evaluate_probabilities
from core.train.predict import predict_slices
from core.train.sampling import Batch, MemberTask, epoch_batches

Clock = Callable[[], float]


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


def architecture_of(config: SegmenterConfig) -> ArchitectureConfig:
    """The network that a training configuration asks for."""
    return ArchitectureConfig(
        kind=config.kind,
        encoder=config.encoder,
        decoder_channels=config.decoder_channels,
        decoder_width=config.decoder_width,
        head_dropout=config.head_dropout,
    )


def train_member(
    task: MemberTask,
    report: Callable[[EpochLog], None],
    start: SegmentationNet | None = None,
    clock: Clock = time.perf_counter,
) -> SegmentationNet:
    """The moving average of a network's weights after the last epoch; `report` is called every epoch.

    start: a trained network to go on from (it is copied); None: new weights from the seed.
    """
    config = task.config
    net = _prepare_network(task, start)
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
        seconds = clock() - started
        report(EpochLog(epoch, size, float(np.mean(losses)), loss, dice, rate, seconds))
    return average


def segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy plus one minus the soft Dice of the whole batch."""
    prob = torch.sigmoid(logits)
    overlap = 2 * (prob * target).sum() + 1
    dice = overlap / (prob.sum() + target.sum() + 1)
    return functional.binary_cross_entropy_with_logits(logits, target) + 1 - dice


def learning_rate(config: SegmenterConfig, step: int) -> float:
    """Linear warm-up, then half a cosine down to the final share."""
    steps = config.samples_per_epoch // config.batch_size * config.epochs
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    floor = config.final_lr_share
    return config.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share)))


def _prepare_network(task: MemberTask, start: SegmentationNet | None) -> SegmentationNet:
    generator = torch.Generator().manual_seed(task.config.seed * 1000 + task.member)
    if start is None:
        net = build_network(architecture_of(task.config))
        initialise(net, generator)
    else:
        net = copy.deepcopy(start).requires_grad_(True)
    net.dropout.generator = generator
    return net.to(memory_format=torch.channels_last)


def _evaluate(average: SegmentationNet, task: MemberTask, epoch: int) -> tuple[float | None, float | None]:
    last = epoch == task.config.epochs - 1
    if not task.unseen.any() or not (last or (epoch + 1) % task.config.evaluate_every == 0):
        return None, None
    prob = predict_slices(average, task.data, task.unseen, task.config.size)
    return evaluate_probabilities(prob, task.data, task.unseen)


def make_optimiser(net: SegmentationNet, config: SegmenterConfig) -> torch.optim.AdamW:
    """AdamW whose decay leaves biases and scales alone."""
    decayed = [parameter for parameter in net.parameters() if parameter.ndim > 1]
    plain = [parameter for parameter in net.parameters() if parameter.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def _train_step(
    net: SegmentationNet,
    optimiser: torch.optim.AdamW,
    batch: Batch,
    rate: float,
    config: SegmenterConfig,
) -> float:
    image = torch.from_numpy(batch[0]).contiguous(memory_format=torch.channels_last)
    for group in optimiser.param_groups:
        group["lr"] = rate
    net.train()
    with torch.autocast("cpu", dtype=torch.bfloat16) if config.bf16 else nullcontext():
        logits = net(image)
    loss = segmentation_loss(logits.float(), torch.from_numpy(batch[1]))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), config.gradient_limit)
    optimiser.step()
    return float(loss.detach())


def update_average(average: SegmentationNet, net: SegmentationNet, decay: float) -> None:
    """Move the average by a share of 1 - decay towards the network, in place."""
    with torch.no_grad():
        for kept, new in zip(average.parameters(), net.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)
        for kept_buffer, new_buffer in zip(average.buffers(), net.buffers(), strict=True):
            if kept_buffer.is_floating_point():
                kept_buffer.lerp_(new_buffer, 1 - decay)
            else:
                kept_buffer.copy_(new_buffer)
