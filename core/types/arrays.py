"""Array types, fixed-point maps and the callback that long work reports to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
LabelArray = NDArray[np.uint8]
BoolArray = NDArray[np.bool_]

Progress = Callable[[float, str], None]
"""Called with the done share in [0, 1] and a short sentence; may raise core.errors.Cancelled."""


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """A map of real numbers in [0, upper] coded as uint16; what is shown, measured and stored alike.

    codes: uint16 (..., slice, row, column); value = codes / 65535 * upper, error at most upper / 131070.
    """

    codes: NDArray[np.uint16]
    upper: float

    @classmethod
    def of(cls, values: NDArray[np.floating], upper: float) -> FixedPoint:
        """Round `values` (clipped to [0, upper]) to the nearest code, halves down.

        So a probability of exactly one half stays background, as in "prob > 0.5".
        """
        scaled = np.clip(np.asarray(values, np.float64) / upper, 0.0, 1.0) * 65535.0
        codes = np.ceil(scaled - 0.5).astype(np.uint16)
        codes.flags.writeable = False
        return cls(codes, float(upper))

    @property
    def values(self) -> Float32Array:
        """float32 copy of the decoded values."""
        return (self.codes.astype(np.float64) * (self.upper / 65535.0)).astype(np.float32)


def label_map(prob: FixedPoint) -> LabelArray:
    """Labels of foreground probabilities (class, slice, row, column): arg-max, background included.

    One foreground class: 1 where prob > 0.5, decided on the stored codes so that what is shown,
    measured and stored agree.
    """
    if len(prob.codes) == 1:
        # Same answer at a hundredth of the time: 2 * code > 65535 means code > 32767.
        return np.asarray(prob.codes[0] > 32767, np.uint8)
    codes = prob.codes.astype(np.int64)
    background = 65535 - codes.sum(axis=0)
    best = codes.argmax(axis=0)
    top = np.take_along_axis(codes, best[None], axis=0)[0]
    labels: LabelArray = np.where(top > background, best + 1, 0).astype(np.uint8)
    return labels
