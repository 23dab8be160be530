"""Records to text and arrays and back, equal to the last bit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from core.store.arrays import AnyArray
from core.types import Float32Array, Geometry

_NARROW = (np.uint8, np.int8, np.uint16, np.int16)


def narrowest(values: Float32Array) -> AnyArray:
    """`values` in the narrowest integer type that gives back the same bits, else as they are.

    Negative zero and everything beyond 16 bits stay float32.
    """
    if values.size == 0:
        return values
    low, high = float(values.min()), float(values.max())
    for dtype in _NARROW:
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            coded = values.astype(dtype)
            return coded if _same_bits(coded.astype(np.float32), values) else values
    return values


def widened(stored: AnyArray) -> Float32Array:
    """The float32 values that `narrowest` was given, read-only."""
    if stored.dtype == np.float32:
        return stored
    values = stored.astype(np.float32)
    values.flags.writeable = False
    return values


def geometry_to_json(geometry: Geometry) -> str:
    """`geometry` as JSON; floats keep every digit."""
    affine = None if geometry.affine_ras is None else geometry.affine_ras.tolist()
    # item(): readers may leave NumPy scalars in the tuples.
    return json.dumps({**vars(geometry), "affine_ras": affine}, default=lambda scalar: scalar.item())


def geometry_from_json(text: str) -> Geometry:
    """The geometry that `geometry_to_json` was given."""
    fields: dict[str, Any] = json.loads(text)
    affine = fields["affine_ras"]
    return Geometry(
        spacing_mm=_tuple(fields["spacing_mm"]),
        affine_ras=None if affine is None else np.array(affine, np.float64),
        plane=fields["plane"],
        plane_source=fields["plane_source"],
        edges=_tuple(fields["edges"]),
        source_shape=tuple(fields["source_shape"]),
        source_axes=cast(tuple[int, int, int], tuple(fields["source_axes"])),
        source_flips=cast(tuple[bool, bool, bool], tuple(fields["source_flips"])),
        form_codes=cast(tuple[int, int], tuple(fields["form_codes"])),
    )


def to_json(values: Sequence[str] | Sequence[float]) -> str:
    """A flat sequence as JSON."""
    return json.dumps(list(values), default=lambda scalar: scalar.item())


def strings(text: str) -> tuple[str, ...]:
    """The strings that `to_json` was given."""
    return tuple(str(each) for each in json.loads(text))


def numbers(text: str) -> tuple[float, ...]:
    """The numbers that `to_json` was given."""
    return tuple(json.loads(text))


def _same_bits(first: Float32Array, second: Float32Array) -> bool:
    ours, theirs = np.ascontiguousarray(first), np.ascontiguousarray(second)
    return bool(np.array_equal(ours.view(np.uint32), theirs.view(np.uint32)))


def _tuple(values: list[Any] | None) -> Any:
    return None if values is None else tuple(values)
