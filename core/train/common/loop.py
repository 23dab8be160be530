"""A run of fixed length: warm-up and cosine, AdamW, the moving average of the weights; nothing picked."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from core.models.weights import Net
from core.train.common.settings import TrainingSettings

Batch = TypeVar("Batch")
Clock = Callable[[], float]


@dataclass(frozen=True)
class Epoch:
    """A finished epoch: mean loss over its batches, the last learning rate, seconds since its start."""

    number: int
    size: int
    train_loss: float
    learning_rate: float
    seconds: Callable[[], float]


def prepare_network(
    settings: TrainingSettings, member: int, make: Callable[[torch.Generator], Net], start: Net | None = None
) -> Net:
    """A network to train, whose dropout draws from the member's own generator.

    make: new weights from that generator. start: a trained network to go on from instead; it is copied.
    """
    generator = torch.Generator().manual_seed(settings.seed * 1000 + member)
    net = make(generator) if start is None else copy.deepcopy(start).requires_grad_(True)
    net.dropout.generator = generator
    return net.to(memory_format=torch.channels_last)


def train_epochs(
    net: Net,
    settings: TrainingSettings,
    steps: int,
    batches: Callable[[int, int], Iterable[Batch]],
    loss: Callable[[Net, Batch], Tensor],
    ended: Callable[[Net, Epoch], bool | None],
    clock: Clock = time.perf_counter,
) -> Net:
    """The moving average of the network's weights after the last epoch.

    steps: batches of the whole run. batches: those of an epoch at a size in pixels. ended: is given the
    moving average and the numbers of every finished epoch; where it says True, the run ends there.
    """
    average = copy.deepcopy(net).eval()
    average.dropout.generator = None
    optimiser = make_optimiser(net, settings)
    step = 0
    for epoch in range(settings.epochs):
        started, losses, rate = clock(), [], 0.0
        size = settings.size_of(epoch)
        for batch in batches(epoch, size):
            rate = learning_rate(settings, step, steps)
            net.train()
            losses.append(_descend(net, optimiser, loss(net, batch), rate, settings.gradient_limit))
            step += 1
            update_average(average, net, min(settings.ema_decay, (1 + step) / (10 + step)))
        if ended(average, Epoch(epoch, size, float(np.mean(losses)), rate, _since(started, clock))):
            break
    return average


def learning_rate(settings: TrainingSettings, step: int, steps: int) -> float:
    """Linear warm-up, then half a cosine down to the final share after `steps` batches."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    share = (step - settings.warmup_steps) / max(1, steps - settings.warmup_steps)
    floor = settings.final_lr_share
    return settings.learning_rate * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share)))


def make_optimiser(net: nn.Module, settings: TrainingSettings) -> torch.optim.AdamW:
    """AdamW whose decay leaves biases and scales alone."""
    decayed = [parameter for parameter in net.parameters() if parameter.ndim > 1]
    plain = [parameter for parameter in net.parameters() if parameter.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def update_average(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Move the average by a share of 1 - decay towards the network, in place."""
    with torch.no_grad():
        for kept, new in zip(average.parameters(), net.parameters(), strict=True):
            kept.lerp_(new, 1 - decay)
        for kept_buffer, new_buffer in zip(average.buffers(), net.buffers(), strict=True):
            if kept_buffer.is_floating_point():
                kept_buffer.lerp_(new_buffer, 1 - decay)
            else:
                kept_buffer.copy_(new_buffer)


def _descend(net: nn.Module, optimiser: torch.optim.AdamW, loss: Tensor, rate: float, limit: float) -> float:
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(net.parameters(), limit)
    optimiser.step()
    return float(loss.detach())


def _since(started: float, clock: Clock) -> Callable[[], float]:
    return lambda: clock() - started
