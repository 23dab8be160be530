"""Segmentation networks in four named parts, so that dropout samples can be folded into the head.

`features` is everything before the head dropout, `dropout` drops whole feature maps, `head` is one
convolution and `after` resamples its logits: forward = after(head(dropout(features(x)))).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from core.models.records import WIDTH_OPTIONS, ArchitectureConfig, Kind

Config = TypeVar("Config")
Net = TypeVar("Net", bound=nn.Module)

HEAD_PRIOR_BIAS = -2.0
"""The head starts by calling most pixels background, as most pixels are."""


KINDS: dict[Kind, Callable[..., nn.Module]] = {
    "unet": smp.Unet,
    "unetplusplus": smp.UnetPlusPlus,
    "segformer": smp.Segformer,
    "fpn": smp.FPN,
    "linknet": smp.Linknet,
    "manet": smp.MAnet,
    "pspnet": smp.PSPNet,
    "deeplabv3": smp.DeepLabV3,
    "deeplabv3plus": smp.DeepLabV3Plus,
    "upernet": smp.UPerNet,
}
"""Architectures of smp that can come in; each ends in a head of one convolution and one resampling."""


class ChannelDropout(nn.Dropout2d):
    """Dropout2d that draws from its own generator in training, so that no global random state is touched."""

    generator: torch.Generator | None = None

    def forward(self, input: Tensor) -> Tensor:
        """The input with whole channels set to 0 at random while training, unchanged otherwise."""
        if not self.training or self.p == 0.0:
            return input
        if self.generator is None:
            return functional.dropout2d(input, self.p, True)
        keep = torch.empty((*input.shape[:2], 1, 1), dtype=input.dtype, device=input.device)
        keep.bernoulli_(1.0 - self.p, generator=self.generator).div_(1.0 - self.p)
        return input * keep


class SegmentationNet(nn.Module):
    """A network of smp as features, dropout, head and after; returns logits (case, class, row, column)."""

    def __init__(self, network: Any, head_dropout: float) -> None:
        super().__init__()
        self.encoder: nn.Module = network.encoder
        self.decoder: nn.Module = network.decoder
        convolution, resample, _ = network.segmentation_head
        self.dropout = ChannelDropout(head_dropout)
        self.head: nn.Conv2d = convolution
        self.after: nn.Module = resample

    def features(self, x: Tensor) -> Tensor:
        """Everything before the head dropout: feature maps of the decoder's last stage."""
        maps: Tensor = self.decoder(self.encoder(x))
        return maps

    def described(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`features`, and the mean over the places of the encoder's second deepest stage, (case, channel).

        The mean describes the picture to the check for foreign images; the deepest stage did no better there.
        """
        stages = self.encoder(x)
        return self.decoder(stages), _summary(stages)

    def summary(self, x: Tensor) -> Tensor:
        """The second part of `described` alone; the decoder does not run."""
        return _summary(self.encoder(x))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (case, class, row, column) of images (case, channel, row, column)."""
        logits: Tensor = self.after(self.head(self.dropout(self.features(x))))
        return logits


def _summary(stages: Any) -> Tensor:
    chosen = stages[max(len(stages) - 2, 0)] if isinstance(stages, list | tuple) else stages
    averaged: Tensor = chosen.mean((2, 3))
    return averaged


def build_network(config: ArchitectureConfig) -> SegmentationNet:
    """An untrained network in evaluation mode; its parameters mean nothing until loaded or initialised.

    Raises ValueError, KeyError or RuntimeError, in smp's or timm's own words, for an encoder that does not
    exist or does not fit.
    """
    return untrained(_assemble, config)


def build_outline(config: ArchitectureConfig) -> SegmentationNet:
    """The same network without memory for its parameters ("meta" device): names and shapes only."""
    return outlined(_assemble, config)


def untrained(assemble: Callable[[Config], Net], config: Config) -> Net:
    """What `assemble` makes; the caller's random numbers stay as they were.

    smp and timm initialise from the global generator.
    """
    with torch.random.fork_rng(devices=[]):
        return assemble(config)


def outlined(assemble: Callable[[Config], Net], config: Config) -> Net:
    """What `assemble` makes, without memory for its parameters ("meta" device)."""
    with torch.device("meta"), NumbersOnCpu():
        return assemble(config)


def initialise(net: SegmentationNet, generator: torch.Generator) -> None:
    """Fill the parameters from the generator: He-normal convolutions, truncated-normal linear layers."""
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.weight[0, 0].numel() * module.out_channels // module.groups
            nn.init.normal_(module.weight, 0.0, math.sqrt(2.0 / fan_out), generator=generator)
        elif isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02, generator=generator)
        elif isinstance(module, nn.BatchNorm2d | nn.LayerNorm | nn.GroupNorm):
            module.reset_parameters()
            continue
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    nn.init.xavier_uniform_(net.head.weight, generator=generator)
    if net.head.bias is not None:
        nn.init.constant_(net.head.bias, HEAD_PRIOR_BIAS)


class NumbersOnCpu(TorchFunctionMode):
    """Inside the meta device, `linspace` still yields numbers: smp and timm take depth rates from it."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        extra = {"device": "cpu"} if func is torch.linspace else {}
        return func(*args, **{**(kwargs or {}), **extra})


def _assemble(config: ArchitectureConfig) -> SegmentationNet:
    wished = {
        WIDTH_OPTIONS.get(config.kind, "decoder_channels"): config.decoder_channels or config.decoder_width,
        "encoder_depth": config.encoder_depth,
    }
    network = KINDS[config.kind](
        encoder_name=config.encoder,
        encoder_weights=None,
        in_channels=config.in_channels,
        classes=config.classes,
        **{name: value for name, value in wished.items() if value is not None},
    )
    net = SegmentationNet(network, config.head_dropout)
    _switch_off_stochastic_depth(net)
    return net.eval()


def _switch_off_stochastic_depth(net: SegmentationNet) -> None:
    # Stochastic depth draws from the global generator; it stays off here, in training and in sampling.
    for module in net.modules():
        if isinstance(getattr(module, "drop_prob", None), float):
            vars(module)["drop_prob"] = 0.0
