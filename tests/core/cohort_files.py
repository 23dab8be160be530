"""Small cohorts of pictures on disk: pairs of image and mask, and folders with epochs of predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 16


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def grey(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (SIDE, SIDE)).astype(np.uint8)


def square(rows: int, value: int = 255) -> np.ndarray:
    """The first `rows` rows of eight columns: 8 * rows pixels."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:rows, :8] = value
    return mask


def make_pairs(folder: Path, count: int = 3) -> Path:
    for k in range(count):
        save(folder / f"case{k}.png", grey(k))
        save(folder / f"case{k}_mask.png", square(4))
    return folder


def make_folders(folder: Path) -> Path:
    """Two cells with an image, a reference of 32 pixels and three epochs, the last one right."""
    for k, cell in enumerate(("001", "002")):
        save(folder / cell / "image.png", grey(k))
        save(folder / cell / "reference.png", square(4, 1))
        for epoch, rows in ((1, 0), (9, 2), (10, 4)):
            save(folder / cell / f"net_epoch{epoch}.png", square(rows, 1))
    return folder
