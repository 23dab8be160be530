"""Settings of a classifier's training: frozen, read from JSON, refused when a field is unknown."""

from __future__ import annotations

from pathlib import Path

from core.config import Frozen
from core.models.records import ClassifierArchitecture, PictureMove
from core.train.common.settings import TrainingSettings


class PictureChanges(Frozen):
    """How far a training picture may be changed; sizes are shares of the picture's side.

    Never mirrored: a mirrored chest has its heart on the other side.
    """

    angle_sd_degrees: float = 5.0
    angle_limit_degrees: float = 15.0
    scale_low: float = 0.85
    scale_high: float = 1.2
    stretch: float = 0.1
    shift: float = 0.07
    gamma_sd: float = 0.25
    gain_sd: float = 0.12
    offset_sd: float = 0.04
    blur_probability: float = 0.25
    blur_max_sigma: float = 1.0
    noise_probability: float = 0.35
    noise_max_sd: float = 0.05
    erase_probability: float = 0.5
    erase_max_share: float = 0.12
    """Largest share of the picture that one erased rectangle covers."""


MOVES = (
    PictureMove(),
    PictureMove(down=0.04),
    PictureMove(down=-0.04),
    PictureMove(right=0.04),
    PictureMove(right=-0.04),
    PictureMove(scale=1.08),
    PictureMove(scale=0.92),
)
"""Test-time variants of a chest X-ray: all inside what training shows."""


class SecondRun(Frozen):
    """Another run that goes on from the saved weights of the first, at the full size from its start."""

    epochs: int
    learning_rate: float
    warmup_steps: int


class ClassifierConfig(TrainingSettings):
    """Everything that decides a classifier's weights, apart from the data and the library versions.

    members: for each member, the folds that it never sees. Two sizes: a share of the epochs runs at the
    smaller one first. mix_alpha: Beta(a, a) of the mixing of two pictures and their classes, 0: off
    (Zhang et al. 2018, arXiv:1710.09412). hub_weights: start from the Hub's weights of the backbone instead
    of random ones.
    """

    channels: tuple[str, ...] = ("X-ray",)
    class_names: tuple[str, ...]
    architecture: ClassifierArchitecture
    batch_size: int = 25
    early_share: float = 0.5
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.25,)
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warmup_steps: int = 60
    ema_decay: float = 0.99
    label_smoothing: float = 0.1
    mix_alpha: float = 0.2
    changes: PictureChanges = PictureChanges()
    moves: tuple[PictureMove, ...] = MOVES
    hub_weights: bool = False
    second: SecondRun | None = None

    @property
    def runs(self) -> tuple[ClassifierConfig, ...]:
        """The settings of each run; the second goes on from the saved weights of the first."""
        return self.split_runs("second", self.second)


def with_backbone(config: ClassifierConfig, backbone: str | None, hub_weights: bool) -> ClassifierConfig:
    """The settings with another backbone of timm in its own size, under an id of its own.

    A vision transformer is built for the configuration's size; a patch that does not divide it is refused
    when the network is built.
    """
    if backbone is None:
        return config.model_copy(update={"hub_weights": hub_weights or config.hub_weights})
    transformer = backbone.startswith(("vit", "deit", "beit", "eva"))
    size = config.size - config.size % 32 if not transformer else 224
    architecture = ClassifierArchitecture(
        backbone=backbone,
        in_channels=config.architecture.in_channels,
        classes=config.architecture.classes,
        head_dropout=config.architecture.head_dropout,
        image_size=size if transformer else None,
    )
    name = "".join(each if each.isalnum() else "-" for each in backbone.lower()).strip("-")
    changes = {
        "id": f"cxr-{name}"[:64],
        "architecture": architecture,
        "size": size,
        "early_size": size if transformer else config.early_size,
        "hub_weights": hub_weights,
    }
    return config.model_copy(update=changes)


def read_classifier_config(path: Path) -> ClassifierConfig:
    """The settings in a JSON file; pydantic names every unknown or ill-typed field."""
    return ClassifierConfig.model_validate_json(path.read_text(encoding="utf-8"))
