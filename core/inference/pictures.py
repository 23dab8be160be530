"""A case's slices as the network sees them, and maps back on the slices."""

from __future__ import annotations

import numpy as np

from core.errors import ModelProblem
from core.models import ModelRecord, fit_slice, unfit_slice
from core.models.preprocess import apply_range, change_contrast, intensity_range, standardise
from core.types import Float32Array, Image


class Pictures:
    """Slices of one image, scaled by the whole volume's range, padded to a square, at the working size.

    channels: for each input channel of the model, the image channel that feeds it. Each used channel's range
    is measured once; slices are prepared when asked for, so that no second copy of a volume is held. Raises
    ModelProblem when the channels do not fit the model or the image.
    """

    def __init__(self, image: Image, channels: tuple[int, ...], record: ModelRecord) -> None:
        _check_channels(image, channels, record)
        self.image = image
        self.channels = channels
        self.record = record
        self._ranges = {each: intensity_range(image.values[each]) for each in sorted(set(channels))}

    def picture(self, index: int) -> Float32Array:
        """The network's input for a slice, (channel, row, column) at the working size."""
        contrast = self.record.preprocessing.contrast
        planes = {
            each: change_contrast(apply_range(self.image.values[each, index], limits), contrast)
            for each, limits in self._ranges.items()
        }
        scaled = np.stack([planes[each] for each in self.channels])
        square = fit_slice(scaled, self.record.working_size)
        preprocessing = self.record.preprocessing
        return standardise(square, preprocessing.mean, preprocessing.std)

    def map_back(self, prob: Float32Array) -> Float32Array:
        """A map (class, row, column) of the working size at the slice's own size, linear, within [0, 1]."""
        native = unfit_slice(np.ascontiguousarray(prob), self.image.slice_shape)
        return np.clip(native, 0.0, 1.0, out=native)


def constant_values(picture: Float32Array) -> tuple[float, ...] | None:
    """The value of each channel of a picture without any structure, or None."""
    flat = picture.reshape(len(picture), -1)
    same = bool((flat == flat[:, :1]).all())
    return tuple(float(each) for each in flat[:, 0]) if same else None


def require_one_slice(image: Image, record: ModelRecord) -> None:
    """Raises ModelProblem for a volume: a classifier judges one picture at a time."""
    if image.slices != 1:
        raise ModelProblem(
            "This model judges single pictures",
            file=record.id,
            found=f"a volume of {image.slices} slices",
            expected="one picture",
            fix="give a single picture, or choose a model that outlines structures in volumes",
        )


def _check_channels(image: Image, channels: tuple[int, ...], record: ModelRecord) -> None:
    available = len(image.values)
    wrong = [each for each in channels if not 0 <= each < available]
    if len(channels) != len(record.channels) or wrong:
        raise ModelProblem(
            "The channels do not fit the model",
            file=record.id,
            found=f"channels {list(channels)} of an image with {available}",
            expected=f"one channel each for {', '.join(record.channels)}, counted from 0",
            fix="choose which image channel feeds each channel of the model",
        )
