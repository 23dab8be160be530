"""The networks of a quality file at work: chances, estimates of Dice, and where an outline looks wrong."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.nn import functional

from core.detector.quality.network import SIZE, QualityNet
from core.detector.quality.scores import Judged
from core.types import BoolArray, Float32Array, Float64Array

CHUNK = 16
"""Slices of one study that go through a network together."""
HEADS, STATES = 2, 2
"""Answers of the network, and states of a slice that are calibrated apart: nothing outlined, something."""


@dataclass(frozen=True, eq=False)
class QualityNetworks:
    """nets: one for each fold of patients that it never saw. left_out: those folds. calibration: float64
    (HEADS, STATES, 2), slope and offset by which a logit becomes that of an honest chance."""

    nets: tuple[QualityNet, ...]
    left_out: tuple[int, ...]
    calibration: Float64Array

    def unseen(self, folds: Collection[int]) -> QualityNetworks:
        """Only the networks that never saw these folds; all where there is none."""
        kept = [k for k, fold in enumerate(self.left_out) if fold in folds]
        if not kept:
            return self
        return replace(
            self, nets=tuple(self.nets[k] for k in kept), left_out=tuple(self.left_out[k] for k in kept)
        )


def judge(networks: QualityNetworks, flair: Float32Array, mask: BoolArray) -> Judged:
    """What the networks say about slices.

    flair: (slice, SIZE, SIZE), scaled to 0 … 1.5. mask: (slice, SIZE, SIZE), what is outlined. The logits of
    the networks are averaged, then calibrated.
    """
    logits = np.mean([raw_logits(net, flair, mask) for net in networks.nets], axis=0)
    area = np.asarray(mask.mean(axis=(1, 2)), np.float64)
    prob, dice = calibrated(logits, area > 0.0, networks.calibration).T
    return Judged(prob, dice, area)


def raw_logits(net: QualityNet, flair: Float32Array, mask: BoolArray) -> Float64Array:
    """(slice, HEADS) of one network, not calibrated."""
    with torch.inference_mode():
        found = [net(_inputs(flair[k : k + CHUNK], mask[k : k + CHUNK]))[0] for k in _starts(len(flair))]
    return torch.cat(found).numpy().astype(np.float64)


def calibrated(logits: Float64Array, found: BoolArray, calibration: Float64Array) -> Float64Array:
    """(slice, HEADS) in [0, 1] of raw logits; found: (slice,) whether anything is outlined.

    >>> calibrated(np.zeros((1, 2)), np.array([True]), np.tile([1.0, 0.0], (2, 2, 1))).tolist()
    [[0.5, 0.5]]
    """
    chosen = calibration[:, found.astype(np.int64)]
    slope, offset = chosen[..., 0].T, chosen[..., 1].T
    return np.asarray(1.0 / (1.0 + np.exp(-(slope * logits + offset))))


def doubt_maps(networks: QualityNetworks, flair: Float32Array, mask: BoolArray) -> Float32Array:
    """(slice, SIZE, SIZE) in [0, 1]: how likely each pixel is on the wrong side of the outline.

    Inside the outline the chance that it is wrongly drawn, outside that it is missing, from the networks'
    error maps, whose cells are 4 x 4 pixels.
    """
    with torch.inference_mode():
        found = [
            np.mean([_doubt(net, flair[k : k + CHUNK], mask[k : k + CHUNK]) for net in networks.nets], axis=0)
            for k in _starts(len(flair))
        ]
    return np.asarray(np.concatenate(found), np.float32)


def _doubt(net: QualityNet, flair: Float32Array, mask: BoolArray) -> Float32Array:
    share = torch.sigmoid(net(_inputs(flair, mask))[1])
    fine = functional.interpolate(share, size=(SIZE, SIZE), mode="bilinear").numpy()
    return np.asarray(np.where(mask, fine[:, 0], fine[:, 1]), np.float32)


def _inputs(flair: Float32Array, mask: BoolArray) -> torch.Tensor:
    both = np.stack([flair, mask.astype(np.float32)], axis=1)
    return torch.from_numpy(np.ascontiguousarray(both, np.float32))


def _starts(count: int) -> range:
    return range(0, count, CHUNK)
