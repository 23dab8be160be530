"""Running mean, variance and entropies of a stream of probability maps; nothing is stacked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InferenceProblem
from core.types import Float32Array, Float64Array

FloatArray = NDArray[np.floating]

ROUNDING = 1e-6
"""Mutual information below 0 by no more than this is rounding of float32 logarithms; more is a bug."""
SMALLEST = np.float32(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class MomentMaps:
    """What a stream of samples amounts to, float64.

    mean: (class, row, column), foreground classes, in [0, 1]. The other maps are (row, column) over all
    classes, background included: predictive_entropy, expected_entropy, mutual_information in [0, ln C]
    nats, variance in [0, 1/4]. With one sample the last three are None: it cannot tell.
    """

    samples: int
    mean: Float64Array
    predictive_entropy: Float64Array
    expected_entropy: Float64Array | None
    mutual_information: Float64Array | None
    variance: Float64Array | None


class Moments:
    """Welford's running mean and sum of squared deviations in float64, and the running sum of entropies.

    A sum of squares in float32 would lose every digit of a small variance. Source: Welford 1962,
    doi:10.1080/00401706.1962.10490022.

    >>> moments = Moments((1, 1, 1))
    >>> moments.add(np.array([[[0.2]]], np.float32)); moments.add(np.array([[[0.6]]], np.float32))
    >>> maps = moments.maps()
    >>> round(float(maps.mean[0, 0, 0]), 6), round(float(maps.variance[0, 0]), 6)
    (0.4, 0.04)
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.count = 0
        self._mean = np.zeros(shape, np.float64)
        self._squares = np.zeros(shape, np.float64)
        self._background = np.zeros(shape[1:], np.float64) if shape[0] > 1 else None
        self._background_squares = np.zeros(shape[1:], np.float64)
        self._entropy = np.zeros(shape[1:], np.float64)

    def add(self, prob: Float32Array) -> None:
        """Take in one sample, (class, row, column) foreground probabilities in [0, 1]; it is not kept.

        Raises InferenceProblem when the network returned NaN or no probabilities.
        """
        if not (prob.min() >= 0.0 and prob.max() <= 1.0):
            raise _not_a_probability(prob)
        self.count += 1
        _welford(self._mean, self._squares, prob, self.count)
        background = _background(prob)
        if self._background is not None:
            _welford(self._background, self._background_squares, background, self.count)
        self._entropy += _entropy(prob, background)

    def maps(self) -> MomentMaps:
        """The maps of all samples so far. Raises ValueError before the first one."""
        if self.count == 0:
            raise ValueError("no sample was added")
        predictive = np.asarray(entropy(self._mean), np.float64)
        if self.count == 1:
            return MomentMaps(1, self._mean, predictive, None, None, None)
        expected = self._entropy / self.count
        information = predictive - expected
        if information.min() < -ROUNDING:
            raise ArithmeticError(f"mutual information of {information.min():.3g} nats")
        return MomentMaps(
            self.count, self._mean, predictive, expected, np.maximum(information, 0.0), self._variance()
        )

    def _variance(self) -> Float64Array:
        # One foreground class: the background is its complement and varies alike.
        rest = self._squares[0] if self._background is None else self._background_squares
        total: Float64Array = (self._squares.sum(axis=0) + rest) / (self.count * (len(self._squares) + 1))
        return total


def entropy(prob: FloatArray) -> FloatArray:
    """Entropy in nats of foreground probabilities (class, row, column) and their background, [0, ln C].

    H = -sum_c p_c ln p_c with 0 ln 0 = 0 and the background 1 - sum of the foreground.
    """
    return _entropy(prob, _background(prob))


def largest_entropy(foreground_classes: int) -> float:
    """ln C: the entropy of not knowing at all, background included."""
    return math.log(foreground_classes + 1)


def _welford(mean: Float64Array, squares: Float64Array, value: FloatArray, count: int) -> None:
    delta = value - mean
    mean += delta / count
    squares += delta * (value - mean)


def _background(prob: FloatArray) -> FloatArray:
    # A float32 sum of several classes is off by more than mutual information may be below 0.
    rest: FloatArray = 1.0 - prob.sum(axis=0, dtype=np.float64 if len(prob) > 1 else None)
    return np.maximum(rest, 0.0, out=rest)


def _entropy(prob: FloatArray, background: FloatArray) -> FloatArray:
    total = -_p_ln_p(background)
    for plane in prob:
        total -= _p_ln_p(plane.astype(background.dtype, copy=False))
    return np.maximum(total, 0.0, out=total)


def _p_ln_p(prob: FloatArray) -> FloatArray:
    # Guarded where p = 0 only: a larger floor would move the entropy of confident pixels.
    logs = np.log(np.maximum(prob, SMALLEST))
    logs *= prob
    return logs


def _not_a_probability(prob: Float32Array) -> InferenceProblem:
    return InferenceProblem(
        "The network did not return probabilities",
        found=f"values from {prob.min():.4g} to {prob.max():.4g}",
        expected="finite values in [0, 1]",
        fix="run in float32, or check the model's weights",
    )
