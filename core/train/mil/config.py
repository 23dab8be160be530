"""Settings of a bag model's training: frozen, read from JSON, refused when a field is unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from core.config import Frozen
from core.models.mil_records import Attention, BagArchitecture, BagKind, Encoder, bag_architecture
from core.train.common.settings import TrainingSettings

BagDraw = Literal["random", "deterministic", "curriculum"]
"""Bags of training: drawn anew each epoch, those of the evaluation, or drawn anew and short at first."""
StopMetric = Literal["val_auc", "val_f1", "val_balanced_accuracy", "val_worst_recall"]
SourceKey = Literal["lgg-slab", "lgg-grade", "synthetic-grade", "brats-grade"]


class BagChanges(Frozen):
    """How far the slices of a training bag may be changed, all of them alike; lengths are shares of the side.

    anchor: channel that stands in where another is missing, None: channels are never replaced.
    """

    flip_probability: float = 0.5
    angle_sd_degrees: float = 5.0
    scale_low: float = 0.9
    scale_high: float = 1.1
    shift: float = 0.05
    gamma_sd: float = 0.1
    gain_sd: float = 0.1
    noise_max_sd: float = 0.02
    anchor: int | None = 1
    anchor_only_probability: float = 0.05
    missing_probability: float = 0.05


class EarlyStopping(Frozen):
    """End a run whose metric has not risen for `patience` epochs, and keep the best epoch's weights.

    Judged on one `share` of the training patients, set aside for this; never on the fold's left-out patients.
    """

    metric: StopMetric = "val_balanced_accuracy"
    patience: int = Field(default=8, ge=1)
    share: float = Field(default=0.15, gt=0.0, lt=0.5)


class MilConfig(TrainingSettings):
    """Everything that decides a bag model's weights, apart from the data and the library versions.

    bag_low, bag_high: slices of a drawn bag. bag_size: of one at evaluation, None: the whole volume.
    positive_share: weighted sampler, share of the bags of an epoch with the second class; None: as they come.
    class_weights: of the loss, "balanced" = by how rare each class is among the training bags. focal_gamma:
    Lin et al. 2017, arXiv:1708.02002; 0: off. temperature_*: of the attention, falls geometrically from start
    to end over a share of the epochs. instance_dropout: chance that a training slice is hidden. ema_decay 0:
    no moving average. plot_every: epochs between two pictures of the attention, 0: none.
    """

    source: SourceKey
    channels: tuple[str, ...] = ("pre-contrast", "FLAIR", "post-contrast")
    class_names: tuple[str, str]
    encoder: Encoder = "light"
    attention: Attention = "distance"
    attention_width: int = 64
    top_k: int | None = None
    head_dropout: float = 0.25
    stochastic_depth: float = Field(default=0.0, ge=0.0, lt=1.0)
    bag: BagKind = "slab"
    draw: BagDraw = "random"
    bag_low: int = Field(default=8, ge=1)
    bag_high: int = Field(default=16, ge=1)
    bag_size: int | None = 12
    bags_per_epoch: int = 128
    positive_share: float | None = Field(default=0.5, gt=0.0, lt=1.0)
    class_weights: tuple[float, float] | Literal["none", "balanced"] = "balanced"
    focal_gamma: float = Field(default=0.0, ge=0.0)
    label_smoothing: float = Field(default=0.05, ge=0.0, lt=1.0)
    temperature_start: float = Field(default=2.0, gt=0.0)
    temperature_end: float = Field(default=1.0, gt=0.0)
    temperature_share: float = Field(default=0.5, gt=0.0, le=1.0)
    instance_dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    early_stopping: EarlyStopping | None = None
    plot_every: int = Field(default=0, ge=0)
    changes: BagChanges = BagChanges()
    bf16: bool = True
    members: tuple[tuple[int, ...], ...] = ((0,), (1,), (2,), (3,), (4,))
    batch_size: int = 8
    size: int = 64
    early_size: int = 64
    early_share: float = 0.0
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 32
    ema_decay: float = 0.98

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.bag_low > self.bag_high:
            raise ValueError("bag_low must not exceed bag_high")
        return self

    @property
    def architecture(self) -> BagArchitecture:
        """The network that these settings ask for."""
        return bag_architecture(
            self.encoder,
            in_channels=len(self.channels),
            head_dropout=self.head_dropout,
            attention=self.attention,
            attention_width=self.attention_width,
            top_k=self.top_k,
            stochastic_depth=self.stochastic_depth,
        )

    def temperature(self, epoch: int) -> float:
        """What the attention's logits are divided by in an epoch (counted from 0)."""
        falling = max(1.0, self.temperature_share * (self.epochs - 1))
        share = min(1.0, epoch / falling)
        return float(self.temperature_start ** (1.0 - share) * self.temperature_end**share)


def read_mil_config(path: Path) -> MilConfig:
    """The settings in a JSON file; pydantic names every unknown or ill-typed field."""
    return MilConfig.model_validate_json(path.read_text(encoding="utf-8"))
