"""Ask a network for what lies in a box or at a point of one slice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.errors import ModelProblem, SettingsProblem
from core.inference.network import Network
from core.inference.pictures import Pictures
from core.inference.predictor import Predictor
from core.models.prompts import prompt_plane
from core.types import BoolArray, Float32Array, Image
from core.types.prompts import Box, Prompt

THRESHOLD = 0.5


class PromptedImage:
    """One image, ready to be asked about; safe to use from several threads, as its predictor is.

    channels: for each input channel of the model but the prompt's, the image channel that feeds it. members:
    indices of the networks whose mean answers, None: all. Raises ModelProblem for a model without a prompt
    and for channels that do not fit.
    """

    def __init__(
        self,
        predictor: Predictor,
        image: Image,
        channels: tuple[int, ...],
        members: tuple[int, ...] | None = None,
    ) -> None:
        record = predictor.record
        if record.prompt is None:
            raise ModelProblem(
                "This model takes no box",
                file=record.id,
                found="a model that answers without a prompt",
                expected="a model that answers to a box, such as lgg-box",
                fix="choose one with: python -m core models list",
            )
        self.image = image
        self._size = record.working_size
        # The last channel is the prompt's: it comes from no image channel.
        self._pictures = Pictures(
            image, channels, record.model_copy(update={"channels": record.channels[:-1]})
        )
        chosen = range(len(record.members)) if members is None else members
        self._networks: tuple[Network, ...] = tuple(predictor.network(each) for each in chosen)

    def __call__(self, index: int, prompts: Sequence[Prompt]) -> BoolArray:
        """Masks (prompt, row, column) of a slice: where the mean probability exceeds one half."""
        return np.asarray(self.prob(index, prompts) > THRESHOLD)

    def prob(self, index: int, prompts: Sequence[Prompt]) -> Float32Array:
        """Foreground probabilities (prompt, row, column) of a slice, one plane per prompt.

        Raises SettingsProblem for a slice that is not there and a prompt that reaches beyond it.
        """
        self._check(index, prompts)
        picture = self._pictures.picture(index)
        shape = self.image.slice_shape
        return np.stack([self._answer(picture, prompt_plane(each, shape, self._size)) for each in prompts])

    def _answer(self, picture: Float32Array, plane: Float32Array) -> Float32Array:
        batch = np.concatenate([picture, plane[None]])[None]
        found = [
            network.probabilities(network.keep(batch), network.no_masks(), range(1))[0]
            for network in self._networks
        ]
        native = self._pictures.map_back(np.mean(found, axis=0, dtype=np.float32))
        return np.asarray(native[0], np.float32)

    def _check(self, index: int, prompts: Sequence[Prompt]) -> None:
        rows, columns = self.image.slice_shape
        if not 0 <= index < self.image.slices:
            raise _outside(f"slice {index}", f"0 to {self.image.slices - 1}")
        for each in prompts:
            last = (each.bottom, each.right) if isinstance(each, Box) else (each.row + 1, each.column + 1)
            first = (each.top, each.left) if isinstance(each, Box) else (each.row, each.column)
            if last[0] > rows or last[1] > columns or min(first) < 0:
                raise _outside(each.text, f"within {rows} rows and {columns} columns")


def _outside(found: str, expected: str) -> SettingsProblem:
    return SettingsProblem(
        "The prompt lies outside the picture", found=found, expected=expected, fix="move it inside"
    )
