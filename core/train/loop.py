"""One member's training: a fixed number of epochs, the moving average of the weights at the end, no picking."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.models.build import ArchitectureConfig, SegmentationNet, build_network, initialise
from core.models.preprocess import apply_range, fit_slice
from core.train.augment import apply_augmentation, draw_augmentation
from core.train.config import SegmenterConfig
from core.train.data import FLAIR, TrainingSet

Clock = Callable[[], float]


@dataclass(frozen=True)
class EpochLog:
    """One line of a member's curve; held-out numbers are None in epochs without an evaluation."""

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
        head_dropout=config.head_dropout,
    )


def train_member(
    config: SegmenterConfig,
    data: TrainingSet,
    member: int,
    unseen: NDArray[np.bool_],
    report: Callable[[EpochLog, SegmentationNet], None],
    clock: Clock = time.perf_counter,
) -> SegmentationNet:
    """The moving average of a network trained on the slices that are not `unseen`; `report` is called every epoch."""
    generator = torch.Generator().manual_seed(config.seed * 1000 + member)
    net = build_network(architecture_of(config))
    initialise(net, generator)
    net.dropout.generator = generator
    net = net.to(memory_format=torch.channels_last)
    average = copy.deepcopy(net).eval()
    average.dropout.generator = None
    optimiser = _make_optimiser(net, config)
    steps_per_epoch = config.samples_per_epoch // config.batch_size
    step = 0
    for epoch in range(config.epochs):
        started, losses = clock(), []
        size = config.early_size if epoch < config.early_share * config.epochs else config.size
        for image, target in _batches(config, data, ~unseen, member, epoch, size):
            rate = _learning_rate(config, step, steps_per_epoch * config.epochs)
            losses.append(_train_step(net, optimiser, image, target, rate, config))
            step += 1
            _update_average(average, net, min(config.ema_decay, (1 + step) / (10 + step)))
        last = epoch == config.epochs - 1
        held = (None, None)
        if last or (epoch + 1) % config.evaluate_every == 0:
            held = evaluate_slices(average, data, unseen, config.size)
        report(EpochLog(epoch, size, float(np.mean(losses)), held[0], held[1], rate, clock() - started), average)
    return average


def predict_slices(
    net: SegmentationNet, data: TrainingSet, chosen: NDArray[np.bool_], size: int, flair_only: bool = False
) -> NDArray[np.float32]:
    """Foreground probabilities (n, row, column) of the chosen slices, scaled by their volume's own range."""
    places = np.flatnonzero(chosen)
    prob = np.empty((len(places), *data.mask.shape[1:]), dtype=np.float32)
    for first in range(0, len(places), 32):
        some = places[first : first + 32]
        batch = np.stack([_prepared(data, place, size, flair_only) for place in some])
        with torch.inference_mode():
            logits = net(torch.from_numpy(batch).contiguous(memory_format=torch.channels_last))
        prob[first : first + 32] = torch.sigmoid(logits)[:, 0].numpy()
    return prob


def evaluate_slices(
    net: SegmentationNet, data: TrainingSet, chosen: NDArray[np.bool_], size: int
) -> tuple[float, float]:
    """Loss and mean patient Dice (threshold 0.5, all slices of a patient together) on the chosen slices."""
    if not chosen.any():
        return math.nan, math.nan
    prob = predict_slices(net, data, chosen, size)
    mask = data.mask[chosen]
    clipped = np.clip(prob, 1e-6, 1 - 1e-6)
    loss = float(-np.where(mask, np.log(clipped), np.log1p(-clipped)).mean())
    patient = data.patient[chosen]
    dice = [_dice(prob[patient == name] > 0.5, mask[patient == name]) for name in np.unique(patient)]
    return loss, float(np.mean(dice))


