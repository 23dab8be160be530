"""A user's own checkpoint becomes a model of the registry: checked, converted, stored beside the others."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from core.config import Frozen
from core.errors import ModelProblem
from core.models.records import ArchitectureConfig, MemberRecord, ModelRecord, PreprocessingConfig
from core.models.registry import list_models, read_record, user_models_folder, write_record
from core.models.weights import load_network, save_weights

MAX_CONFIG_BYTES = 1_000_000


class CheckpointConfig(Frozen):
    """What a user says about a checkpoint of segmentation-models-pytorch, as JSON beside the weights.

    head_dropout inside `architecture` is 0 for a network that was trained without dropout before its head.
    """

    id: str
    title: str
    architecture: ArchitectureConfig
    channels: tuple[str, ...]
    class_names: tuple[str, ...]
    activation: Literal["sigmoid", "softmax"] = "sigmoid"
    preprocessing: PreprocessingConfig = PreprocessingConfig()
    working_size: int = 256
    description: str = "A model that was imported by its user."
    licence: str = "not stated"
    source: str = "imported by its user"
    volume: str = Field(default="Every slice is judged on its own.")


def import_checkpoint(weights: Path, config: Path, own: Path | None = None) -> ModelRecord:
    """Check a checkpoint and its JSON configuration and add it to the user's models; returns its record.

    weights: safetensors, or a state dict in .pt or .pth (never run as a pickle). It is stored as
    half-precision safetensors. Raises ModelProblem when a field, a name, a shape or a value does not fit,
    or the id is taken.
    """
    wanted = _read_config(config)
    folder = own or user_models_folder()
    if wanted.id in {each.id for each in list_models(own=folder)}:
        raise ModelProblem(
            "There is a model of this id already",
            file=config.name,
            found=wanted.id,
            expected="an id that no model has",
            fix="change `id` in the configuration, or remove the other model",
        )
    _record(wanted, "0" * 64, config)
    net = load_network(weights, wanted.architecture)
    folder.mkdir(parents=True, exist_ok=True)
    # Written under another name and moved, so that a half-written model is never listed.
    partial = Path(tempfile.mkdtemp(prefix=".importing-", dir=folder))
    try:
        write_record(_record(wanted, save_weights(net, partial / "member_0.safetensors"), config), partial)
        partial.rename(folder / wanted.id)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return read_record(folder / wanted.id / "model.json")


def _read_config(path: Path) -> CheckpointConfig:
    if path.stat().st_size > MAX_CONFIG_BYTES:
        raise _refusal(path, f"{path.stat().st_size} bytes", f"at most {MAX_CONFIG_BYTES} bytes")
    try:
        return CheckpointConfig.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise _refusal(path, _first(error), "a JSON object with the fields that the README lists") from error


def _record(wanted: CheckpointConfig, sha256: str, config: Path) -> ModelRecord:
    member = MemberRecord(file="member_0.safetensors", sha256=sha256)
    try:
        return ModelRecord.model_validate({**dict(wanted), "members": (member,)})
    except ValidationError as error:
        raise _refusal(config, _first(error), "fields that agree with each other") from error


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def _refusal(path: Path, found: str, expected: str) -> ModelProblem:
    return ModelProblem(
        "The configuration of the checkpoint cannot be used",
        file=path.name,
        found=found,
        expected=expected,
        fix="correct this field",
    )
