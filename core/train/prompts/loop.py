"""One prompted segmenter's training: the segmenter's course, with a prompt as the last channel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from core.models.build import SegmentationNet
from core.models.preprocess import apply_range
from core.models.prompts import prompt_plane
from core.models.records import ArchitectureConfig
from core.train.common.loop import Clock, prepare_network
from core.train.config import SegmenterConfig
from core.train.data import TrainingSet, evaluate_probabilities
from core.train.loop import EpochLog, Judged, architecture_of, maker, segmentation_loss, train_segmenter
from core.train.prompts.config import PromptSettings
from core.train.prompts.draw import draw_prompt
from core.train.sampling import Batch, SliceTask, draw_order, drawn_sample
from core.types import BoolArray, Float32Array
from core.types.prompts import Box, box_of

CHUNK = 32


def train_prompted(
    task: SliceTask,
    prompts: PromptSettings,
    report: Callable[[EpochLog], None],
    clock: Clock = time.perf_counter,
) -> SegmentationNet:
    """The moving average of a network's weights after the last epoch; `report` is called every epoch.

    The left-out patients are judged on their slices with a lesion, each given the box of its reference.
    """
    config, data = task.config, task.data
    judged = task.unseen & data.has_tumour

    def batches(epoch: int, size: int) -> Iterable[Batch]:
        return prompted_batches(task, prompts, epoch, size)

    def judge(average: SegmentationNet) -> Judged:
        boxes = [box for box in map(box_of, data.mask[judged]) if box is not None]
        return evaluate_probabilities(predict_boxes(average, data, judged, boxes, config.size), data, judged)

    net = prepare_network(config, task.member, maker(prompted_architecture(config)))
    return train_segmenter(
        net, config, batches, segmentation_loss, judge if judged.any() else None, report, clock
    )


def prompted_architecture(config: SegmenterConfig) -> ArchitectureConfig:
    """The network of the configuration, one input channel more than the picture has."""
    return architecture_of(config, len(config.channels))


def prompted_batches(task: SliceTask, prompts: PromptSettings, epoch: int, size: int) -> Iterator[Batch]:
    """Batches of images with their prompt (case, 4, size, size) and targets (case, 1, size, size)."""
    batch_size = task.config.batch_size
    order = draw_order(task, epoch)
    for first in range(0, len(order) - batch_size + 1, batch_size):
        pairs = [_sample(task, prompts, order, epoch, first + each, size) for each in range(batch_size)]
        images, targets = zip(*pairs, strict=True)
        yield np.stack(images), np.stack(targets)[:, None].astype(np.float32)


def predict_boxes(
    net: SegmentationNet, data: TrainingSet, chosen: NDArray[np.bool_], boxes: list[Box], size: int
) -> Float32Array:
    """Probabilities (n, size, size) of the chosen slices, one box each, scaled by their volume's range."""
    places = np.flatnonzero(chosen)
    prob = np.empty((len(places), size, size), dtype=np.float32)
    for first in range(0, len(places), CHUNK):
        some = range(first, min(first + CHUNK, len(places)))
        batch = np.stack([_with_box(data, int(places[each]), boxes[each], size) for each in some])
        with torch.inference_mode():
            logits = net(torch.from_numpy(batch).contiguous(memory_format=torch.channels_last))
        prob[first : first + len(some)] = torch.sigmoid(logits)[:, 0].numpy()
    return prob


def _with_box(data: TrainingSet, place: int, box: Box, size: int) -> Float32Array:
    image, ranges = data.image[place], data.volume_range[place]
    scaled = [apply_range(channel, limits) for channel, limits in zip(image, ranges, strict=True)]
    return np.stack([*scaled, prompt_plane(box, image.shape[1:], size)])


def _sample(
    task: SliceTask, prompts: PromptSettings, order: NDArray[np.int64], epoch: int, place: int, size: int
) -> tuple[Float32Array, BoolArray]:
    image, mask = drawn_sample(task, order, epoch, place, size)
    asked = draw_prompt(task.random(epoch, place, 1), image, mask, prompts)
    return np.concatenate([image, asked.plane[None]]), asked.target
