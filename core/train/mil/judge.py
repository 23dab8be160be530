"""What a network says of whole bags, dropout off, and the numbers of an epoch that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.audit.attention import attention_summary, mean_summary
from core.metrics.classes.ranking import ranked, ranking_metrics
from core.models.mil import BagNet
from core.train.mil.data import Bag, BagData
from core.types import Float64Array

CHUNK = 48
"""Slices of one pass through the encoder."""


@dataclass(frozen=True, eq=False)
class JudgedBag:
    """logit: of the second class; critical, pooled: its two streams. attention, instance: (slice,) weights
    that add up to 1, and scores. fold: which member's left-out fold, -1 for patients of no fold."""

    bag: Bag
    label: int
    logit: float
    critical: float
    pooled: float
    attention: Float64Array
    instance: Float64Array
    fold: int = -1

    @property
    def prob(self) -> float:
        """Probability of the second class."""
        return float(1.0 / (1.0 + np.exp(-self.logit)))


class BagNumbers:
    """Numbers of judged bags at the threshold 0.5; NaN where a class is absent."""

    def __init__(self, judged: Sequence[JudgedBag]) -> None:
        self.label = np.array([each.label for each in judged], dtype=np.int64)
        self.prob = np.array([each.prob for each in judged])
        self.pred = self.prob > 0.5

    @property
    def loss(self) -> float:
        """Mean cross-entropy, neither weighted nor softened."""
        given = np.where(self.label == 1, self.prob, 1.0 - self.prob)
        return float(-np.log(np.maximum(given, 1e-7)).mean())

    @property
    def auc(self) -> float:
        """Chance that a bag of the second class has the higher probability, ties one half."""
        return auroc(self.prob, self.label == 1)

    @property
    def accuracy(self) -> float:
        """Share of bags given the right class."""
        return float((self.pred == (self.label == 1)).mean())

    @property
    def f1(self) -> float:
        """F1 of the second class; 0 where none is found, NaN where there is none."""
        hits = int((self.pred & (self.label == 1)).sum())
        total = int(self.pred.sum() + (self.label == 1).sum())
        return 2 * hits / total if (self.label == 1).any() else float("nan")

    def recall(self, label: int) -> float:
        """Share of the bags of a class that are found."""
        chosen = self.label == label
        return float((self.pred[chosen] == (label == 1)).mean()) if chosen.any() else float("nan")

    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of both classes."""
        return (self.recall(0) + self.recall(1)) / 2

    @property
    def predicted_share(self) -> float:
        """Share of bags given the second class."""
        return float(self.pred.mean())


@dataclass(frozen=True)
class AttentionNumbers:
    """Means over bags. entropy, normalised, top1, effective, effective_inverse: of `attention_summary`.

    selection: how clearly one slice is critical, the highest softmax share of the slice scores, [1/n, 1].
    """

    entropy: float
    normalised: float
    top1: float
    effective: float
    effective_inverse: float
    selection: float


NO_ATTENTION = AttentionNumbers(*(float("nan"),) * 6)
"""Where no bag was judged."""


def judge_bags(net: BagNet, data: BagData, bags: Sequence[Bag], fold: int = -1) -> tuple[JudgedBag, ...]:
    """Every bag judged in evaluation mode; each slice is encoded once, whichever bags hold it."""
    rows = np.unique(np.concatenate([data.rows(bag) for bag in bags]))
    with torch.inference_mode():
        features = _encode(net, data, rows)
        found = []
        for bag in bags:
            output = net.heads(features[torch.from_numpy(np.searchsorted(rows, data.rows(bag)))])
            found.append(
                JudgedBag(
                    bag=bag,
                    label=data.label(bag),
                    logit=float(output.logit[0]),
                    critical=float(output.critical[0]),
                    pooled=float(output.pooled[0]),
                    attention=output.attention.double().numpy(),
                    instance=output.instance.double().numpy(),
                    fold=fold,
                )
            )
    return tuple(found)


def attention_numbers(judged: Sequence[JudgedBag]) -> AttentionNumbers:
    """How concentrated the attention of these bags is on average; bags of one slice have no share of it."""
    found = mean_summary([attention_summary(each.attention) for each in judged])
    values = (
        found.entropy,
        found.normalised_entropy,
        found.top1,
        found.effective_exp,
        found.effective_inverse,
        float(np.mean([selection_confidence(each.instance) for each in judged])),
    )
    return AttentionNumbers(*(float("nan") if each is None else each for each in values))


def selection_confidence(instance: Float64Array) -> float:
    """The highest share of the softmax over the slice scores: 1/n where no slice stands out.

    >>> selection_confidence(np.array([0.0, 0.0]))
    0.5
    """
    shares = np.exp(instance - instance.max())
    return float(shares.max() / shares.sum())


def auroc(score: Float64Array, positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve, ties one half; NaN without both classes.

    >>> auroc(np.array([0.1, 0.4, 0.4]), np.array([False, False, True]))
    0.75
    """
    every = np.ones((1, len(score)))
    return float(ranking_metrics(ranked(np.asarray(score, np.float64), positive), every)[0, 0])


def _encode(net: BagNet, data: BagData, rows: NDArray[np.int64]) -> torch.Tensor:
    parts = []
    for first in range(0, len(rows), CHUNK):
        slices = torch.from_numpy(data.pictures[rows[first : first + CHUNK]].astype(np.float32))
        parts.append(net.features(slices.contiguous(memory_format=torch.channels_last)))
    return torch.cat(parts)
