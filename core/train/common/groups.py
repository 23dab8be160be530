"""Patients as groups that are never split: their folds, and the Dice of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.metrics import dice
from core.types import BoolArray


def assign_folds(volumes: Mapping[str, int], folds: int) -> dict[str, int]:
    """A fold for each patient, balanced: sorted by outlined volume, dealt out forwards and backwards in turn.

    >>> assign_folds({"a": 9, "b": 7, "c": 5, "d": 3}, 2)
    {'a': 0, 'b': 1, 'c': 1, 'd': 0}
    """
    ranked = sorted(volumes, key=lambda name: (-volumes[name], name))
    order = list(range(folds)) + list(reversed(range(folds)))
    return {name: order[place % (2 * folds)] for place, name in enumerate(ranked)}


def in_folds(group: NDArray[np.str_], folds: Mapping[str, int], chosen: Sequence[int]) -> NDArray[np.bool_]:
    """Marks the samples of the patients in the chosen folds; group: patient of each sample."""
    return np.isin([folds[str(name)] for name in group], chosen)


def names_by_fold(folds: Mapping[str, int], count: int) -> tuple[tuple[str, ...], ...]:
    """The patients of each of `count` folds, sorted.

    >>> names_by_fold({"b": 0, "a": 0, "c": 1}, 2)
    (('a', 'b'), ('c',))
    """
    return tuple(tuple(sorted(name for name in folds if folds[name] == fold)) for fold in range(count))


def group_dice(mask_pred: BoolArray, mask_ref: BoolArray, group: NDArray[np.str_]) -> dict[str, float]:
    """Dice of each patient over all of its slices, masks (slice, row, column); 1 where both are empty."""
    return {str(name): dice(mask_pred[group == name], mask_ref[group == name]) for name in np.unique(group)}
