"""Attention over the slices of a bag: to the critical slice, gated, or of the strongest few alone."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class DistanceAttention(nn.Module):
    """Logits (instance,) of how alike each slice is to the critical one: <q_i, q_critical> / sqrt(width).

    Source: Li et al. 2021, doi:10.1109/CVPR46437.2021.01409, equation 4 (a distance measured by the inner
    product of queries); two layers and a tanh, as in the authors' code, keep every query within [-1, 1].
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(features, width)
        self.second = nn.Linear(width, width)

    def queries(self, features: Tensor) -> Tensor:
        """(instance, width) in [-1, 1] of features (instance, feature)."""
        return torch.tanh(self.second(torch.relu(self.first(features))))

    def forward(self, features: Tensor, critical: int | Tensor) -> Tensor:
        """Logits (instance,) against the slice `critical`; (draw, instance) against several."""
        queries = self.queries(features)
        chosen: Tensor = queries[critical]
        return chosen @ queries.T / math.sqrt(queries.shape[1])


class GatedAttention(nn.Module):
    """Logits (instance,) from each slice alone: w . (tanh(V h) * sigmoid(U h)).

    Source: Ilse et al. 2018, arXiv:1802.04712, equation 9. The critical slice plays no part.
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(features, width)
        self.gate = nn.Linear(features, width)
        self.score = nn.Linear(width, 1, bias=False)

    def forward(self, features: Tensor, critical: int | Tensor) -> Tensor:
        """Logits (instance,); (draw, instance), all rows alike, for several `critical`."""
        gated = torch.tanh(self.first(features)) * torch.sigmoid(self.gate(features))
        logits: Tensor = self.score(gated)[:, 0]
        draws = critical.shape if isinstance(critical, Tensor) else ()
        return logits.expand(*draws, -1)


def attention_weights(logits: Tensor, temperature: Tensor, top_k: int | None) -> Tensor:
    """Softmax of logits / temperature over the last axis: weights >= 0 that add up to 1.

    top_k: only the k highest logits keep any weight (ties: the earlier slice), None: all do.
    """
    scaled = logits / temperature
    if top_k is not None and top_k < logits.shape[-1]:
        order = torch.argsort(scaled, dim=-1, descending=True, stable=True)
        dropped = order[..., top_k:]
        scaled = scaled.scatter(-1, dropped, -torch.inf)
    return torch.softmax(scaled, -1)
