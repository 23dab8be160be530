"""Classifiers in the same four named parts as segmenters: features, dropout, head, after.

The head is a 1x1 convolution on the feature maps and `after` takes the mean over the places, which is the
usual "global average pooling, dropout, linear layer" in another order: a mean and a linear layer may be
swapped, and a dropout of whole channels does not care. So the head's output before the mean is an exact map
of the evidence for each class (Zhou et al. 2016, doi:10.1109/CVPR.2016.319): its mean is the logit. And T
dropout samples fold into one convolution, as in a segmenter.
"""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import Tensor, nn

from core.errors import ModelProblem
from core.models.build import ChannelDropout, outlined, untrained
from core.models.records import ClassifierArchitecture

SMALL_SD = 0.02
HEAD_WEIGHT = "head.weight"


class GlobalMean(nn.Module):
    """Logits (case, class): the mean of the evidence maps (case, class, row, column) over their places."""

    def forward(self, evidence: Tensor) -> Tensor:
        """The mean over rows and columns."""
        return evidence.mean((2, 3))


class ClassifierNet(nn.Module):
    """A network of timm as features, dropout, head and after; returns logits (case, class)."""

    def __init__(self, encoder: Any, width: int, classes: int, head_dropout: float) -> None:
        super().__init__()
        self.encoder: nn.Module = encoder
        self.dropout = ChannelDropout(head_dropout)
        self.head = nn.Conv2d(width, classes, 1)
        self.after: nn.Module = GlobalMean()

    def features(self, x: Tensor) -> Tensor:
        """Feature maps (case, channel, row, column) after the last norm; tokens go back to their grid."""
        found: Tensor = self.encoder(x)
        return _tokens_to_maps(found, self.encoder) if found.ndim == 3 else found

    def described(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`features`, and their mean over the places, (case, channel), for the check for foreign images."""
        maps = self.features(x)
        return maps, maps.mean((2, 3))

    def summary(self, x: Tensor) -> Tensor:
        """The second part of `described` alone."""
        return self.described(x)[1]

    def forward(self, x: Tensor) -> Tensor:
        """Logits (case, class) of images (case, channel, row, column)."""
        logits: Tensor = self.after(self.head(self.dropout(self.features(x))))
        return logits


def build_classifier(config: ClassifierArchitecture) -> ClassifierNet:
    """An untrained classifier in evaluation mode. Raises ModelProblem for a backbone that timm lacks."""
    return untrained(_assemble, config)


def build_classifier_outline(config: ClassifierArchitecture) -> ClassifierNet:
    """The same network without memory for its parameters ("meta" device): names and shapes only."""
    return outlined(_assemble, config)


def initialise_classifier(net: ClassifierNet, generator: torch.Generator) -> None:
    """Fill the weights from the generator; scales, shifts and biases keep timm's constants.

    He-normal where batch normalisation follows the convolutions; else truncated normal with sd 0.02, as
    ConvNeXt V2 and vision transformers do (Woo et al. 2023, doi:10.1109/CVPR52729.2023.01548).
    """
    batch_norm = any(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    for name, weight in net.named_parameters():
        if weight.ndim > 1 and batch_norm and name != HEAD_WEIGHT:
            nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif weight.ndim > 1:
            nn.init.trunc_normal_(weight, std=SMALL_SD, generator=generator)
    if net.head.bias is not None:
        # PyTorch draws it from the global generator.
        nn.init.zeros_(net.head.bias)


def _assemble(config: ClassifierArchitecture) -> ClassifierNet:
    """The network on the current device, with whatever the current generator makes of its weights."""
    try:
        encoder = timm.create_model(
            config.backbone,
            pretrained=False,
            in_chans=config.in_channels,
            num_classes=0,
            global_pool="",
            **config.options,
        )
    except (RuntimeError, TypeError, ValueError, KeyError, AssertionError) as error:
        raise ModelProblem(
            "The classifier cannot be built",
            found=f"backbone {config.backbone}: {str(error)[:200]}",
            expected="an architecture of timm that takes these options",
            fix="correct backbone, depths, dims or output_stride",
        ) from error
    net = ClassifierNet(encoder, _width(encoder), config.classes, config.head_dropout)
    _switch_off_inner_randomness(net.encoder)
    return net.eval()


def _width(encoder: Any) -> int:
    return int(encoder.num_features)


def _switch_off_inner_randomness(encoder: nn.Module) -> None:
    # Stochastic depth draws from the global generator; it stays off here, in training and in sampling.
    for module in encoder.modules():
        if isinstance(getattr(module, "drop_prob", None), float):
            vars(module)["drop_prob"] = 0.0


def _tokens_to_maps(tokens: Tensor, encoder: Any) -> Tensor:
    patches = tokens[:, int(getattr(encoder, "num_prefix_tokens", 0)) :]
    rows, columns = encoder.patch_embed.grid_size
    return patches.transpose(1, 2).reshape(len(tokens), -1, rows, columns)
