"""A volume on its way through opened bag networks: slices encoded once, dropout samples folded into heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.config import EstimatorConfig
from core.inference.devices import on_device
from core.inference.dropout import active_dropout, require_dropout
from core.inference.estimators import Pass, SamplePlan
from core.inference.moves import apply_move
from core.inference.pictures import Pictures
from core.inference.seeds import draw_mask, mask_seed
from core.inference.settings import RunSettings
from core.models import weights_digest
from core.models.mil import BagNet, BagOutput
from core.models.mil_records import BagRecord
from core.models.mil_weights import load_bag_member
from core.types import BagSamples, Float32Array, Progress

LAYERS = ("dropout.instance", "dropout.bag")
"""Names of the two places where the network's one dropout stands, for the seeds of their masks."""


@dataclass(frozen=True, eq=False)
class OpenedBagNet:
    """A network on its device; nothing in it changes while it is used. weights: SHA-256 of its file."""

    net: BagNet
    settings: RunSettings
    weights: str
    name: str

    def encode(self, slices: Float32Array) -> Tensor:
        """Features (slice, feature) of slices (slice, channel, row, column), each encoded alone."""
        with on_device(self.settings):
            batch = torch.from_numpy(np.ascontiguousarray(slices)).to(self.settings.device)
            return torch.cat(
                [self.net.features(each) for each in torch.split(batch, self.settings.chunk)]
            ).float()

    def answer(self, features: Tensor) -> BagOutput:
        """One draw with dropout off, axes as in `BagNet.folded`."""
        unit = torch.ones((1, features.shape[1]), device=features.device)
        with on_device(self.settings):
            return self.net.folded(features, unit, unit)

    def draws(self, features: Tensor, samples: int, seed_key: str, user_seed: int) -> BagOutput:
        """Dropout samples of one bag. Raises ModelProblem for a network without dropout."""
        require_dropout(active_dropout(self.net), self.name)
        masks = [self._masks(layer, features.shape[1], samples, seed_key, user_seed) for layer in LAYERS]
        with on_device(self.settings):
            return self.net.folded(features, *(each.to(self.settings.device) for each in masks))

    def _masks(self, layer: str, width: int, samples: int, seed_key: str, user_seed: int) -> Tensor:
        seeds = [mask_seed(seed_key, self.weights, sample, layer, user_seed) for sample in range(samples)]
        return torch.from_numpy(np.stack([draw_mask((width,), self.net.dropout.p, seed) for seed in seeds]))


def open_bag_member(record: BagRecord, index: int, settings: RunSettings) -> OpenedBagNet:
    """A member ready to run. Raises ModelProblem when its file is missing or does not fit."""
    net = load_bag_member(record, index).to(settings.device)
    return OpenedBagNet(net, settings, weights_digest(record, index), record.id)


def bag_samples(
    pictures: Pictures,
    bags: Sequence[range],
    plan: SamplePlan,
    members: dict[int, OpenedBagNet],
    estimator: EstimatorConfig,
    seed_key: str,
    progress: Progress,
) -> tuple[BagSamples, ...]:
    """All draws of a plan for each bag, in the order of its passes."""
    wanted = sorted({place for bag in bags for place in bag})
    slices = np.stack([pictures.picture(place) for place in wanted])
    drawn: list[list[BagOutput]] = [[] for _ in bags]
    for number, each in enumerate(plan.passes):
        progress(number / len(plan.passes), f"Pass {number + 1} of {len(plan.passes)}")
        member = members[each.member]
        features = member.encode(_moved(slices, each, pictures))
        for place, bag in enumerate(bags):
            own = features[np.searchsorted(wanted, bag)]
            drawn[place].append(
                member.draws(own, each.samples, seed_key, estimator.seed)
                if each.samples
                else member.answer(own)
            )
    progress(1.0, f"{len(plan.passes)} of {len(plan.passes)} passes")
    return tuple(_joined(bag, outputs) for bag, outputs in zip(bags, drawn, strict=True))


def _moved(slices: Float32Array, each: Pass, pictures: Pictures) -> Float32Array:
    if not each.symmetry:
        return slices
    move = pictures.record.moves[each.symmetry]
    return np.stack([apply_move(picture, move) for picture in slices])


def _joined(bag: range, outputs: list[BagOutput]) -> BagSamples:
    logit, attention, instance = (
        torch.cat([getattr(each, name) for each in outputs]).double().cpu().numpy()
        for name in ("logit", "attention", "instance")
    )
    positive = 1.0 / (1.0 + np.exp(-logit[:, 0]))
    attention /= attention.sum(axis=1, keepdims=True)
    return BagSamples(
        slices=tuple(bag),
        prob=np.stack([1.0 - positive, positive], axis=1),
        attention=attention,
        instance=1.0 / (1.0 + np.exp(-instance)),
    )
