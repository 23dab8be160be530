"""Dual-stream multiple-instance network: a bag of slices in, one logit, slice scores and attention out.

Every slice is encoded alone and pooled over its places (mean and maximum, averaged). The instance stream
scores each slice; the slice with the highest score is critical, and its score is the stream's answer. The bag
stream weighs the slices by attention and scores their weighted mean. The bag's logit is the mean of both
answers (Li et al. 2021, doi:10.1109/CVPR46437.2021.01409, equation 6). A dropout of whole features stands
directly before each linear head, so that T samples fold into one product, as in a classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import timm
import torch
from torch import Tensor, nn

from core.errors import ModelProblem
from core.models.build import outlined, untrained
from core.models.mil_pool import DistanceAttention, GatedAttention, attention_weights
from core.models.mil_records import BagArchitecture

SMALL_SD = 0.02


class BagOutput(NamedTuple):
    """What a network says of bags of slices; `bag` axes in order of the bags, slices one bag after another.

    logit: (bag,) for the second class. critical: (bag,) the instance stream's part. pooled: (bag,) the bag
    stream's part. instance: (slice,) score of each slice. attention: (slice,) >= 0, adds up to 1 in each bag.
    """

    logit: Tensor
    critical: Tensor
    pooled: Tensor
    instance: Tensor
    attention: Tensor


class BagDropout(nn.Dropout2d):
    """Dropout of whole features, the same ones for all slices of a bag; draws from its own generator."""

    generator: torch.Generator | None = None

    def forward(self, input: Tensor) -> Tensor:
        """Features (slice, feature) with some set to 0 while training, unchanged otherwise."""
        if not self.training or self.p == 0.0:
            return input
        keep = torch.empty((1, input.shape[1]), dtype=input.dtype, device=input.device)
        return input * keep.bernoulli_(1.0 - self.p, generator=self.generator).div_(1.0 - self.p)


class StochasticDepth(nn.Module):
    """Skips a block's change for some slices while training (Huang et al. 2016, arXiv:1603.09382).

    timm's own draws from the global generator; this one has a generator of its own.
    """

    generator: torch.Generator | None = None

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """The change (slice, ...) with the whole of some slices set to 0 while training."""
        if not self.training or self.p == 0.0:
            return x
        keep = torch.empty((len(x), *(1,) * (x.ndim - 1)), dtype=x.dtype, device=x.device)
        return x * keep.bernoulli_(1.0 - self.p, generator=self.generator).div_(1.0 - self.p)


class BagNet(nn.Module):
    """An encoder of timm, an instance stream and a bag stream.

    temperature: divides the attention's logits. norm: gives every feature the same spread over slices;
    without it all queries of an untrained encoder are alike and attention stays uniform.
    """

    temperature: Tensor

    def __init__(self, encoder: Any, config: BagArchitecture) -> None:
        super().__init__()
        width = int(encoder.num_features)
        attention = DistanceAttention if config.attention == "distance" else GatedAttention
        self.encoder: nn.Module = encoder
        self.norm = nn.BatchNorm1d(width)
        self.dropout = BagDropout(config.head_dropout)
        self.instance_head = nn.Linear(width, 1)
        self.attention = attention(width, config.attention_width)
        self.bag_head = nn.Linear(width, 1)
        self.top_k = config.top_k
        self.register_buffer("temperature", torch.ones(()))

    def features(self, x: Tensor) -> Tensor:
        """(slice, feature) of slices (slice, channel, row, column): normed mean and maximum of maps."""
        maps: Tensor = self.encoder(x)
        # A small lesion drowns in a mean over the whole slice; the maximum alone learns from one place only.
        normed: Tensor = self.norm((maps.mean((2, 3)) + maps.amax((2, 3))) / 2)
        return normed

    def heads(self, features: Tensor, sizes: Sequence[int] | None = None) -> BagOutput:
        """Both streams on features (slice, feature); sizes: slices of each bag, None: one bag of all.

        Raises ValueError when the sizes do not add up to the slices.
        """
        counts = [len(features)] if sizes is None else list(sizes)
        parts = [self._one_bag(bag) for bag in torch.split(features, counts)]
        critical, pooled, instance, attention = (list(each) for each in zip(*parts, strict=True))
        streams = torch.stack(critical), torch.stack(pooled)
        return BagOutput((streams[0] + streams[1]) / 2, *streams, torch.cat(instance), torch.cat(attention))

    def forward(self, x: Tensor, sizes: Sequence[int] | None = None) -> BagOutput:
        """What is said of bags whose slices (slice, channel, row, column) follow one another."""
        return self.heads(self.features(x), sizes)

    def folded(self, features: Tensor, instance_masks: Tensor, bag_masks: Tensor) -> BagOutput:
        """T dropout samples of one bag at once: masks (draw, feature) are taken into the heads' weights.

        Every field of the answer gets the axis `draw` in front. Equals T passes with these masks.
        """
        instance = features @ (self.instance_head.weight * instance_masks).T + self.instance_head.bias
        instance = instance.T
        critical, place = instance.max(1)
        attention = attention_weights(self.attention(features, place), self.temperature, self.top_k)
        pooled = ((attention @ features) * bag_masks) @ self.bag_head.weight[0] + self.bag_head.bias
        pair = critical[:, None], pooled[:, None]
        return BagOutput((pair[0] + pair[1]) / 2, *pair, instance, attention)

    def _one_bag(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        instance: Tensor = self.instance_head(self.dropout(features))[:, 0]
        critical, place = instance.max(0)
        attention = attention_weights(self.attention(features, place), self.temperature, self.top_k)
        pooled: Tensor = self.bag_head(self.dropout((attention @ features)[None]))[0, 0]
        return critical, pooled, instance, attention


def build_bag_net(config: BagArchitecture) -> BagNet:
    """An untrained network in evaluation mode. Raises ModelProblem for an encoder that timm lacks."""
    return untrained(_assemble, config)


def build_bag_outline(config: BagArchitecture) -> BagNet:
    """The same network without memory for its parameters ("meta" device): names and shapes only."""
    return outlined(_assemble, config)


def initialise_bag_net(net: BagNet, generator: torch.Generator) -> None:
    """Fill the weights from the generator: He-normal convolutions, Glorot-normal attention, small heads."""
    for name, weight in net.named_parameters():
        if weight.ndim == 4:
            nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif weight.ndim == 2 and name.startswith("attention."):
            nn.init.xavier_normal_(weight, generator=generator)
        elif weight.ndim == 2:
            nn.init.trunc_normal_(weight, std=SMALL_SD, generator=generator)
        elif not name.startswith(("encoder.", "norm.")) and name.endswith("bias"):
            nn.init.zeros_(weight)
    for module in net.modules():
        if isinstance(module, StochasticDepth):
            module.generator = generator


def _assemble(config: BagArchitecture) -> BagNet:
    try:
        encoder = timm.create_model(
            config.backbone,
            pretrained=False,
            in_chans=config.in_channels,
            num_classes=0,
            global_pool="",
            drop_path_rate=config.stochastic_depth,
            **config.options,
        )
    except (RuntimeError, TypeError, ValueError, KeyError, AssertionError) as error:
        raise ModelProblem(
            "The bag network cannot be built",
            found=f"encoder {config.backbone}: {str(error)[:200]}",
            expected="a residual network of timm that takes these options",
            fix="correct backbone, depths or dims",
        ) from error
    _own_stochastic_depth(encoder)
    return BagNet(encoder, config).eval()


def _own_stochastic_depth(encoder: nn.Module) -> None:
    for module in list(encoder.modules()):
        for name, child in list(module.named_children()):
            if type(child).__name__ == "DropPath":
                setattr(module, name, StochasticDepth(float(getattr(child, "drop_prob", 0.0) or 0.0)))
