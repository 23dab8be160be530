"""Which dropout a network really has, and a private copy in which every one of them is marked."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from core.errors import ModelProblem

Kind = Literal["channel", "element", "other"]


@dataclass(frozen=True)
class DropoutLayer:
    """One active dropout module: its name in the network, drop probability, and what it drops.

    kind "other" (alpha dropout and the like): known, but not sampled by this project.
    """

    name: str
    p: float
    kind: Kind


@torch.library.custom_op("second_look::dropout_site", mutates_args=())
def dropout_site(features: Tensor, layer: int) -> Tensor:
    """Marks in a traced network where a mask is to be multiplied in; by itself a copy."""
    return features.clone()


@dropout_site.register_fake
def _(features: Tensor, layer: int) -> Tensor:
    return torch.empty_like(features)


class _Mark(nn.Module):
    def __init__(self, layer: int) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, features: Tensor) -> Tensor:
        """The features, unchanged."""
        marked: Tensor = dropout_site(features, self.layer)
        return marked


def active_dropout(net: nn.Module) -> tuple[DropoutLayer, ...]:
    """The dropout modules with p > 0, in the order of the network's modules.

    Dropout by function call and stochastic depth are no modules: they cannot be seen and stay off.
    """
    modules = [(name, each) for name, each in net.named_modules() if isinstance(each, _DropoutNd)]
    return tuple(DropoutLayer(name, float(each.p), _kind(each)) for name, each in modules if each.p > 0)


def require_dropout(layers: tuple[DropoutLayer, ...], name: str) -> None:
    """Raises ModelProblem, with the reason, when dropout cannot be sampled; `name` is the model's.

    Without an active dropout module all samples would be equal and the variance exactly 0.
    """
    for layer in layers:
        if layer.kind == "other":
            raise _unknown_kind(layer, name)
    if not layers:
        raise ModelProblem(
            "Monte-Carlo dropout needs a network with dropout",
            file=name,
            found="0 active dropout modules (dropout by function call and stochastic depth cannot be seen)",
            expected="at least one dropout module with p > 0; without, all samples would be identical",
            fix="choose the ensemble or the turned and mirrored estimator, or a model trained with dropout",
        )


def marked_copy(net: nn.Module, layers: tuple[DropoutLayer, ...]) -> nn.Module:
    """A copy in evaluation mode in which each active dropout is a mark; the network itself is not touched."""
    private = copy.deepcopy(net).eval()
    for index, layer in enumerate(layers):
        parent, _, child = layer.name.rpartition(".")
        setattr(private.get_submodule(parent), child, _Mark(index))
    return private


def _kind(module: nn.Module) -> Kind:
    if isinstance(module, nn.Dropout2d):
        return "channel"
    return "element" if isinstance(module, nn.Dropout) else "other"


def _unknown_kind(layer: DropoutLayer, name: str) -> ModelProblem:
    return ModelProblem(
        "This kind of dropout cannot be sampled",
        file=name,
        found=f"another kind at {layer.name}",
        expected="Dropout or Dropout2d",
        fix="choose an estimator without dropout",
    )
