"""What a user says about a model that comes in: JSON beside its file, one record per door."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from core.config import Frozen
from core.errors import ModelProblem
from core.models.records import ArchitectureConfig, ModelRecord, PictureMove, PreprocessingConfig
from core.types import Task

MAX_CONFIG_BYTES = 1_000_000

Config = TypeVar("Config", bound="StatedModel")


class StatedModel(Frozen):
    """What no weight file says about itself. Fields as in ModelRecord."""

    id: str
    title: str
    channels: tuple[str, ...]
    class_names: tuple[str, ...]
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    preprocessing: PreprocessingConfig = PreprocessingConfig()
    working_size: int = 256
    description: str = "A model that was imported by its user."
    licence: str = "not stated"
    source: str = "imported by its user"
    volume: str = Field(default="Every slice is judged on its own.")


class CheckpointConfig(StatedModel):
    """A checkpoint of segmentation-models-pytorch.

    head_dropout inside `architecture` is 0 for a network that was trained without dropout before its head.
    """

    architecture: ArchitectureConfig


class OnnxConfig(StatedModel):
    """A network as an ONNX graph; channels and classes are counted in the graph.

    output: "probabilities" where the graph ends in its own activation. moves: of a classifier's test-time
    variants.
    """

    task: Task = "segmentation"
    output: Literal["logits", "probabilities"] = "logits"
    moves: tuple[PictureMove, ...] = Field(default=(), max_length=32)


class HubConfig(StatedModel):
    """A saved network of segmentation-models-pytorch, whose config.json tells the architecture."""


def read_import_config(path: Path, kind: type[Config]) -> Config:
    """The configuration in a JSON file. Raises ModelProblem naming the first wrong field."""
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise config_refusal(path, f"{path.stat().st_size} bytes", f"at most {MAX_CONFIG_BYTES} bytes")
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        expected = "a JSON object with the fields that the README lists"
        raise config_refusal(path, first_error(error), expected) from error


def record_of(fields: dict[str, object], config: Path) -> ModelRecord:
    """The model file that these fields make. Raises ModelProblem where they contradict each other."""
    try:
        return ModelRecord.model_validate(fields)
    except ValidationError as error:
        raise config_refusal(config, first_error(error), "fields that agree with each other") from error


def first_error(error: ValidationError) -> str:
    """Place and message of pydantic's first complaint."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])


def config_refusal(path: Path, found: str, expected: str) -> ModelProblem:
    """A ModelProblem about a configuration."""
    return ModelProblem(
        "The configuration of the model cannot be used",
        file=path.name,
        found=found,
        expected=expected,
        fix="correct this field",
    )
