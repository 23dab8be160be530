"""What one member of a model learns from, and draws of its samples in any share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.train.common.settings import TrainingSettings

Settings = TypeVar("Settings", bound=TrainingSettings)
Data = TypeVar("Data")


@dataclass(frozen=True, eq=False)
class MemberTask(Generic[Settings, Data]):
    """Settings, data and number of a member; `unseen` marks the samples of the folds that it leaves out."""

    config: Settings
    data: Data
    member: int
    unseen: NDArray[np.bool_]

    def random(self, epoch: int, *place: int) -> np.random.Generator:
        """The generator of an epoch, or of one place in it: the same for the same seed and member."""
        return np.random.default_rng((self.config.seed, self.member, epoch, *place))


def draw_mixed(
    rng: np.random.Generator, filled: NDArray[np.int64], empty: NDArray[np.int64], count: int, share: float
) -> NDArray[np.int64]:
    """`count` sample indices in random order, `share` of them filled; all of one sort where the other lacks.

    Each sort is used up before any of it comes again.
    """
    wanted = round(count * share)
    if not len(filled) or not len(empty):
        wanted = count if len(filled) else 0
    return rng.permutation(np.concatenate([_take(rng, filled, wanted), _take(rng, empty, count - wanted)]))


def _take(rng: np.random.Generator, pool: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    if not count:
        return np.empty(0, dtype=np.int64)
    rounds = [rng.permutation(pool) for _ in range(-(-count // len(pool)))]
    return np.concatenate(rounds)[:count]
