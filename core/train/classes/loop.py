"""One classifier's training: a fixed number of epochs, the moving average of the weights, nothing picked."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.models.build_classifier import ClassifierNet, build_classifier, initialise_classifier
from core.models.preprocess import standardise
from core.train.classes.augment import apply_change, draw_change
from core.train.classes.config import ClassifierConfig
from core.train.classes.data import PictureSet, scaled_pictures

Clock = Callable[[], float]
CHUNK = 50


@dataclass(frozen=True)
class ClassifierLog:
    """One line of a member's curve. Nothing about left-out persons: they are judged once, at the end."""

    epoch: int
    size: int
    train_loss: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True, eq=False)
class ClassifierTask:
    """What one member learns from; `unseen` marks the pictures of the folds that it leaves out."""

    config: ClassifierConfig
    data: PictureSet
    member: int
    unseen: NDArray[np.bool_]


def train_classifier_member(
    task: ClassifierTask,
    report: Callable[[ClassifierLog], None],
    start: ClassifierNet | None = None,
    clock: Clock = time.perf_counter,
) -> ClassifierNet:
    """The moving average of a network's weights after the last epoch; `report` is called every epoch.

    start: a network with trained weights to go on from (it is copied); None: new weights from the seed.
    """
    config = task.config
    net = _prepare(task, start)
    average = copy.deepcopy(net).eval()
    average.dropout.generator = None
    optimiser = _optimiser(net, config)
    pictures = {size: scaled_pictures(task.data, size) for size in {config.early_size, config.size}}
    steps, step = _steps(task), 0
    for epoch in range(config.epochs):
        started, losses, rate = clock(), [], 0.0
        size = config.early_size if epoch < config.early_share * config.epochs else config.size
        for image, target in _batches(task, pictures[size], epoch):
            rate = _learning_rate(config, step, steps)
            losses.append(_train_step(net, optimiser, image, target, rate, config))
            step += 1
            _update(average, net, min(config.ema_decay, (1 + step) / (10 + step)))
        report(ClassifierLog(epoch, size, float(np.mean(losses)), rate, clock() - started))
    return average


def predict_pictures(
    net: ClassifierNet, data: PictureSet, chosen: NDArray[np.bool_], config: ClassifierConfig
) -> NDArray[np.float64]:
    """Class probabilities (n, class) of the chosen pictures, dropout off."""
    places = np.flatnonzero(chosen)
    pictures = scaled_pictures(_subset(data, places), config.size)
    parts = []
    for first in range(0, len(places), CHUNK):
        with torch.inference_mode():
            logits = net(_as_input(pictures[first : first + CHUNK], config))
        parts.append(torch.softmax(logits.double(), 1).numpy())
    return np.concatenate(parts)


def _subset(data: PictureSet, places: NDArray[np.int64]) -> PictureSet:
    names = tuple(data.name[int(place)] for place in places)
    return PictureSet(data.image[places], data.label[places], data.person[places], names, data.class_names)


def _prepare(task: ClassifierTask, start: ClassifierNet | None) -> ClassifierNet:
    generator = torch.Generator().manual_seed(task.config.seed * 1000 + task.member)
    if start is None:
        net = build_classifier(task.config.architecture)
        initialise_classifier(net, generator)
    else:
        net = copy.deepcopy(start).requires_grad_(True)
    net.dropout.generator = generator
    return net.to(memory_format=torch.channels_last)


def _steps(task: ClassifierTask) -> int:
    return int((~task.unseen).sum()) // task.config.batch_size * task.config.epochs


def _batches(
    task: ClassifierTask, pictures: NDArray[np.float32], epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Inputs (case, channel, size, size) and wanted probabilities (case, class) of one epoch."""
    config = task.config
    rng = np.random.default_rng((config.seed, task.member, epoch))
    order = rng.permutation(np.flatnonzero(~task.unseen))
    classes = np.eye(len(config.class_names), dtype=np.float32)
    smooth = np.float32(config.label_smoothing)
    for first in range(0, len(order) - config.batch_size + 1, config.batch_size):
        places = order[first : first + config.batch_size]
        image = np.stack([_changed(task, pictures[place], epoch, int(place)) for place in places])
        target = classes[task.data.label[places]] * (1 - smooth) + smooth / len(config.class_names)
        if config.mix_alpha > 0:
            share = np.float32(rng.beta(config.mix_alpha, config.mix_alpha))
            other = rng.permutation(len(places))
            image = share * image + (1 - share) * image[other]
            target = share * target + (1 - share) * target[other]
        yield _as_input(image, config), torch.from_numpy(target)


def _changed(
    task: ClassifierTask, picture: NDArray[np.float32], epoch: int, place: int
) -> NDArray[np.float32]:
    rng = np.random.default_rng((task.config.seed, task.member, epoch, place))
    return apply_change(picture, draw_change(rng, task.config.changes))


def _as_input(pictures: NDArray[np.float32], config: ClassifierConfig) -> Tensor:
    """Pictures (case, size, size), standardised, the same in every channel of the network."""
    planes = [
        standardise(np.stack([each] * len(config.channels)), config.mean, config.std) for each in pictures
    ]
    return torch.from_numpy(np.stack(planes)).contiguous(memory_format=torch.channels_last)


def _train_step(
    net: ClassifierNet,
    optimiser: torch.optim.AdamW,
    image: Tensor,
    target: Tensor,
    rate: float,
    config: ClassifierConfig,
) -> float:
    for group in optimiser.param_groups:
        group["lr"] = rate
    net.train()
    loss = functional.cross_entropy(net(image), target)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), config.gradient_limit)
    optimiser.step()
    return float(loss.detach())


def _optimiser(net: ClassifierNet, config: ClassifierConfig) -> torch.optim.AdamW:
    groups = [
        {"params": [each for each in net.parameters() if each.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [each for each in net.parameters() if each.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate)


def _learning_rate(config: ClassifierConfig, step: int, steps: int) -> float:
    """Linear warm-up, then half a cosine down to the final share."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    floor = config.final_lr_share
    return config.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share)))


def _update(average: ClassifierNet, net: ClassifierNet, decay: float) -> None:
    with torch.no_grad():
        for kept, new in zip(average.parameters(), net.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)
        for kept_buffer, new_buffer in zip(average.buffers(), net.buffers(), strict=True):
            if kept_buffer.is_floating_point():
                kept_buffer.lerp_(new_buffer, 1 - decay)
            else:
                kept_buffer.copy_(new_buffer)
