"""Twenty Monte-Carlo dropout samples: folded and streamed, against twenty passes, a stack and statistics."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.networks import BACKENDS, Subject, subjects
from benchmarks.timing import Row, Work, compare
from core.inference.dropout import active_dropout
from core.inference.member import Member, fixed_picture
from core.uncertainty import MomentMaps, Moments

SAMPLES = 20
PEER = "20 eager passes + torch.stack"

Statistics = tuple[Tensor, Tensor, Tensor, Tensor]
"""Mean, variance, entropy and mutual information."""


class Multiply(nn.Module):
    """Stands in for a dropout module and multiplies with the mask that it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.mask: Tensor | None = None

    def forward(self, features: Tensor) -> Tensor:
        """The masked features."""
        return features if self.mask is None else features * self.mask


def run(rounds: int, threads: int) -> Iterable[Row]:
    """Rows of every network with both engines, with the difference of the maps under the same masks."""
    for subject in subjects():
        members = {backend: subject.opened(backend, threads) for backend in BACKENDS}
        picture = fixed_picture(subject.shape)
        yield from compare(
            f"mc-dropout T={SAMPLES}, {subject.name} {subject.shape[1]}x{subject.shape[2]}",
            (PEER, _naive(subject.net, picture)),
            {name: _folded(member, picture) for name, member in members.items()},
            rounds=rounds,
            threads=threads,
            differences={name: difference(subject, member, picture) for name, member in members.items()},
        )


def difference(subject: Subject, member: Member, picture: Tensor) -> float:
    """Largest difference of mean, variance, entropy and mutual information to the naive loop, same masks."""
    masks = member.masks("difference", 0)
    slow = naive_statistics(masked_passes(subject.net, member, picture, masks), torch.float64)
    fast = folded_statistics(member, picture, "difference")
    pairs = zip(
        slow, (fast.mean, fast.variance, fast.predictive_entropy, fast.mutual_information), strict=True
    )
    return max(float(np.abs(one.numpy().squeeze() - np.squeeze(other)).max()) for one, other in pairs)


def folded_statistics(member: Member, picture: Tensor, case_id: str) -> MomentMaps:
    """What the product does with one slice."""
    kept = member.keep(picture.numpy())
    moments = Moments((1, *picture.shape[-2:]))
    for prob in member.probabilities(kept, member.masks(case_id, 0), range(SAMPLES)):
        moments.add(prob)
    return moments.maps()


def masked_passes(net: nn.Module, member: Member, picture: Tensor, masks: object) -> list[Tensor]:
    """Whole passes, one per sample, each with the masks that the product draws."""
    private = copy.deepcopy(net).eval()
    places = {}
    for layer in active_dropout(net):
        parent, _, child = layer.name.rpartition(".")
        places[layer.name] = Multiply()
        setattr(private.get_submodule(parent), child, places[layer.name])
    found = []
    for sample in range(SAMPLES):
        for site, mask in zip(member.staged.sites, masks(sample), strict=True):  # type: ignore[operator]
            places[site.name].mask = mask
        with torch.inference_mode():
            found.append(torch.sigmoid(private(picture)))
    return found


def naive_statistics(samples: list[Tensor], dtype: torch.dtype = torch.float32) -> Statistics:
    """Mean, variance over both classes, entropy and mutual information from a stack of all samples."""
    stack = torch.stack(samples).to(dtype)
    mean = stack.mean(0)
    entropy = _entropy(mean)
    return mean, stack.var(0, unbiased=False), entropy, entropy - _entropy(stack).mean(0)


def _entropy(prob: Tensor) -> Tensor:
    return -(torch.xlogy(prob, prob) + torch.xlogy(1 - prob, 1 - prob))


def _naive(net: nn.Module, picture: Tensor) -> Work:
    private = copy.deepcopy(net).eval()
    for layer in active_dropout(private):
        private.get_submodule(layer.name).train()

    def run_round(number: int) -> object:
        with torch.inference_mode():
            return naive_statistics([torch.sigmoid(private(picture)) for _ in range(SAMPLES)])

    return run_round


def _folded(member: Member, picture: Tensor) -> Work:
    return lambda number: folded_statistics(member, picture, f"round {number}")
