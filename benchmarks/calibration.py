"""Calibration of ten million pixels, from stored codes to reliability bins and ECE, against torchmetrics."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics.classification import BinaryCalibrationError

from benchmarks.timing import Row, compare
from core.metrics.reliability.calibration import ece
from core.metrics.reliability.histogram import code_histogram, level_bins
from core.types import BoolArray, FixedPoint

PIXELS = 10_000_000
BINS = 15


def run(rounds: int, threads: int, pixels: int = PIXELS) -> Iterable[Row]:
    """A row per way to call torchmetrics. The difference is against the same bins in double precision."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    codes, event = _pixels(pixels)
    prob = torch.from_numpy((codes / 65535).astype(np.float32))
    target = torch.from_numpy(event.astype(np.int64))
    exact = _in_double_precision(codes, event)
    theirs = _torchmetrics(prob, target, check=False)
    for name, check in (("as it comes", True), ("input checks off", False)):
        yield from compare(
            f"reliability bins and ECE of {pixels:.0e} pixels",
            (f"torchmetrics, {name}", lambda number, check=check: _torchmetrics(prob, target, check=check)),
            {"one histogram": lambda number: histogram_ece(codes, event)},
            rounds=rounds,
            threads=threads,
            differences={"one histogram": abs(histogram_ece(codes, event) - exact)},
            note=f"torchmetrics, in single precision, is off by {abs(theirs - exact):.1e}",
        )


def histogram_ece(codes: NDArray[np.uint16], event: BoolArray) -> float:
    """ECE of the pixels through their histogram, from which any other bins would follow too."""
    index = level_bins(BINS)
    levels = code_histogram(codes, event)
    return float(ece(np.stack([np.bincount(index, weights=each, minlength=BINS) for each in levels])))


def _torchmetrics(prob: torch.Tensor, target: torch.Tensor, *, check: bool) -> float:
    metric = BinaryCalibrationError(n_bins=BINS, validate_args=check)
    metric.update(prob, target)
    return float(metric.compute())


def _in_double_precision(codes: NDArray[np.uint16], event: BoolArray) -> float:
    index = np.maximum(0, -(-codes.astype(np.int64) * BINS // 65535) - 1)
    rows = (np.ones(codes.size), codes / 65535, event)
    return float(ece(np.stack([np.bincount(index, weights=each, minlength=BINS) for each in rows])))


def _pixels(count: int) -> tuple[NDArray[np.uint16], BoolArray]:
    generator = np.random.default_rng(0)
    prob = generator.beta(0.5, 0.5, count)
    return FixedPoint.of(prob, 1.0).codes, generator.random(count) < prob**1.3
