"""Where the slices of a picture lie: beside each other in space or not, and where the body's middle is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.types import Float32Array, Image

BODY_SHARE = 0.1
"""A pixel belongs to the body from this share of the picture's range on."""
COLUMN_SHARE = 0.005
"""A column belongs to the body when this share of its pixels, over all slices, does: specks do not count."""
_SAMPLE = 200_000
"""About how many values the range is taken from."""


@dataclass(frozen=True)
class StackSpace:
    """spatial: whether slices are known to lie beside each other in space. midline: a column, or None."""

    spatial: bool = False
    midline: float | None = None


def stack_space(image: Image) -> StackSpace:
    """What is known about an image: that slices have distances, and the body's middle in its first channel.

    The middle is sought where a slice shows left and right (axial, coronal, or a picture that does not say).
    """
    geometry = image.geometry
    spatial = image.slices > 1 and geometry.spacing_mm is not None
    return StackSpace(spatial, None if geometry.plane == "sagittal" else midline_column(image.values[0]))


def midline_column(picture: Float32Array) -> float | None:
    """Column midway between the outermost columns of the body; None where the picture is flat.

    picture: (slice, row, column). The body is what exceeds the 1st percentile by `BODY_SHARE` of the distance
    to the 99.5th. A head that lies turned or off centre in its own outline is judged wrongly.

    >>> head = np.zeros((1, 4, 9), np.float32)
    >>> head[0, 1:3, 2:6] = 1.0
    >>> midline_column(head)
    3.5
    """
    values = picture.ravel()[:: max(1, picture.size // _SAMPLE)]
    low, high = np.percentile(values, (1.0, 99.5))
    if not high > low:
        return None
    body = picture > low + BODY_SHARE * (high - low)
    columns = np.flatnonzero(body.mean(axis=(0, 1)) >= COLUMN_SHARE)
    return float(columns[0] + columns[-1]) / 2.0 if len(columns) else None
