"""One classifier's training: a fixed number of epochs, the moving average of the weights, nothing picked."""

from __future__ import annotations

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
from core.train.common.loop import Clock, Epoch, prepare_network, train_epochs
from core.train.common.task import MemberTask

CHUNK = 50
Batch = tuple[Tensor, Tensor]
ClassifierTask = MemberTask[ClassifierConfig, PictureSet]
"""What a member learns from the pictures."""


@dataclass(frozen=True)
class ClassifierLog:
    """One line of a member's curve. Nothing about left-out persons: they are judged once, at the end."""

    epoch: int
    size: int
    train_loss: float
    learning_rate: float
    seconds: float

    @property
    def note(self) -> str:
        """Nothing: left-out persons are not looked at."""
        return ""


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
    pictures = {size: scaled_pictures(task.data, size) for size in {config.early_size, config.size}}

    def make(generator: torch.Generator) -> ClassifierNet:
        net = build_classifier(config.architecture)
        initialise_classifier(net, generator)
        return net

    def batches(epoch: int, size: int) -> Iterator[Batch]:
        return _batches(task, pictures[size], epoch)

    def ended(average: ClassifierNet, epoch: Epoch) -> None:
        rate, seconds = epoch.learning_rate, epoch.seconds()
        report(ClassifierLog(epoch.number, epoch.size, epoch.train_loss, rate, seconds))

    net = prepare_network(config, task.member, make, start)
    return train_epochs(net, config, _steps(task), batches, _loss, ended, clock)


def _loss(net: ClassifierNet, batch: Batch) -> Tensor:
    return functional.cross_entropy(net(batch[0]), batch[1])


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


def _steps(task: ClassifierTask) -> int:
    return int((~task.unseen).sum()) // task.config.batch_size * task.config.epochs


def _batches(task: ClassifierTask, pictures: NDArray[np.float32], epoch: int) -> Iterator[Batch]:
    """Inputs (case, channel, size, size) and wanted probabilities (case, class) of one epoch."""
    config = task.config
    rng = task.random(epoch)
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
    return apply_change(picture, draw_change(task.random(epoch, place), task.config.changes))


def _as_input(pictures: NDArray[np.float32], config: ClassifierConfig) -> Tensor:
    """Pictures (case, size, size), standardised, the same in every channel of the network."""
    planes = [
        standardise(np.stack([each] * len(config.channels)), config.mean, config.std) for each in pictures
    ]
    return torch.from_numpy(np.stack(planes)).contiguous(memory_format=torch.channels_last)
