"""Small pictures of every kind that corruptions meet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core.types import Float32Array, Geometry, Image

SIDE = 48


def head(slices: int = 1, channels: int = 1, side: int = SIDE) -> Float32Array:
    """A disc of tissue with a bright lesion and a soft texture on black, in 0 … 1."""
    rows, columns = np.mgrid[:side, :side] / (side - 1) - 0.5
    radius = np.hypot(rows, columns)
    tissue = (radius < 0.4) * (0.45 + 0.15 * np.sin(9 * rows) * np.cos(7 * columns))
    tissue = tissue + 0.35 * (np.hypot(rows - 0.1, columns + 0.1) < 0.1)
    stack = [tissue * (1.0 - 0.04 * z) for z in range(slices)]
    return np.stack([np.stack(stack) * (1.0 - 0.1 * c) for c in range(channels)]).astype(np.float32)


def image(
    values: Float32Array, dtype: str = "float32", spacing: tuple[float, float, float] | None = None
) -> Image:
    """The values as an image of unknown origin that came as `dtype`."""
    geometry = Geometry(
        spacing, None, "unknown", "assumed", None, values.shape[1:], (0, 1, 2), (False, False, False)
    )
    own = np.array(values, np.float32)
    own.flags.writeable = False
    ends = float(own.min()), float(own.max())
    return Image(own, geometry, tuple("abcdef")[: len(own)], None, dtype, ends)


def of_kind(kind: str, slices: int = 1, channels: int = 1) -> tuple[Image, str | None]:
    """A picture and its modality. kind: "8-bit", "16-bit", "magnitude", "z-scored" or "HU"."""
    unit = head(slices, channels)
    if kind == "8-bit":
        return image(np.rint(unit * 255), "uint8"), None
    if kind == "16-bit":
        return image(np.rint(unit * 4095), "uint16"), None
    if kind == "magnitude":
        return image(unit * 900, "int16"), "MR"
    if kind == "HU":
        return image(unit * 1500 - 1000, "int16"), "CT"
    inside = unit > 0
    scored = (unit - unit[inside].mean()) / unit[inside].std()
    return image(np.where(inside, scored, 0.0).astype(np.float32)), "MR"


def film(picture: Image) -> Image:
    """The same with signal up to the border, as a radiograph has."""
    values = np.rint(0.3 * picture.values.max() + 0.5 * picture.values).astype(np.float32)
    values.flags.writeable = False
    return replace(picture, values=values)


KINDS = ("8-bit", "16-bit", "magnitude", "z-scored")
