"""Dice and boundary F1 of many masks, against torchmetrics and MONAI."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import cv2
import numpy as np
import torch
from monai.metrics.surface_dice import compute_surface_dice
from torchmetrics.segmentation import DiceScore

from benchmarks.timing import Row, compare
from core.metrics import boundary_f1, dice
from core.types import BoolArray

COUNT = 40
SIZE = 256


def run(rounds: int, threads: int) -> Iterable[Row]:
    """Rows of Dice and of boundary F1 at two pixels; MONAI's surface Dice pools both directions instead."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    pairs = [(_blob(2 * index), _blob(2 * index + 1)) for index in range(COUNT)]
    yield from compare(
        f"boundary F1 at 2 px, {COUNT} masks {SIZE}x{SIZE}",
        ("MONAI compute_surface_dice", lambda number: [_surface_dice(*pair) for pair in pairs]),
        {"opencv": lambda number: [boundary_f1(*pair) for pair in pairs]},
        rounds=rounds,
        threads=threads,
        differences={"opencv": max(abs(boundary_f1(*pair) - _surface_dice(*pair)) for pair in pairs)},
        note="the definitions differ where the boundaries are not equally long",
    )
    yield from compare(
        f"Dice, {COUNT} masks {SIZE}x{SIZE}",
        ("torchmetrics DiceScore", lambda number: [_torchmetrics_dice(*pair) for pair in pairs]),
        {"opencv": lambda number: [dice(*pair) for pair in pairs]},
        rounds=rounds,
        threads=threads,
        differences={"opencv": max(abs(dice(*pair) - _torchmetrics_dice(*pair)) for pair in pairs)},
    )


def _blob(seed: int) -> BoolArray:
    noise = np.random.default_rng(seed // 2).standard_normal((SIZE, SIZE)).astype(np.float32)
    noise += 0.2 * np.random.default_rng(10_000 + seed).standard_normal((SIZE, SIZE)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 12)
    mask: BoolArray = smooth > np.quantile(smooth, 0.95)
    return mask


def _two_classes(mask: BoolArray) -> torch.Tensor:
    return torch.from_numpy(np.stack([~mask, mask]))[None]


def _surface_dice(pred: BoolArray, ref: BoolArray) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pair = (_two_classes(pred).float(), _two_classes(ref).float())
        return float(compute_surface_dice(*pair, class_thresholds=[2.0], include_background=False))


def _torchmetrics_dice(pred: BoolArray, ref: BoolArray) -> float:
    metric = DiceScore(num_classes=2, include_background=False, input_format="one-hot")
    return float(metric(_two_classes(pred).int(), _two_classes(ref).int()))
