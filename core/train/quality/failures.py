"""Synthetic failures of a reference mask, one per kind in a table: drawn from a generator, pure otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from core.train.augment import HEAD_LEVEL
from core.types import BoolArray, Float32Array

Draw = Callable[[np.random.Generator, BoolArray, Float32Array], BoolArray]
"""From a generator, a reference mask (row, column) and the scaled picture (row, column) to a failed mask."""

FIELD = 16
"""Nodes along a side of the random fields that roughen an outline or cut a mask in pieces."""


@dataclass(frozen=True)
class FailureSpec:
    """One kind of failure. needs_lesion: it changes what is there; False: it draws without a lesion too."""

    key: str
    label: str
    help: str
    draw: Draw
    needs_lesion: bool = True


def over_segmented(rng: np.random.Generator, mask: BoolArray, picture: Float32Array) -> BoolArray:
    """The mask grown on all sides by 15 to 90 % of its own radius."""
    return _grow(mask, _depth(rng, mask, 0.15, 0.9))


def under_segmented(rng: np.random.Generator, mask: BoolArray, picture: Float32Array) -> BoolArray:
    """The mask shrunk from all sides, or with one side cut off; something is left."""
    if rng.random() < 0.5:
        return _cut(rng, mask)
    for share in (rng.uniform(0.15, 0.8), 0.3, 0.15):
        left = _shrink(mask, max(1, round(share * _radius(mask))))
        if left.any():
            return left
    return _cut(rng, mask)


def shifted(rng: np.random.Generator, mask: BoolArray, picture: Float32Array) -> BoolArray:
    """The mask moved by 20 to 150 % of its own radius in any direction."""
    length = max(1.5, rng.uniform(0.2, 1.5) * _radius(mask))
    angle = rng.uniform(0.0, 2.0 * np.pi)
    return moved(mask, round(length * np.sin(angle)), round(length * np.cos(angle)))


def fragmented(rng: np.random.Generator, mask: BoolArray, picture: Float32Array) -> BoolArray:
    """The mask cut in pieces by a smooth random field; 25 to 70 % of it is left."""
    field = smooth_field(rng, mask.shape, int(rng.integers(10, 28)))
    keep = rng.uniform(0.25, 0.7)
    return mask & (field > np.quantile(field[mask], 1.0 - keep))


def noisy(rng: np.random.Generator, mask: BoolArray, picture: Float32Array) -> BoolArray:
    """Single pixels inside go missing and others appear around it and anywhere in the head."""
    near = _grow(mask, max(2, round(_radius(mask) / 2)))
    lost = rng.random(mask.shape) < rng.uniform(0.1, 0.5)
    gained = rng.random(mask.shape) < np.where(near, rng.uniform(0.1, 0.5), rng.uniform(0.0, 0.03))
    return (mask & ~lost) | (gained & ~mask & head(picture))


def missed(rng: np.random.Generator, mask: BoolArray, picture: Float32Array) -> BoolArray:
    """Nothing at all."""
    return np.zeros_like(mask)


def invented(rng: np.random.Generator, mask: BoolArray, picture: Float32Array) -> BoolArray:
    """One or two blobs in the head where nothing is; the lesion itself is kept in half of the draws."""
    kept = mask if rng.random() < 0.5 else np.zeros_like(mask)
    free = head(picture) & ~_grow(mask, 4)
    for _ in range(int(rng.integers(1, 3))):
        kept = kept | blob(rng, free)
    return kept


FAILURES: tuple[FailureSpec, ...] = (
    FailureSpec("over", "Over-segmentation", "Grown on all sides.", over_segmented),
    FailureSpec("under", "Under-segmentation", "Shrunk, or one side cut off.", under_segmented),
    FailureSpec("shift", "Shift", "The right shape in the wrong place.", shifted),
    FailureSpec("fragments", "Fragmentation", "Cut in pieces.", fragmented),
    FailureSpec("noise", "Noise", "Single pixels missing and added.", noisy),
    FailureSpec("missed", "Missed lesion", "Nothing drawn.", missed),
    FailureSpec("invented", "Invented lesion", "A blob where nothing is.", invented, needs_lesion=False),
)
"""What the network learns from beside real predictions, and what the detectors are tried on by kind."""


def slightly_off(rng: np.random.Generator, mask: BoolArray, picture: Float32Array) -> BoolArray:
    """A good mask: its outline roughened a little by a smooth field, as another reader would draw it."""
    distance = signed_distance(mask)
    field = smooth_field(rng, mask.shape, int(rng.integers(6, 20)))
    return np.asarray(distance + rng.uniform(0.0, 0.12) * _radius(mask) * field > 0.0)


def head(picture: Float32Array) -> BoolArray:
    """What is brighter than air, as one smooth region."""
    bright = (cv2.blur(np.asarray(picture, np.float32), (5, 5)) > HEAD_LEVEL).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(bright, cv2.MORPH_CLOSE, _disk(3)) > 0)


def blob(rng: np.random.Generator, free: BoolArray) -> BoolArray:
    """A roughened ellipse around a random pixel of `free`, cut to it; nothing where nothing is free."""
    places = np.argwhere(free)
    if not len(places):
        return np.zeros_like(free)
    row, column = places[int(rng.integers(len(places)))]
    axes = np.exp(rng.uniform(np.log(2.0), np.log(16.0))) * np.exp(rng.uniform(-0.5, 0.5, 2))
    down, across = np.mgrid[: free.shape[0], : free.shape[1]]
    angle = rng.uniform(0.0, np.pi)
    along = (down - row) * np.cos(angle) + (across - column) * np.sin(angle)
    aside = (across - column) * np.cos(angle) - (down - row) * np.sin(angle)
    rough = 1.0 + 0.3 * smooth_field(rng, free.shape, 12)
    long, short = (float(each) for each in axes)
    return np.asarray(((along / long) ** 2 + (aside / short) ** 2 < rough) & free)


def moved(mask: BoolArray, down: int, right: int) -> BoolArray:
    """The mask moved by whole pixels; what leaves the picture is lost.

    >>> moved(np.eye(2, dtype=bool), 1, 0).tolist()
    [[False, False], [True, False]]
    """
    rows, columns = mask.shape
    result = np.zeros_like(mask)
    from_rows = slice(max(0, -down), min(rows, rows - down))
    from_columns = slice(max(0, -right), min(columns, columns - right))
    to_rows = slice(max(0, down), min(rows, rows + down))
    to_columns = slice(max(0, right), min(columns, columns + right))
    result[to_rows, to_columns] = mask[from_rows, from_columns]
    return result


def smooth_field(rng: np.random.Generator, shape: tuple[int, ...], nodes: int = FIELD) -> Float32Array:
    """Smooth noise (row, column) of mean 0 and spread 1, with so many independent values along a side."""
    coarse = rng.standard_normal((nodes, nodes)).astype(np.float32)
    field = np.asarray(cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.asarray((field - field.mean()) / (field.std() + 1e-6), np.float32)


def signed_distance(mask: BoolArray) -> Float32Array:
    """Pixels to the edge, positive inside; (row, column)."""
    inside = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(inside - outside, np.float32)


def _radius(mask: BoolArray) -> float:
    return float(np.sqrt(max(1, int(mask.sum())) / np.pi))


def _depth(rng: np.random.Generator, mask: BoolArray, low: float, high: float) -> int:
    return max(1, round(rng.uniform(low, high) * _radius(mask)))


def _cut(rng: np.random.Generator, mask: BoolArray) -> BoolArray:
    down, across = np.mgrid[: mask.shape[0], : mask.shape[1]]
    angle = rng.uniform(0.0, 2.0 * np.pi)
    side = down * np.sin(angle) + across * np.cos(angle)
    return np.asarray(mask & (side > np.quantile(side[mask], rng.uniform(0.3, 0.8))))


def _grow(mask: BoolArray, depth: int) -> BoolArray:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _disk(depth)) > 0)


def _shrink(mask: BoolArray, depth: int) -> BoolArray:
    return np.asarray(cv2.erode(mask.astype(np.uint8), _disk(depth), borderValue=0) > 0)


def _disk(depth: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * depth + 1, 2 * depth + 1)), np.uint8)
