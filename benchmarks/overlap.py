"""Boundary F1, Dice and Jaccard of many masks, against MONAI and torchmetrics.

Two kinds of masks: a lesion, as the app has them, and blobs all over the picture, where no box can be cut.
The peers get their tensors ready-made; their conversion is not timed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable

import cv2
import numpy as np
import torch
from monai.metrics.surface_dice import compute_surface_dice
from scipy.ndimage import distance_transform_edt
from torchmetrics.segmentation import DiceScore, MeanIoU

from benchmarks.timing import Row, compare
from core.metrics import boundary_f1, dice, jaccard
from core.metrics.agreement.overlap import counts_of, dice_of, jaccard_of
from core.types import BoolArray

COUNT = 40
SIZE = 256

Pairs = list[tuple[BoolArray, BoolArray]]
Tensors = list[tuple[torch.Tensor, torch.Tensor]]


def run(rounds: int, threads: int) -> Iterable[Row]:
    """Rows of boundary F1 at two pixels, of Dice, and of Dice with Jaccard."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    for kind, make in (("lesion", lesion), ("blobs all over", scattered)):
        yield from _boundary_rows(kind, _pairs(make), rounds, threads)
    yield from _dice_rows(_pairs(lesion), rounds, threads)


def _boundary_rows(kind: str, pairs: Pairs, rounds: int, threads: int) -> Iterable[Row]:
    tensors = [(_one_hot(pred).float(), _one_hot(ref).float()) for pred, ref in pairs]
    peers: tuple[tuple[str, Callable[[], list[float]], str], ...] = (
        (
            "MONAI compute_surface_dice",
            lambda: [_surface_dice(*pair) for pair in tensors],
            "pools both directions: the values differ where the boundaries are not equally long",
        ),
        ("scipy distance transform", lambda: [literal_boundary_f1(*pair) for pair in pairs], "bit-equal"),
    )
    ours = [boundary_f1(*pair) for pair in pairs]
    for name, peer, note in peers:
        yield from compare(
            f"boundary F1 at 2 px, {COUNT} masks {SIZE}x{SIZE}, {kind}",
            (name, lambda number, peer=peer: peer()),
            {"bits": lambda number: [boundary_f1(*pair) for pair in pairs]},
            rounds=rounds,
            threads=threads,
            differences={"bits": max(abs(a - b) for a, b in zip(ours, peer(), strict=True))},
            note=note,
        )


def _dice_rows(pairs: Pairs, rounds: int, threads: int) -> Iterable[Row]:
    maps: Tensors = [tuple(torch.from_numpy(each).long()[None] for each in pair) for pair in pairs]
    score = DiceScore(num_classes=2, include_background=False, input_format="index")
    union = MeanIoU(num_classes=2, include_background=False, input_format="index")
    yield from compare(
        f"Dice, {COUNT} masks {SIZE}x{SIZE}, lesion",
        ("torchmetrics DiceScore, index maps", lambda number: [float(score(*pair)) for pair in maps]),
        {"counts": lambda number: [dice(*pair) for pair in pairs]},
        rounds=rounds,
        threads=threads,
        differences={
            "counts": max(abs(dice(*p) - float(score(*m))) for p, m in zip(pairs, maps, strict=True))
        },
    )
    yield from compare(
        f"Dice and Jaccard, {COUNT} masks {SIZE}x{SIZE}, lesion",
        (
            "torchmetrics DiceScore + MeanIoU, index maps",
            lambda number: [(float(score(*pair)), float(union(*pair))) for pair in maps],
        ),
        {
            "counts": lambda number: [
                (dice_of(n), jaccard_of(n)) for n in (counts_of(*pair) for pair in pairs)
            ]
        },
        rounds=rounds,
        threads=threads,
        differences={
            "counts": max(abs(jaccard(*p) - float(union(*m))) for p, m in zip(pairs, maps, strict=True))
        },
    )


def literal_boundary_f1(mask_pred: BoolArray, mask_ref: BoolArray) -> float:
    """Boundary F1 at two pixels by a Euclidean distance transform of each boundary; both hold something."""
    edges = [_plain_boundary(mask) for mask in (mask_pred, mask_ref)]
    precision, recall = (
        np.count_nonzero(distance_transform_edt(~other)[one] <= 2.0) / np.count_nonzero(one)
        for one, other in (edges, edges[::-1])
    )
    return 2.0 * precision * recall / (precision + recall) if precision + recall else 0.0


def lesion(seed: int) -> BoolArray:
    """One ragged blob of some 20 to 70 pixels across; seeds 2 k and 2 k + 1 resemble each other."""
    shared = np.random.default_rng(seed // 2)
    centre, radius = shared.uniform(80.0, 176.0, 2), shared.uniform(10.0, 35.0, 2)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    distance = np.hypot((rows - centre[0]) / radius[0], (columns - centre[1]) / radius[1])
    mask: BoolArray = distance + 0.15 * _noise(seed, 4) / _noise(seed, 4).std() < 1.0
    return mask


def scattered(seed: int) -> BoolArray:
    """Blobs all over the picture, one pixel in twenty; seeds 2 k and 2 k + 1 resemble each other."""
    smooth = _noise(seed, 12)
    mask: BoolArray = smooth > np.quantile(smooth, 0.95)
    return mask


def _noise(seed: int, width: float) -> np.ndarray:
    noise = np.random.default_rng(seed // 2).standard_normal((SIZE, SIZE)).astype(np.float32)
    noise += 0.2 * np.random.default_rng(10_000 + seed).standard_normal((SIZE, SIZE)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), width))


def _pairs(make: Callable[[int], BoolArray]) -> Pairs:
    return [(make(2 * index), make(2 * index + 1)) for index in range(COUNT)]


def _plain_boundary(mask: BoolArray) -> BoolArray:
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: BoolArray = mask & ~inner
    return edge


def _one_hot(mask: BoolArray) -> torch.Tensor:
    return torch.from_numpy(np.stack([~mask, mask]))[None]


def _surface_dice(pred: torch.Tensor, ref: torch.Tensor) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(compute_surface_dice(pred, ref, class_thresholds=[2.0], include_background=False))
