"""What is known about a model before any weight is read: frozen records, read from its `model.json`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from core.config import Contrast, Frozen
from core.models.preprocess import PREPROCESSING_VERSION
from core.types import Limits, Task

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


class ClassifierArchitecture(Frozen):
    """What has to be known to rebuild a classifier before its weights are read, in timm's terms.

    backbone: name in timm's own list. depths, dims: blocks and channels of each stage, None: the backbone's
    own. output_stride: of the last feature maps, None: the backbone's own. image_size: side in pixels that a
    transformer's position embedding is made for, None for networks that take any size.
    """

    kind: Literal["classifier"] = "classifier"
    backbone: str = Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.\-]+$")
    in_channels: int = Field(default=1, ge=1, le=64)
    classes: int = Field(ge=1, le=64)
    head_dropout: float = Field(default=0.2, ge=0.0, lt=1.0)
    depths: tuple[int, ...] | None = Field(default=None, min_length=1, max_length=8)
    dims: tuple[int, ...] | None = Field(default=None, min_length=1, max_length=8)
    output_stride: Literal[8, 16, 32] | None = None
    image_size: int | None = Field(default=None, ge=32, le=1024)

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments that timm takes beside the ones that every backbone knows."""
        wished = {
            "depths": self.depths,
            "dims": self.dims,
            "output_stride": self.output_stride,
            "img_size": self.image_size,
        }
        return {name: value for name, value in wished.items() if value is not None}


class OnnxArchitecture(Frozen):
    """A network that came as an ONNX graph: its one input and output, as they were found in the file.

    in_channels, classes: of input and output. batch: pictures per pass that the graph insists on, 1 where it
    takes any number. output: "logits", or "probabilities" where the graph ends in its own activation. opset:
    of the standard operators.
    """

    kind: Literal["onnx"] = "onnx"
    in_channels: int = Field(ge=1, le=64)
    classes: int = Field(ge=1, le=64)
    batch: int = Field(default=1, ge=1, le=64)
    output: Literal["logits", "probabilities"] = "logits"
    opset: int = Field(ge=1, le=100)

    @property
    def head_dropout(self) -> float:
        """0: an exported graph has no dropout left that could be sampled."""
        return 0.0


Architecture = ArchitectureConfig | ClassifierArchitecture | OnnxArchitecture
"""What rebuilds, or runs, a network."""


