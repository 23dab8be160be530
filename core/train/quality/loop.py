"""One fold's quality network: a run of fixed length, the moving average of its weights; nothing picked."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.detector.quality.network import QualityNet
from core.train.common.loop import learning_rate, make_optimiser, update_average
from core.train.quality.sampling import PairBatch, QualityTask, pair_batches

ERROR_PRIOR_BIAS = -4.0
"""The maps start by calling most cells right, as most cells are."""

Ended = Callable[[int, float], None]
"""Is given the number and the mean loss of every finished epoch."""


def train_quality_network(task: QualityTask, ended: Ended) -> QualityNet:
    """The moving average of the weights after the last epoch, in evaluation mode."""
    settings = task.config
    net = new_network(torch.Generator().manual_seed(settings.seed * 1000 + task.member))
    net = net.to(memory_format=torch.channels_last)
    average = copy.deepcopy(net).eval()
    optimiser = make_optimiser(net, settings)
    steps = settings.epochs * (settings.samples_per_epoch // settings.batch_size)
    step = 0
    for epoch in range(settings.epochs):
        losses = []
        net.train()
        for batch in pair_batches(task, epoch):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(settings, step, steps)
            losses.append(_descend(net, optimiser, batch, task))
            step += 1
            update_average(average, net, min(settings.ema_decay, (1 + step) / (10 + step)))
        ended(epoch, float(np.mean(losses)))
    return average.requires_grad_(False)


def new_network(generator: torch.Generator) -> QualityNet:
    """An untrained network whose weights come from the generator: He-normal, small last layers."""
    with torch.random.fork_rng(devices=[]):
        net = QualityNet()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.weight[0, 0].numel() * module.out_channels
            nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out), generator=generator)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, math.sqrt(1.0 / module.in_features), generator=generator)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    nn.init.normal_(net.error.weight, 0.0, 0.01, generator=generator)
    assert net.error.bias is not None
    nn.init.constant_(net.error.bias, ERROR_PRIOR_BIAS)
    return net


def quality_loss(net: QualityNet, batch: PairBatch, map_weight: float, bf16: bool = False) -> Tensor:
    """Cross-entropy of both answers, and of the error maps by `map_weight`; means over cases and cells."""
    inputs = torch.from_numpy(batch.inputs).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        answer, error = net(inputs)
    answer, error = answer.float(), error.float()
    truth = torch.from_numpy(np.stack([batch.good, batch.dice], axis=1))
    own = functional.binary_cross_entropy_with_logits(answer, truth)
    maps = functional.binary_cross_entropy_with_logits(error, torch.from_numpy(batch.errors))
    return 2.0 * own + map_weight * maps


def _descend(net: QualityNet, optimiser: torch.optim.AdamW, batch: PairBatch, task: QualityTask) -> float:
    optimiser.zero_grad(set_to_none=True)
    loss = quality_loss(net, batch, task.config.map_weight, task.config.bf16)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(net.parameters(), task.config.gradient_limit)
    optimiser.step()
    return float(loss.detach())
