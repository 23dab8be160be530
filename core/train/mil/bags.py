"""Which bags an epoch of training shows: drawn from seeds, in any share of the classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.train.common.task import draw_mixed
from core.train.mil.augment import apply_bag_change, draw_bag_change
from core.train.mil.config import MilConfig
from core.train.mil.data import Bag, BagData, evaluation_bags
from core.types import Float32Array

CANDIDATES = 4
"""Bags drawn for each one that is shown, so that a share of the classes can be chosen among them."""


@dataclass(frozen=True, eq=False)
class FoldTask:
    """What one member learns from: settings, data, its number, the volumes that it may see, and those that it
    is judged on in every epoch without learning from them."""

    config: MilConfig
    data: BagData
    member: int
    seen: tuple[int, ...]
    unseen: tuple[int, ...]

    def random(self, epoch: int, *place: int) -> np.random.Generator:
        """The generator of an epoch, or of one place in it: the same for the same seed and member."""
        return np.random.default_rng((self.config.seed, self.member, epoch, *place))

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch; what is left over after whole batches is not shown."""
        return max(1, len(drawn_bags(self, 0)) // self.config.batch_size)


@dataclass(frozen=True, eq=False)
class BagBatch:
    """slices: (slice, channel, row, column) of all bags; sizes: slices of each bag; label: (bag,) 0 or 1."""

    slices: Float32Array
    sizes: tuple[int, ...]
    label: NDArray[np.float32]
    temperature: float


def epoch_bags(task: FoldTask, epoch: int) -> Iterator[BagBatch]:
    """The changed batches of an epoch."""
    bags = drawn_bags(task, epoch)
    count = min(task.config.batch_size, len(bags))
    for first in range(0, len(bags) - count + 1, count):
        shown = [_shown(task, bags[place], epoch, place) for place in range(first, first + count)]
        yield BagBatch(
            slices=np.concatenate(shown),
            sizes=tuple(len(each) for each in shown),
            label=np.array([task.data.label(bag) for bag in bags[first : first + count]], np.float32),
            temperature=task.config.temperature(epoch),
        )


def drawn_bags(task: FoldTask, epoch: int) -> list[Bag]:
    """The bags of an epoch, in the order that they are shown, before any slice is hidden or changed."""
    config, data, rng = task.config, task.data, task.random(epoch)
    if config.draw == "deterministic":
        fixed = evaluation_bags(data, task.seen, config.bag_size)
        candidates = [fixed[place] for place in rng.permutation(len(fixed))]
        count = len(candidates)
    else:
        count = config.bags_per_epoch
        wanted = count if config.positive_share is None else CANDIDATES * count
        candidates = [_draw(task, rng, epoch, volume) for volume in _volumes(task, rng, wanted)]
    if config.positive_share is None:
        return candidates
    label = np.array([data.label(bag) for bag in candidates])
    filled, empty = np.flatnonzero(label == 1), np.flatnonzero(label == 0)
    return [candidates[place] for place in draw_mixed(rng, filled, empty, count, config.positive_share)]


def longest_bag(config: MilConfig, epoch: int) -> int:
    """Most slices of a drawn bag in an epoch; a curriculum grows to it over the first half of the run.

    Short bags come first, since among few slices it is easier to find the one that matters. No mask is looked
    at.
    """
    if config.draw != "curriculum":
        return config.bag_high
    share = min(1.0, epoch / max(1.0, 0.5 * (config.epochs - 1)))
    return round(config.bag_low + share * (config.bag_high - config.bag_low))


def _volumes(task: FoldTask, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Volume indices, each used before any comes again."""
    seen = np.asarray(task.seen, dtype=np.int64)
    rounds = [rng.permutation(seen) for _ in range(-(-count // len(seen)))]
    return np.concatenate(rounds)[:count]


def _draw(task: FoldTask, rng: np.random.Generator, epoch: int, volume: int) -> Bag:
    """A slab of neighbours anywhere in the volume, or slices scattered over all of it."""
    slices = task.data.volumes[volume].slices
    size = min(slices, int(rng.integers(task.config.bag_low, longest_bag(task.config, epoch) + 1)))
    if task.data.kind == "slab":
        start = int(rng.integers(0, slices - size + 1))
        return Bag(int(volume), tuple(range(start, start + size)))
    chosen = np.sort(rng.choice(slices, size, replace=False))
    return Bag(int(volume), tuple(int(each) for each in chosen))


def _shown(task: FoldTask, bag: Bag, epoch: int, place: int) -> Float32Array:
    """A bag's slices with some hidden, never all, and the rest changed."""
    rng = task.random(epoch, place)
    kept = rng.random(len(bag.places)) >= task.config.instance_dropout
    kept[rng.integers(len(kept))] = True
    slices = task.data.slices(bag)[kept]
    return apply_bag_change(slices, draw_bag_change(rng, task.config.changes, slices.shape[1]))
