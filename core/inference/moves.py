"""Small moves of a picture that leave its class as it is: the test-time variants of a classifier."""

from __future__ import annotations

import cv2
import numpy as np

from core.models.records import PictureMove
from core.types import Float32Array


def apply_move(picture: Float32Array, move: PictureMove) -> Float32Array:
    """A square picture (channel, row, column) moved and scaled about its centre; the border is continued.

    Linear interpolation. No mirroring: in a mirrored chest the heart lies on the wrong side.

    >>> ramp = np.arange(4, dtype=np.float32)[None, :, None].repeat(4, axis=2)
    >>> apply_move(ramp, PictureMove(down=0.25))[0, :, 0].tolist()
    [0.0, 0.0, 1.0, 2.0]
    """
    side = picture.shape[-1]
    centre = (side - 1) / 2
    shift = np.array([move.right, move.down]) * side
    offset = centre - (centre + shift) / move.scale
    matrix = np.array([[1 / move.scale, 0.0, offset[0]], [0.0, 1 / move.scale, offset[1]]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = [
        cv2.warpAffine(plane, matrix, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)
        for plane in picture
    ]
    return np.stack(moved).astype(np.float32)
