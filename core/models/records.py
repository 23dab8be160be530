"""What is known about a model before any weight is read: frozen records, read from its `model.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from core.config import Frozen
from core.models.preprocess import PREPROCESSING_VERSION
from core.types import Limits

Kind = Literal[
    "unet",
    "unetplusplus",
    "segformer",
    "fpn",
    "linknet",
    "manet",
    "pspnet",
    "deeplabv3",
    "deeplabv3plus",
    "upernet",
]

WIDTH_OPTIONS: dict[Kind, str] = {
    "segformer": "decoder_segmentation_channels",
    "fpn": "decoder_segmentation_channels",
    "deeplabv3": "decoder_channels",
    "deeplabv3plus": "decoder_channels",
    "pspnet": "psp_out_channels",
    "upernet": "decoder_channels",
}
"""What smp calls the width of a decoder that has only one."""


class ArchitectureConfig(Frozen):
    """What has to be known to rebuild a network before its weights are read, in smp's terms.

    decoder_channels: of decoders that climb stage by stage (U-Net and its kin); decoder_width: the one
        width of the others (Segformer, FPN, DeepLab, PSPNet, UPerNet). None: smp's default.
    """

    kind: Kind
    encoder: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.\-]+$")
    decoder_channels: tuple[int, ...] | None = Field(default=None, max_length=6)
    decoder_width: int | None = Field(default=None, ge=1, le=2048)
    in_channels: int = Field(default=3, ge=1, le=64)
    classes: int = Field(default=1, ge=1, le=64)
    head_dropout: float = Field(default=0.2, ge=0.0, lt=1.0)
    encoder_depth: int | None = Field(default=None, ge=3, le=5)

    @model_validator(mode="after")
    def _widths(self) -> ArchitectureConfig:
        unused = "decoder_channels" if self.kind in WIDTH_OPTIONS else "decoder_width"
        if getattr(self, unused) is not None:
            raise ValueError(f"{self.kind} takes no {unused}")
        if any(not 1 <= width <= 2048 for width in self.decoder_channels or ()):
            raise ValueError("decoder_channels must lie in 1 … 2048")
        return self


class PreprocessingConfig(Frozen):
    """How intensities are scaled: by percentiles (`core.models.preprocess`), then (x - mean) / std.

    mean, std: one per channel, for checkpoints trained on standardised inputs; None: nothing is done.
    """

    version: Literal["1"] = PREPROCESSING_VERSION
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _pair(self) -> PreprocessingConfig:
        if len(self.mean or ()) != len(self.std or ()) or any(each <= 0 for each in self.std or ()):
            raise ValueError("mean and std come together, one per channel, std above 0")
        return self


class MemberRecord(Frozen):
    """One network of an ensemble: its weight file, that file's digest, and the folds it never saw."""

    file: str = Field(pattern=r"^[A-Za-z0-9_\-]+\.safetensors$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    left_out_folds: tuple[int, ...] = ()


class TrainingRecord(Frozen):
    """What made the weights: digest of the settings, seed, library versions, seconds of each member."""

    config: str
    config_digest: str
    data_digest: str
    seed: int
    epochs: int
    versions: tuple[tuple[str, str], ...]
    seconds: tuple[float, ...]


class ModelRecord(Frozen):
    """One model as the registry lists it.

    class_names: foreground classes. activation: "sigmoid" = one logit for the one foreground class,
        "softmax" = one per class with background first. folds: the patients of each fold of the training
        data, or empty for a model trained elsewhere. rule_limits: of the shape rules, from the training
        references; None: the built-in ones. folder: where its files lie; not part of the JSON.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_\-]{0,63}$")
    title: str
    description: str
    architecture: ArchitectureConfig
    preprocessing: PreprocessingConfig = PreprocessingConfig()
    working_size: int = Field(default=128, ge=32, le=2048)
    channels: tuple[str, ...]
    class_names: tuple[str, ...]
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    members: tuple[MemberRecord, ...] = Field(min_length=1, max_length=100)
    folds: tuple[tuple[str, ...], ...] = ()
    training: TrainingRecord | None = None
    rule_limits: Limits | None = None
    volume: str = ""
    licence: str
    source: str
    folder: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _consistent(self) -> ModelRecord:
        if self.working_size % 32:
            raise ValueError("working_size must be a multiple of 32")
        if len(self.channels) != self.architecture.in_channels:
            raise ValueError("channels must name every input channel of the architecture")
        # Regions that may overlap have no common background, which entropies and masks here rest on.
        if self.activation == "sigmoid" and len(self.class_names) > 1:
            raise ValueError("sigmoid takes one class; several classes need softmax")
        logits = len(self.class_names) + (self.activation == "softmax")
        if logits != self.architecture.classes:
            raise ValueError(f"{self.activation} with these class_names needs {logits} classes")
        if self.preprocessing.mean and len(self.preprocessing.mean) != len(self.channels):
            raise ValueError("mean and std need one value per channel")
        return self

    def members_unseen(self, patient: str) -> tuple[int, ...]:
        """Indices of the members that never saw this training patient; all for a patient of no fold.

        Honest predictions for a training patient come from these members only.
        """
        fold = next((index for index, names in enumerate(self.folds) if patient in names), None)
        every = range(len(self.members))
        return tuple(k for k in every if fold is None or fold in self.members[k].left_out_folds)

    def weight_file(self, member: int) -> Path:
        """Where the weights of one member lie."""
        return self.folder / self.members[member].file
