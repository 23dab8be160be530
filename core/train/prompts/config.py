"""Settings of a prompted segmenter's training."""

from __future__ import annotations

from pathlib import Path

from core.config import Frozen
from core.models.prompts import CHANNEL
from core.train.config import SegmenterConfig


class PromptSettings(Frozen):
    """What is drawn on the training pictures.

    jitter: each side of a box is moved inwards or outwards by a uniform share of the box's length across it,
        at most this. point_share: of the prompts that are points. healthy_share: of the prompts on slices
        with a lesion that lie beside it, where nothing is to be found, as on slices without one.
    part_share: of the boxes that go round one part of a lesion in several. healthy_low, healthy_high:
        length of a box on healthy tissue, as a share of the picture's side.
    """

    jitter: float = 0.2
    point_share: float = 0.3
    healthy_share: float = 0.15
    part_share: float = 0.5
    healthy_low: float = 0.06
    healthy_high: float = 0.4


class PromptConfig(SegmenterConfig):
    """A segmenter's settings and its prompts'."""

    channels: tuple[str, ...] = ("pre-contrast", "FLAIR", "post-contrast", CHANNEL)
    tumour_share: float = 0.75
    prompts: PromptSettings = PromptSettings()


def read_prompt_config(path: Path) -> PromptConfig:
    """The settings in a JSON file; pydantic names every unknown or ill-typed field."""
    return PromptConfig.model_validate_json(path.read_text(encoding="utf-8"))
