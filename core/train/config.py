"""Settings of a training run: frozen, read from JSON, refused when a field is unknown."""

from __future__ import annotations

from pathlib import Path

from core.config import Frozen
from core.models.records import Kind
from core.train.common.settings import TrainingSettings


class AugmentSettings(Frozen):
    """How far a training picture may be changed; sizes are shares of the picture's side."""

    flip_probability: float = 0.5
    angle_sd_degrees: float = 12.0
    angle_limit_degrees: float = 30.0
    scale_low: float = 0.75
    scale_high: float = 1.3
    stretch: float = 0.1
    shift: float = 0.08
    elastic_probability: float = 0.5
    elastic_sd: float = 0.018
    gamma_sd: float = 0.22
    gain_sd: float = 0.18
    offset_sd: float = 0.04
    bias_probability: float = 0.4
    bias_sd: float = 0.15
    blur_probability: float = 0.25
    blur_max_sigma: float = 1.2
    noise_probability: float = 0.35
    noise_max_sd: float = 0.06
    single_slice_probability: float = 0.5
    flair_only_probability: float = 0.3
    missing_probability: float = 0.1
    strip_probability: float = 0.0
    """How often the skull is taken away, as in skull-stripped volumes."""
    strip_low: float = 0.04
    strip_high: float = 0.1
    """Thickness of what is taken away."""


class FinetuneSettings(Frozen):
    """A second, shorter run from the weights of the first, with what differs from it."""

    epochs: int
    learning_rate: float
    warmup_steps: int
    augment: AugmentSettings


class SegmenterConfig(TrainingSettings):
    """Everything that decides a segmenter's weights, apart from the data and the library versions."""

    channels: tuple[str, ...] = ("pre-contrast", "FLAIR", "post-contrast")
    class_names: tuple[str, ...] = ("FLAIR abnormality",)
    kind: Kind
    encoder: str
    decoder_channels: tuple[int, ...] | None = None
    decoder_width: int | None = None
    head_dropout: float = 0.2
    epochs: int = 50
    samples_per_epoch: int = 1152
    batch_size: int = 24
    tumour_share: float = 0.5
    early_share: float = 0.4
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.02
    warmup_steps: int = 200
    ema_decay: float = 0.998
    bf16: bool = True
    evaluate_every: int = 5
    augment: AugmentSettings = AugmentSettings()
    finetune: FinetuneSettings | None = None

    @property
    def runs(self) -> tuple[SegmenterConfig, ...]:
        """The settings of each run; the second goes on from the saved weights of the first."""
        return self.split_runs("finetune", self.finetune)


def read_config(path: Path) -> SegmenterConfig:
    """The settings in a JSON file; pydantic names every unknown or ill-typed field."""
    return SegmenterConfig.model_validate_json(path.read_text(encoding="utf-8"))
