"""One half of the patients to choose on, the other half to report on: no number is shown in sample."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from core.types import BoolArray


def split_halves(groups: Sequence[str], seed: int) -> BoolArray:
    """(unit,) bool: True where the unit belongs to the half that is fitted on, False where it is reported on.

    Whole groups (patients) fall on one side: they are ordered by the SHA-256 of seed and name and the first
    half, rounded down, is fitted on. So the order of the rows does not matter, and a single group is reported
    on. Same groups and seed, same halves.

    >>> split_halves(["a", "a", "b", "b"], seed=0).tolist()
    [True, True, False, False]
    """
    names, index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    ranked = sorted(range(len(names)), key=lambda k: hashlib.sha256(f"{seed}\0{names[k]}".encode()).digest())
    fitted = np.zeros(len(names), np.bool_)
    fitted[ranked[: len(names) // 2]] = True
    return fitted[index]
