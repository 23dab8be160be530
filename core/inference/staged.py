"""A network in two parts: what is computed once, and what each dropout sample needs again.

A dropout of whole channels directly before a convolution is folded into its weights, conv(W, m * x) =
conv(W * m, x), so that T samples of K outputs are one convolution with T * K outputs on a shared input.
Everything before the first active dropout runs once; only what comes after is repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.inference.dropout import Kind

Kept = tuple[Tensor, ...]
"""What the first part hands on, each (slice, channel, row, column)."""
Masks = tuple[Tensor, ...]
"""One mask per dropout site, (1, channel, 1, 1) or the size of the features."""


@dataclass(frozen=True)
class Site:
    """A place where a mask is multiplied in: its name, drop probability, kind, and the mask's shape."""

    name: str
    p: float
    kind: Kind
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class FoldedConv:
    """A convolution that takes its dropout masks into its weights.

    source: which kept tensor it reads; sites: the masks that it takes in, possibly none.
    """

    source: int
    sites: tuple[int, ...]
    weight: Tensor
    bias: Tensor | None
    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]

    def __call__(self, kept: Kept, masks: Sequence[Masks]) -> Tensor:
        """Outputs of all samples side by side, (slice, sample * output, row, column)."""
        weights = torch.cat([self._masked(each) for each in masks])
        bias = None if self.bias is None else self.bias.repeat(len(masks))
        return functional.conv2d(kept[self.source], weights, bias, self.stride, self.padding, self.dilation)

    def _masked(self, masks: Masks) -> Tensor:
        weight = self.weight
        for site in self.sites:
            weight = weight * masks[site]
        return weight


@dataclass(frozen=True, eq=False)
class Staged:
    """A network as prefix (once), folded convolutions (once for all samples) and tail (per sample).

    tail is called with the kept tensors named by tail_kept, the folded outputs, and the masks of tail_sites;
    it returns logits. any_batch: the prefix takes any number of slices at a time, else one. summary: which
    kept tensor holds averaged feature maps (slice, feature), for the check for foreign images, None: none.
    """

    prefix: nn.Module
    convs: tuple[FoldedConv, ...]
    tail: nn.Module
    tail_kept: tuple[int, ...]
    tail_sites: tuple[int, ...]
    sites: tuple[Site, ...]
    any_batch: bool
    summary: int | None = None

    def unit_masks(self, like: Tensor) -> Masks:
        """Masks that change nothing: the network with its dropout off."""
        return tuple(torch.ones((1,) * len(site.shape), device=like.device) for site in self.sites)

    @torch.inference_mode()
    def share(self, kept: Kept, masks: Sequence[Masks]) -> tuple[Tensor, ...]:
        """The folded outputs of these samples, computed together."""
        return tuple(conv(kept, masks) for conv in self.convs)

    @torch.inference_mode()
    def draw(self, kept: Kept, shared: tuple[Tensor, ...], masks: Sequence[Masks], place: int) -> Tensor:
        """Logits (slice, class, row, column) of one of the samples that were shared."""
        folded = [
            outputs[:, place * len(conv.weight) : (place + 1) * len(conv.weight)]
            for conv, outputs in zip(self.convs, shared, strict=True)
        ]
        again = [masks[place][site] for site in self.tail_sites]
        logits: Tensor = self.tail(*(kept[k] for k in self.tail_kept), *folded, *again)
        return logits
