"""The loss of a bag: cross-entropy with class weights, focus on the hard ones, softened labels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.models.mil import BagOutput
from core.train.mil.config import MilConfig


def class_weights(config: MilConfig, label: NDArray[np.int64]) -> tuple[float, float]:
    """Weights (first class, second class) of the loss; "balanced": n / (2 n_class) among these labels.

    Both are 1 where a class is absent.
    """
    if not isinstance(config.class_weights, str):
        return config.class_weights
    counts = [int((label == each).sum()) for each in (0, 1)]
    if config.class_weights == "none" or not all(counts):
        return 1.0, 1.0
    first, second = (len(label) / (2 * count) for count in counts)
    return first, second


def bag_loss(
    logit: Tensor, label: Tensor, weights: tuple[float, float], *, focal_gamma: float, smoothing: float
) -> Tensor:
    """Mean over bags of w * (1 - p_label)^gamma * cross-entropy against the softened label.

    logit, label: (bag,), labels 0 or 1. smoothing s: the label becomes (1 - s) label + s / 2 in the
    cross-entropy (Szegedy et al. 2016, arXiv:1512.00567); the focus (Lin et al. 2017, arXiv:1708.02002) and
    the weight follow the hard label. gamma 0 and s 0: weighted binary cross-entropy.
    """
    target = label * (1 - smoothing) + smoothing / 2
    cost = functional.binary_cross_entropy_with_logits(logit, target, reduction="none")
    right = torch.sigmoid(torch.where(label > 0.5, logit, -logit))
    weight = torch.where(label > 0.5, logit.new_tensor(weights[1]), logit.new_tensor(weights[0]))
    return (weight * (1 - right) ** focal_gamma * cost).mean()


def streams_loss(output: BagOutput, label: Tensor, weights: tuple[float, float], config: MilConfig) -> Tensor:
    """Mean of the loss of both streams, so that each learns to answer on its own (Li et al. 2021)."""
    parts = [
        bag_loss(logit, label, weights, focal_gamma=config.focal_gamma, smoothing=config.label_smoothing)
        for logit in (output.critical, output.pooled)
    ]
    return (parts[0] + parts[1]) / 2
