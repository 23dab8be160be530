"""Plain forward passes over training slices, for curves and out-of-fold numbers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from core.models.build import SegmentationNet
from core.models.preprocess import apply_range, fit_slice
from core.train.data import FLAIR, TrainingSet

CHUNK = 32


def predict_slices(
    net: SegmentationNet, data: TrainingSet, chosen: NDArray[np.bool_], size: int, *, flair_only: bool = False
) -> NDArray[np.float32]:
    """Foreground probabilities (n, size, size) of the chosen slices, scaled by their volume's own range."""
    places = np.flatnonzero(chosen)
    prob = np.empty((len(places), size, size), dtype=np.float32)
    for first in range(0, len(places), CHUNK):
        some = places[first : first + CHUNK]
        batch = torch.from_numpy(np.stack([_prepared(data, place, size, flair_only) for place in some]))
        with torch.inference_mode():
            logits = net(batch.contiguous(memory_format=torch.channels_last))
        prob[first : first + CHUNK] = torch.sigmoid(logits)[:, 0].numpy()
    return prob


def _prepared(data: TrainingSet, place: int, size: int, flair_only: bool) -> NDArray[np.float32]:
    channels = (FLAIR, FLAIR, FLAIR) if flair_only else (0, FLAIR, 2)
    ranges = data.volume_range[place]
    return fit_slice(
        np.stack([apply_range(data.image[place, each], ranges[each]) for each in channels]), size
    )
