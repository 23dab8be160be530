"""Small pictures of a slice, as PNG bytes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import BoolArray, Image
from core.view import theme
from core.view.strokes import draw_outline
from core.view.windows import first_channel, first_window, to_grey

SIDE = 112


def thumbnail(image: Image, window_of: Image, index: int = 0, side: int = SIDE) -> bytes:
    """A slice of an image as a PNG with its longer side `side`.

    window_of: the image whose first window is used, so that what was made brighter looks brighter.
    """
    return _png(_small(image, window_of, index, side))


def outlined_thumbnail(image: Image, mask_pred: BoolArray, index: int, side: int = SIDE) -> bytes:
    """A slice as a PNG with the outline of the predicted mask (row, column) of that slice."""
    small = np.repeat(_small(image, image, index, side)[..., None], 3, axis=-1)
    large = cv2.resize(mask_pred.astype(np.uint8), small.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    draw_outline(small, large, theme.rgb(theme.PREDICTION), "solid")
    return _png(small[..., ::-1])


def _small(image: Image, window_of: Image, index: int, side: int) -> NDArray[np.uint8]:
    channel = max(first_channel(image.channel_names), 0)
    plane = image.values[channel, index]
    grey = to_grey(plane, first_window(window_of.values[channel]))
    scale = side / max(grey.shape)
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    interpolation = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=interpolation), np.uint8)


def _png(picture: NDArray[np.uint8]) -> bytes:
    done, packed = cv2.imencode(".png", np.ascontiguousarray(picture), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done
    return packed.tobytes()
