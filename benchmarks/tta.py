"""The eight symmetries with running moments, against ttach, which returns the mean only."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
import ttach
from torch import Tensor, nn

from benchmarks.networks import BACKENDS, reference
from benchmarks.timing import Row, Work, compare
from core.inference.member import Member, fixed_picture
from core.inference.tta import SYMMETRIES, apply_symmetry, undo_symmetry
from core.uncertainty import MomentMaps, Moments

PEER = "ttach d4 (mean only)"


def run(rounds: int, threads: int) -> Iterable[Row]:
    """One row per engine; ours also gives entropy, mutual information and variance."""
    subject = reference()
    picture = fixed_picture(subject.shape)
    peer = ttach.SegmentationTTAWrapper(
        nn.Sequential(subject.net, nn.Sigmoid()), ttach.aliases.d4_transform(), merge_mode="mean"
    )
    members = {backend: subject.opened(backend, threads) for backend in BACKENDS}
    expected = _averaged(peer, picture).numpy()[0]
    return compare(
        f"tta 8 views, {subject.name} {picture.shape[2]}x{picture.shape[3]}",
        (PEER, lambda number: _averaged(peer, picture)),
        {name: _work(member, picture) for name, member in members.items()},
        rounds=rounds,
        threads=threads,
        differences={
            name: float(np.abs(symmetries(member, picture).mean - expected).max())
            for name, member in members.items()
        },
    )


def symmetries(member: Member, picture: Tensor) -> MomentMaps:
    """What the product does with one slice."""
    moments = Moments((1, *picture.shape[-2:]))
    masks = member.no_masks()
    for index in range(SYMMETRIES):
        kept = member.keep(apply_symmetry(picture.numpy(), index))
        (prob,) = member.probabilities(kept, masks, range(1))
        moments.add(undo_symmetry(prob, index))
    return moments.maps()


def _work(member: Member, picture: Tensor) -> Work:
    return lambda number: symmetries(member, picture)


def _averaged(peer: nn.Module, picture: Tensor) -> Tensor:
    with torch.inference_mode():
        mean: Tensor = peer(picture)
        return mean
