"""One case on its way through opened networks: passes, symmetries, samples, back to the slice."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from core.config import EstimatorConfig
from core.inference.estimators import Pass, SamplePlan
from core.inference.network import Network, groups_of
from core.inference.pictures import Pictures, constant_values
from core.inference.tta import apply_symmetry, undo_symmetry
from core.types import Float32Array, Progress, SliceSamples, SliceView


class Run:
    """One case on its way through the networks."""

    def __init__(
        self,
        pictures: Pictures,
        plan: SamplePlan,
        members: dict[int, Network],
        estimator: EstimatorConfig,
        seed_key: str,
    ) -> None:
        self.pictures = pictures
        self.plan = plan
        self.members = members
        self.masks = {
            index: member.masks(seed_key, estimator.seed) if plan.passes[0].samples else member.no_masks()
            for index, member in members.items()
        }

    def slices(self, progress: Progress) -> Iterator[SliceSamples]:
        """The samples of every slice, in order; see Predictor.stream."""
        total = self.pictures.image.slices
        size = min(member.chunk for member in self.members.values())
        constant: dict[tuple[float, ...], int] = {}
        for first in range(0, total, size):
            group = range(first, min(first + size, total))
            inputs = [self.pictures.picture(index) for index in group]
            batch = Batch(inputs, self.members)
            for place, index in enumerate(group):
                progress(index / total, f"Slice {index + 1} of {total}")
                values = constant_values(inputs[place])
                same = None if values is None else constant.setdefault(values, index)
                yield SliceSamples(
                    index=index,
                    samples=self._samples(batch, place),
                    same_as=None if same == index else same,
                    view=partial(batch.view, self.plan, place),
                )
        progress(1.0, f"{total} of {total} slices")

    def _samples(self, batch: Batch, place: int) -> Iterator[Float32Array]:
        for each in self.plan.passes:
            yield from self._pass_samples(each, batch, place)

    def _pass_samples(self, each: Pass, batch: Batch, place: int) -> Iterator[Float32Array]:
        member = self.members[each.member]
        kept = batch.kept(each, place)
        for group in groups_of(max(each.samples, 1)):
            for prob in member.probabilities(kept, self.masks[each.member], group):
                yield self.pictures.map_back(undo_symmetry(prob, each.symmetry))


class Batch:
    """Some slices that go through each network's first part together, when their samples are read."""

    def __init__(self, inputs: list[Float32Array], members: dict[int, Network]) -> None:
        self.inputs = inputs
        self.members = members
        self._kept: dict[tuple[int, int], tuple[Any, ...]] = {}
        self._features: dict[int, Float32Array | None] = {}

    def kept(self, each: Pass, place: int) -> tuple[Any, ...]:
        """What the first part hands on for one of the slices; computed for all of them the first time."""
        key = (each.member, each.symmetry)
        found = self._kept.get(key)
        if found is None:
            turned = np.stack([apply_symmetry(picture, each.symmetry) for picture in self.inputs])
            found = self.members[each.member].keep(turned)
            if each.symmetry == 0:
                self._features[each.member] = self.members[each.member].features(found)
            if len(self.inputs) > 1:
                self._kept[key] = found
        return tuple(tensor[place : place + 1] for tensor in found)

    def view(self, plan: SamplePlan, place: int) -> SliceView:
        """What the networks saw of one of the slices; nothing is run again once its samples were read."""
        for each in plan.passes:
            if each.symmetry == 0 and each.member not in self._features:
                self.kept(each, place)
        features = {index: found[place] for index, found in self._features.items() if found is not None}
        return SliceView(self.inputs[place], features)