def segmentation_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy plus one minus the soft Dice of the whole batch."""
    prob = torch.sigmoid(logits)
    overlap = 2 * (prob * target).sum() + 1
    dice = overlap / (prob.sum() + target.sum() + 1)
    return functional.binary_cross_entropy_with_logits(logits, target) + 1 - dice


def _dice(pred: NDArray[np.bool_], ref: NDArray[np.bool_]) -> float:
    total = int(pred.sum()) + int(ref.sum())
    return 2 * int((pred & ref).sum()) / total if total else 1.0


def _prepared(data: TrainingSet, place: int, size: int, flair_only: bool) -> NDArray[np.float32]:
    channels = (FLAIR, FLAIR, FLAIR) if flair_only else (0, FLAIR, 2)
    ranges = data.volume_range[place]
    return fit_slice(np.stack([apply_range(data.image[place, each], ranges[each]) for each in channels]), size)


def _batches(
    config: SegmenterConfig, data: TrainingSet, seen: NDArray[np.bool_], member: int, epoch: int, size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    order = _draw_order(config, data, seen, member, epoch)
    for first in range(0, len(order) - config.batch_size + 1, config.batch_size):
        images, masks = [], []
        for position in range(first, first + config.batch_size):
            rng = np.random.default_rng((config.seed, member, epoch, position))
            image, mask = _drawn_sample(config, data, int(order[position]), rng, size)
            images.append(image)
            masks.append(mask)
        image_batch = torch.from_numpy(np.stack(images)).contiguous(memory_format=torch.channels_last)
        yield image_batch, torch.from_numpy(np.stack(masks)[:, None].astype(np.float32))


def _draw_order(
    config: SegmenterConfig, data: TrainingSet, seen: NDArray[np.bool_], member: int, epoch: int
) -> NDArray[np.int64]:
    rng = np.random.default_rng((config.seed, member, epoch))
    tumour = np.flatnonzero(seen & data.has_tumour)
    empty = np.flatnonzero(seen & ~data.has_tumour)
    wanted = round(config.samples_per_epoch * config.tumour_share)
    parts = [_take(rng, tumour, wanted), _take(rng, empty, config.samples_per_epoch - wanted)]
    return rng.permutation(np.concatenate(parts))


def _take(rng: np.random.Generator, pool: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    rounds = [rng.permutation(pool) for _ in range(-(-count // len(pool)))]
    return np.concatenate(rounds)[:count]


def _drawn_sample(
    config: SegmenterConfig, data: TrainingSet, place: int, rng: np.random.Generator, size: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    alone = rng.random() < config.augment.single_slice_probability
    ranges = data.slice_range[place] if alone else data.volume_range[place]
    scaled = np.stack([apply_range(channel, limits) for channel, limits in zip(data.image[place], ranges, strict=True)])
    return apply_augmentation(scaled, data.mask[place], draw_augmentation(rng, config.augment), size)


def _make_optimiser(net: SegmentationNet, config: SegmenterConfig) -> torch.optim.AdamW:
    decayed = [parameter for parameter in net.parameters() if parameter.ndim > 1]
    plain = [parameter for parameter in net.parameters() if parameter.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def _learning_rate(config: SegmenterConfig, step: int, steps: int) -> float:
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    floor = config.final_lr_share
    return config.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share)))


def _train_step(
    net: SegmentationNet,
    optimiser: torch.optim.AdamW,
    image: Tensor,
    target: Tensor,
    rate: float,
    config: SegmenterConfig,
) -> float:
    for group in optimiser.param_groups:
        group["lr"] = rate
    net.train()
    with torch.autocast("cpu", dtype=torch.bfloat16) if config.bf16 else nullcontext():
        logits = net(image)
    loss = segmentation_loss(logits.float(), target)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), config.gradient_limit)
    optimiser.step()
    return float(loss.detach())


def _update_average(average: SegmentationNet, net: SegmentationNet, decay: float) -> None:
    with torch.no_grad():
        for kept, new in zip(average.parameters(), net.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)
        for kept_buffer, new_buffer in zip(average.buffers(), net.buffers(), strict=True):
            if kept_buffer.is_floating_point():
                kept_buffer.lerp_(new_buffer, 1 - decay)
            else:
                kept_buffer.copy_(new_buffer)
