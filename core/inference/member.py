"""One opened network: pictures in, probabilities out, with dropout off or with masks from seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import InferenceProblem
from core.inference.backends import OpenedEngine, open_engine
from core.inference.devices import on_device
from core.inference.dropout import DropoutLayer, active_dropout, require_dropout
from core.inference.onnx_graph import graph_key
from core.inference.seeds import draw_mask, mask_seed
from core.inference.settings import Backend, RunSettings
from core.inference.split import stage
from core.inference.staged import Kept, Masks, Staged
from core.types import Float32Array

Output = Literal["sigmoid", "softmax", "classes"]
"""From logits to probabilities: sigmoid of each; softmax, its first class (background) left out; softmax of
all classes."""

MaskSource = Callable[[int], Masks]
"""The masks of one sample, by its index."""


@dataclass(frozen=True, eq=False)
class Member:
    """A network in two parts with the engine that runs the first; nothing in it changes while it is used.

    name: the model's, for messages. weights: SHA-256 of its weight file. layers: its active dropout.
    """

    staged: Staged
    opened: OpenedEngine
    settings: RunSettings
    activation: Output
    weights: str
    name: str
    layers: tuple[DropoutLayer, ...]

    def check_dropout(self) -> None:
        """Raises ModelProblem, with the reason, when this network's dropout cannot be sampled."""
        require_dropout(self.layers if self.staged.sites else (), self.name)

    @property
    def chunk(self) -> int:
        """Pictures per pass of the first part."""
        return self.opened.engine.chunk

    @property
    def backend(self) -> Backend:
        """What runs the first part."""
        return self.opened.engine.backend

    @property
    def self_check(self) -> float | None:
        """Largest difference of a probability to torch, None when torch itself runs."""
        return self.opened.self_check

    @property
    def note(self) -> str:
        """Why the fast engine is not used, or ""."""
        return self.opened.note

    def keep(self, pictures: Float32Array) -> Kept:
        """Run the first part on pictures (slice, channel, row, column); its output stays on the device."""
        with on_device(self.settings):
            return self.opened.engine(torch.from_numpy(np.ascontiguousarray(pictures)))

    def masks(self, seed_key: str, user_seed: int) -> MaskSource:
        """Where the dropout masks of a case come from: the same for all its slices, in any order."""
        sites = self.staged.sites

        def of_sample(sample: int) -> Masks:
            seeds = [mask_seed(seed_key, self.weights, sample, site.name, user_seed) for site in sites]
            drawn = [draw_mask(site.shape, site.p, seed) for site, seed in zip(sites, seeds, strict=True)]
            return tuple(torch.from_numpy(each).to(self.settings.device) for each in drawn)

        # Masks of whole channels are tiny; masks of single elements are as large as the features.
        small = all(site.kind == "channel" for site in sites)
        return lru_cache(maxsize=None if small else 1)(of_sample)

    def no_masks(self) -> MaskSource:
        """Masks that change nothing: dropout is off."""
        unit = self.staged.unit_masks(torch.empty(0, device=self.settings.device))
        return lambda sample: unit

    def probabilities(self, kept: Kept, masks: MaskSource, samples: range) -> list[Float32Array]:
        """Probabilities of some samples of one kept picture: (class, row, column); (class,) of a classifier.

        At most core.inference.network.SHARED at a time: their folded convolutions are computed together.
        """
        with on_device(self.settings):
            drawn = [masks(sample) for sample in samples]
            shared = self.staged.share(kept, drawn)
            return [
                self._probability(self.staged.draw(kept, shared, drawn, place)) for place in range(len(drawn))
            ]

    def evidence(self, kept: Kept) -> Float32Array:
        """What speaks for each class of a classifier and where, (class, row, column), dropout off.

        The logits are the means of these maps over their places. Raises InferenceProblem for a network that
        has no such maps.
        """
        with on_device(self.settings):
            maps = self.staged.share(kept, [self.staged.unit_masks(kept[0])])
        if len(maps) != 1 or maps[0].ndim != 4:
            raise InferenceProblem(
                "This network has no evidence map",
                file=self.name,
                found="dropout inside the network",
                expected="a mean over places and one linear head at its end",
                fix="look at the class probabilities alone",
            )
        found: Float32Array = maps[0][0].float().cpu().numpy()
        return found

    def features(self, kept: Kept) -> Float32Array | None:
        """Averaged feature maps of kept pictures, float32 (slice, feature); None where there are none."""
        if self.staged.summary is None:
            return None
        found: Float32Array = kept[self.staged.summary].float().cpu().numpy()
        return found

    def _probability(self, logits: Tensor) -> Float32Array:
        single = logits[0].float()
        if self.activation == "sigmoid":
            prob = torch.sigmoid(single)
        else:
            prob = torch.softmax(single, 0)[1 if self.activation == "softmax" else 0 :]
        found: Float32Array = prob.cpu().numpy()
        return found


def open_member(
    net: nn.Module,
    settings: RunSettings,
    *,
    picture_shape: tuple[int, int, int],
    activation: Output,
    weights: str,
    name: str,
    architecture: object,
    graphs: Path | None,
) -> Member:
    """A network ready to run on the settings' device.

    net: handed over, so nobody else may use it from here on. picture_shape: (channel, row, column) of its
    input; architecture: JSON value that identifies its graph; graphs: folder for ONNX graphs, or None.
    """
    private = net.to(settings.device).eval()
    example = fixed_picture(picture_shape).to(settings.device)
    staged = stage(private, example)
    key = graph_key(architecture, tuple(example.shape), tuple(site.name for site in staged.sites))
    opened = open_engine(staged, settings, example, key, graphs)
    return Member(staged, opened, settings, activation, weights, name, active_dropout(private))


def fixed_picture(shape: tuple[int, int, int]) -> Tensor:
    """The picture that engines are compared on, (1, channel, row, column): noise in [0, 1.5], fixed seed."""
    noise = np.random.default_rng(20240229).random((1, *shape), dtype=np.float32)
    return torch.from_numpy(noise * np.float32(1.5))