class PreprocessingConfig(Frozen):
    """How intensities are scaled: by percentiles, contrast changed, then (x - mean) / std.

    contrast: see CONTRASTS of `core.models.preprocess`; "percentile" leaves it as it is. mean, std: one per
    channel, for networks trained on standardised inputs; None: nothing is done.
    """

    version: Literal["1"] = PREPROCESSING_VERSION
    contrast: Contrast = "percentile"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _pair(self) -> PreprocessingConfig:
        if len(self.mean or ()) != len(self.std or ()) or any(each <= 0 for each in self.std or ()):
            raise ValueError("mean and std come together, one per channel, std above 0")
        return self

    @model_serializer(mode="wrap")
    def _without_default(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Left out where it is the only one there was before it could be chosen: stored keys stay valid.
        fields: dict[str, Any] = handler(self)
        return {name: value for name, value in fields.items() if (name, value) != ("contrast", "percentile")}


class MemberRecord(Frozen):
    """One network of an ensemble: its weight file, that file's digest, and the folds it never saw."""

    file: str = Field(pattern=r"^[A-Za-z0-9_\-]+\.(safetensors|onnx)$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    left_out_folds: tuple[int, ...] = ()


class FamiliarityFile(Frozen):
    """The file that describes the training pictures, for the check for foreign images, and its digest."""

    file: str = Field(pattern=r"^[A-Za-z0-9_\-]+\.safetensors$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class QualityFile(Frozen):
    """The file of the quality networks and its digest; channel: which of the model's inputs they look at."""

    file: str = Field(pattern=r"^[A-Za-z0-9_\-]+\.safetensors$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    channel: int = Field(default=0, ge=0)


class PictureMove(Frozen):
    """A small move that leaves the class as it is: shares of the side down and to the right, and a scale."""

    down: float = Field(default=0.0, ge=-0.25, le=0.25)
    right: float = Field(default=0.0, ge=-0.25, le=0.25)
    scale: float = Field(default=1.0, ge=0.5, le=2.0)


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

    task: what it answers; "classification" = one class, "multilabel" = any number of findings.
    class_names: foreground classes of a segmentation, all classes of a classification. activation:
        "sigmoid" = one logit for the one foreground class, or one per finding of a multilabel model;
        "softmax" = one per class, in a segmentation with background first. moves: of a classifier's
        test-time variants, the first of which moves nothing; empty: it has none. folds: the patients of each
        fold of the training data, or empty for a model trained elsewhere. rule_limits: of the shape
        rules or of the class rules; None: the built-in ones. familiarity: description of the
        training pictures, None: foreign images cannot be told. quality: the networks that judge its outlines,
        None: nothing does. modality: what its pictures are made with,
        None: unknown. prompt: what has to be drawn before it can answer, None: nothing. folder: where its
        files lie; not in the JSON.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_\-]{0,63}$")
    title: str
    description: str
    task: Task = "segmentation"
    architecture: Architecture
    preprocessing: PreprocessingConfig = PreprocessingConfig()
    working_size: int = Field(default=128, ge=32, le=2048)
    channels: tuple[str, ...]
    class_names: tuple[str, ...]
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    moves: tuple[PictureMove, ...] = Field(default=(), max_length=32)
    members: tuple[MemberRecord, ...] = Field(min_length=1, max_length=100)
    folds: tuple[tuple[str, ...], ...] = ()
    training: TrainingRecord | None = None
    rule_limits: Limits | None = None
    familiarity: FamiliarityFile | None = None
    quality: QualityFile | None = None
    modality: Literal["MR", "CT", "XR", "US"] | None = None
    prompt: Literal["box"] | None = None
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
        if self.moves and (self.task == "segmentation" or self.moves[0] != PictureMove()):
            raise ValueError("moves belong to a classifier, and the first of them moves nothing")
        own = ArchitectureConfig if self.task == "segmentation" else ClassifierArchitecture
        if not isinstance(self.architecture, (own, OnnxArchitecture)):
            raise ValueError("a classifier's architecture and its task go together")
        self._check_outputs()
        endings = {Path(each.file).suffix for each in self.members}
        if endings != {".onnx" if isinstance(self.architecture, OnnxArchitecture) else ".safetensors"}:
            raise ValueError("an ONNX graph and the ending of its file go together")
        if self.preprocessing.mean and len(self.preprocessing.mean) != len(self.channels):
            raise ValueError("mean and std need one value per channel")
        return self

    def _check_outputs(self) -> None:
        names, logits = len(self.class_names), self.architecture.classes
        if self.task != "segmentation":
            wanted = "softmax" if self.task == "classification" else "sigmoid"
            if self.activation != wanted or logits != names:
                raise ValueError(f"{self.task} takes {wanted} with one class per class name")
            return
        # Regions that may overlap have no common background, which entropies and masks here rest on.
        if self.activation == "sigmoid" and names > 1:
            raise ValueError("sigmoid takes one class; several classes need softmax")
        if names + (self.activation == "softmax") != logits:
            expected = names + (self.activation == "softmax")
            raise ValueError(f"{self.activation} with these class_names needs {expected} classes")

    def folds_unseen(self, members: Collection[int] | None) -> tuple[int, ...]:
        """Folds that every one of these members never saw; () for None = all members, and without folds.

        Where a training patient is judged by the members that left it out, the patient's fold is among them.
        """
        if members is None:
            return ()
        asked = [set(self.members[k].left_out_folds) for k in members]
        return tuple(sorted(set.intersection(*asked))) if asked else ()

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


Record = TypeVar("Record", bound=ModelRecord)


def with_contrast(record: Record, contrast: Contrast | None) -> Record:
    """The model with another contrast of its input; None leaves it as it was trained."""
    if contrast is None or contrast == record.preprocessing.contrast:
        return record
    changed = record.preprocessing.model_copy(update={"contrast": contrast})
    return record.model_copy(update={"preprocessing": changed})
