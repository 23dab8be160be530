"""A decoded image on its way between two processes: a length, JSON, then plain bytes. Nothing is executed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import IO, Any, cast

import numpy as np

from core.config import ReadOptions
from core.errors import InputProblem
from core.io.decoded import Array, Choices, Decoded
from core.io.limits import Limits
from core.io.names import display_name
from core.types import NamedBytes

KINDS = frozenset("buif")
"""Kinds of number that a decoded image may have."""
_LENGTH = 8
_LARGEST_HEAD = 64 << 20


def send_request(
    stream: IO[bytes], files: Sequence[NamedBytes], options: ReadOptions, limits: Limits
) -> None:
    """Files, and how to read them."""
    head = {
        "files": [{"name": display_name(file.name), "size": len(file.data)} for file in files],
        "options": options.model_dump(mode="json"),
        "limits": limits.model_dump(mode="json"),
    }
    _send(stream, head, *(file.data for file in files))


def read_request(stream: IO[bytes]) -> tuple[list[NamedBytes], ReadOptions, Limits] | None:
    """What `send_request` wrote, None at the end of the stream."""
    head = _read_head(stream)
    if head is None:
        return None
    files = [NamedBytes(each["name"], _read(stream, each["size"])) for each in head["files"]]
    return files, ReadOptions.model_validate(head["options"]), Limits.model_validate(head["limits"])


def send_decoded(stream: IO[bytes], decoded: Decoded) -> None:
    """An image."""
    values = np.ascontiguousarray(decoded.values, decoded.values.dtype.newbyteorder("="))
    affine = decoded.affine_ras
    head = {
        "dtype": values.dtype.str,
        "shape": values.shape,
        "format": decoded.format,
        "natural_axes": decoded.natural_axes,
        "source_shape": decoded.source_shape,
        "channel_names": decoded.channel_names,
        "affine_ras": None if affine is None else affine.tolist(),
        "measurable": decoded.measurable,
        "spacing_mm": decoded.spacing_mm,
        "modality": decoded.modality,
        "form_codes": decoded.form_codes,
        "original_dtype": decoded.original_dtype,
        "notes": decoded.notes,
        "tags": decoded.tags,
        "choices": decoded.choices.model_dump(mode="json"),
    }
    _send(stream, head, _flat(values))


def send_problem(stream: IO[bytes], problem: InputProblem) -> None:
    """Why there is no image."""
    facts = (problem.what, problem.found, problem.expected, problem.fix, problem.file)
    _send(stream, {"problem": facts})


def read_answer(stream: IO[bytes]) -> Decoded:
    """What `send_decoded` wrote. Raises the InputProblem of `send_problem`, or EOFError for no answer."""
    head = _read_head(stream)
    if head is None:
        raise EOFError("no answer")
    if "problem" in head:
        what, found, expected, fix, file = map(str, head["problem"])
        raise InputProblem(what, found=found, expected=expected, fix=fix, file=file)
    affine, spacing = head["affine_ras"], head["spacing_mm"]
    return Decoded(
        values=_read_values(stream, np.dtype(str(head["dtype"])), tuple(map(int, head["shape"]))),
        format=head["format"],
        natural_axes=cast(tuple[int, int, int], tuple(head["natural_axes"])),
        source_shape=tuple(head["source_shape"]),
        channel_names=tuple(head["channel_names"]),
        affine_ras=None if affine is None else np.array(affine, np.float64),
        measurable=bool(head["measurable"]),
        spacing_mm=None if spacing is None else cast(tuple[float, float, float], tuple(spacing)),
        modality=head["modality"],
        form_codes=cast(tuple[int, int], tuple(head["form_codes"])),
        original_dtype=str(head["original_dtype"]),
        notes=tuple(head["notes"]),
        tags=tuple((str(key), str(value)) for key, value in head["tags"]),
        choices=Choices.model_validate(head["choices"]),
    )


def _read_values(stream: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    if dtype.kind not in KINDS or min(shape, default=0) < 1:
        raise EOFError("an answer that is none")
    values = np.empty(shape, dtype)
    target = _flat(values)
    while len(target):
        count = stream.readinto(target)  # type: ignore[attr-defined]
        if not count:
            raise EOFError("the other side ended")
        target = target[count:]
    return values


def _flat(values: Array) -> memoryview:
    return memoryview(cast(Any, values.reshape(-1).view(np.uint8)))


def _send(stream: IO[bytes], head: dict[str, Any], *bodies: bytes | memoryview) -> None:
    text = json.dumps(head).encode()
    stream.write(len(text).to_bytes(_LENGTH, "little") + text)
    for body in bodies:
        stream.write(body)
    stream.flush()


def _read_head(stream: IO[bytes]) -> dict[str, Any] | None:
    length = stream.read(_LENGTH)
    if len(length) < _LENGTH:
        return None
    size = int.from_bytes(length, "little")
    if size > _LARGEST_HEAD:
        raise EOFError("an answer that is none")
    head = json.loads(_read(stream, size))
    return head if isinstance(head, dict) else None


def _read(stream: IO[bytes], size: int) -> bytes:
    body = stream.read(size)
    if len(body) < size:
        raise EOFError("the other side ended")
    return body
