"""Small pictures of a slice, as PNG bytes."""

from __future__ import annotations

import cv2
import numpy as np

from core.types import Image
from core.view.windows import first_channel, first_window, to_grey

SIDE = 112


def thumbnail(image: Image, window_of: Image, index: int = 0, side: int = SIDE) -> bytes:
    """A slice of an image as a PNG with its longer side `side`.

    window_of: the image whose first window is used, so that what was made brighter looks brighter.
    """
    channel = max(first_channel(image.channel_names), 0)
    plane = image.values[channel, index]
    grey = to_grey(plane, first_window(window_of.values[channel]))
    scale = side / max(grey.shape)
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR)
    done, packed = cv2.imencode(".png", np.ascontiguousarray(small), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert done
    return packed.tobytes()
