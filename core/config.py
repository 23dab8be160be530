"""Frozen settings and their digest, which is part of every cache key."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

Plane = Literal["auto", "axial", "coronal", "sagittal"]
Contrast = Literal["percentile", "clahe", "equalised"]
EstimatorKind = Literal["point", "mc-dropout", "tta", "ensemble", "ensemble-mc-dropout"]


class Frozen(BaseModel):
    """A record without arrays: immutable, strict about unknown fields, round-trips through JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class ReadOptions(Frozen):
    """How to read an upload. Part of the case id: other options make another case.

    plane: which anatomical plane the slices show ("auto": guessed from the affine, else axial).
    volume: which volume of a 4-D file or which time point of a series (0-based); None: the first.
    series: which series of an archive (0-based, largest first); None: the largest.
    """

    plane: Plane = "auto"
    volume: int | None = Field(default=None, ge=0)
    series: int | None = Field(default=None, ge=0)


class EstimatorConfig(Frozen):
    """How samples of the prediction are drawn.

    samples: Monte-Carlo samples per network (mc-dropout kinds only); seed: the user's seed.
    """

    kind: EstimatorKind = "ensemble"
    samples: int = Field(default=20, ge=2, le=200)
    seed: int = Field(default=0, ge=0, lt=2**63)


class CorruptionStep(Frozen):
    """One corruption of the picture: its key in `core.corruptions` and how severe, 0 (none) to 5."""

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    severity: float = Field(ge=0.0, le=5.0)


class CorruptionConfig(Frozen):
    """How the picture is made worse before the network sees it: steps in this order.

    steps: empty = the clean picture, judged by the same protocol as a corrupted one. seed: the user's seed;
    the severity is not part of any seed, so one draw serves all severities of a case.
    """

    steps: tuple[CorruptionStep, ...] = Field(default=(), max_length=4)
    seed: int = Field(default=0, ge=0, lt=2**63)


class AnalysisConfig(Frozen):
    """Everything the user chooses that changes the numbers of an analysis (thresholds do not).

    channels: for each input channel of the model the index of the image channel that feeds it;
        None: guessed from the number of channels.
    members: indices of the networks that may be asked; None: all. Used to judge training patients only by
        networks that never saw them.
    contrast: how the contrast of a picture is changed before the network sees it; None: as the model was
        trained.
    corruption: how the picture is made worse first; None: not at all.
    """

    model_id: str = "lgg-unet"
    estimator: EstimatorConfig = EstimatorConfig()
    channels: tuple[int, ...] | None = None
    members: tuple[int, ...] | None = None
    contrast: Contrast | None = None
    corruption: CorruptionConfig | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    backend: Literal["auto", "onnxruntime", "torch"] = "auto"
    precision: Literal["float32", "mixed"] = "float32"

    @model_serializer(mode="wrap")
    def _without_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Left out where there is none, so that ids of runs made before it existed stay valid.
        fields: dict[str, Any] = handler(self)
        return {name: value for name, value in fields.items() if (name, value) != ("corruption", None)}


def canonical_json(value: object) -> str:
    """`value` as JSON with sorted keys and no spaces; Frozen records are dumped first.

    Raises ValueError on NaN or infinity, which have no canonical JSON form.

    >>> canonical_json({"b": 1, "a": (1, 2)})
    '{"a":[1,2],"b":1}'
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True, default=_dump
    )


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON of `value`, 64 hex digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _dump(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"no canonical JSON form for {type(value).__name__}")
