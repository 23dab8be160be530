"""One member's training: epochs of drawn bags, the attention's temperature, an early end where asked for."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np
import torch
from torch import Tensor

from core.models.mil import BagNet, build_bag_net, initialise_bag_net
from core.models.mil_weights import set_temperature
from core.train.common.loop import Clock, Epoch, prepare_network, train_epochs
from core.train.mil.bags import BagBatch, FoldTask, epoch_bags
from core.train.mil.config import EarlyStopping
from core.train.mil.data import Bag, evaluation_bags, volumes_of
from core.train.mil.judge import NO_ATTENTION, BagNumbers, JudgedBag, attention_numbers, judge_bags
from core.train.mil.logs import MilLog
from core.train.mil.losses import class_weights, streams_loss

Picture = Callable[[int, tuple[JudgedBag, ...]], None]
"""Takes an epoch's number and the bags that were judged after it."""


def train_bag_member(
    task: FoldTask,
    report: Callable[[MilLog], None],
    picture: Picture | None = None,
    clock: Clock = time.perf_counter,
) -> BagNet:
    """The moving average of a network's weights after the last epoch, or of the best one with early stopping.

    report: is given every epoch's line. picture: is given the left-out bags every few epochs.
    """
    config, data = task.config, task.data
    stop = config.early_stopping
    task, watched = _set_aside(task, stop)
    weights = class_weights(
        config,
        np.array([data.label(bag) for bag in evaluation_bags(data, task.seen, config.bag_size)]),
    )
    judged_bags = evaluation_bags(data, task.unseen, config.bag_size)
    course = _Course(stop)

    def make(generator: torch.Generator) -> BagNet:
        net = build_bag_net(config.architecture)
        initialise_bag_net(net, generator)
        return net

    def batches(epoch: int, size: int) -> Iterable[BagBatch]:
        return epoch_bags(task, epoch)

    def loss(net: BagNet, batch: BagBatch) -> Tensor:
        set_temperature(net, batch.temperature)
        slices = torch.from_numpy(batch.slices).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16) if config.bf16 else nullcontext():
            features = net.features(slices)
        return streams_loss(
            net.heads(features.float(), batch.sizes), torch.from_numpy(batch.label), weights, config
        )

    def ended(average: BagNet, epoch: Epoch) -> bool:
        set_temperature(average, config.temperature(epoch.number))
        judged = judge_bags(average, data, judged_bags, task.member) if judged_bags else ()
        report(_line(task, epoch, judged))
        if picture and judged and config.plot_every and (epoch.number + 1) % config.plot_every == 0:
            picture(epoch.number, judged)
        if stop is None:
            return False
        return course.over(average, epoch.number, BagNumbers(judge_bags(average, data, watched)))

    net = prepare_network(config, task.member, make)
    steps = config.epochs * task.steps_per_epoch
    last = train_epochs(net, config, steps, batches, loss, ended, clock)
    return course.best or last


@dataclass
class _Course:
    """The best epoch so far; it changes while a run goes on."""

    stop: EarlyStopping | None
    best: BagNet | None = None
    best_value: float = -np.inf
    best_epoch: int = -1

    def over(self, average: BagNet, epoch: int, numbers: BagNumbers) -> bool:
        """Whether the run ends here; keeps a copy of the weights where the metric rose."""
        assert self.stop is not None
        value = stop_value(numbers, self.stop)
        if value > self.best_value:
            self.best, self.best_value, self.best_epoch = copy.deepcopy(average), value, epoch
        return epoch - self.best_epoch >= self.stop.patience


def stop_value(numbers: BagNumbers, stop: EarlyStopping) -> float:
    """What early stopping looks at, higher is better; -inf where it is undefined."""
    recalls = numbers.recall(0), numbers.recall(1)
    value = {
        "val_auc": numbers.auc,
        "val_f1": numbers.f1,
        "val_balanced_accuracy": numbers.balanced_accuracy,
        "val_worst_recall": min(recalls),
    }[stop.metric]
    return -np.inf if np.isnan(value) else value


def _set_aside(task: FoldTask, stop: EarlyStopping | None) -> tuple[FoldTask, tuple[Bag, ...]]:
    """The task without the patients that decide when to stop, and the bags of those patients."""
    if stop is None:
        return task, ()
    data = task.data
    patients = sorted({data.volumes[each].patient for each in task.seen})
    count = max(1, round(stop.share * len(patients)))
    label = {name: max(data.label(bag) for bag in _bags_of(task, (name,))) for name in patients}
    order = np.random.default_rng((task.config.seed, task.member)).permutation(len(patients))
    by_label = [[patients[each] for each in order if label[patients[each]] == kind] for kind in (0, 1)]
    chosen = [name for pair in zip_longest(*by_label) for name in pair if name is not None][:count]
    apart = set(volumes_of(data, chosen))
    rest = tuple(each for each in task.seen if each not in apart)
    return replace(task, seen=rest), _bags_of(task, chosen)


def _bags_of(task: FoldTask, patients: Sequence[str]) -> tuple[Bag, ...]:
    wanted = volumes_of(task.data, patients)
    return evaluation_bags(task.data, wanted, task.config.bag_size)


def _line(task: FoldTask, epoch: Epoch, judged: tuple[JudgedBag, ...]) -> MilLog:
    nothing = float("nan")
    numbers = BagNumbers(judged) if judged else None
    spread = attention_numbers(judged) if judged else NO_ATTENTION
    return MilLog(
        epoch=epoch.number,
        step=(epoch.number + 1) * task.steps_per_epoch - 1,
        train_loss=epoch.train_loss,
        val_loss=numbers.loss if numbers else nothing,
        val_auc=numbers.auc if numbers else nothing,
        val_accuracy=numbers.accuracy if numbers else nothing,
        val_balanced_accuracy=numbers.balanced_accuracy if numbers else nothing,
        val_f1=numbers.f1 if numbers else nothing,
        val_recall_negative=numbers.recall(0) if numbers else nothing,
        val_recall_positive=numbers.recall(1) if numbers else nothing,
        val_predicted_positive=numbers.predicted_share if numbers else nothing,
        attention_entropy=spread.entropy,
        attention_normalised_entropy=spread.normalised,
        attention_top1=spread.top1,
        attention_effective_exp=spread.effective,
        attention_effective_inverse=spread.effective_inverse,
        selection_confidence=spread.selection,
        attention_temperature=task.config.temperature(epoch.number),
        learning_rate=epoch.learning_rate,
        seconds=epoch.seconds(),
    )
