"""The record that every decoder returns: an image still in its file's own axes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

from core.config import Frozen, ReadOptions
from core.io.limits import Limits
from core.types import Float64Array

Array = NDArray[Any]
"""An array of the file's own number type."""
Format = Literal["png", "jpeg", "tiff", "nifti", "dicom"]


class SeriesChoice(Frozen):
    """One series of an upload: index for ReadOptions.series, and what tells it from the others."""

    index: int
    modality: str | None
    images: int
    rows: int
    columns: int


class Choices(Frozen):
    """What else the upload holds: the number of volumes, and the series."""

    volumes: int = 1
    volume: int = 0
    series: tuple[SeriesChoice, ...] = ()
    chosen_series: int = 0


@dataclass(frozen=True, eq=False)
class Decoded:
    """An image as decoded, before it is turned for display.

    values: (channel, slice, row, column) in the file's natural order, in the file's unit and type.
    natural_axes: file axis that feeds natural (slice, row, column); -1 = none.
    source_shape: spatial shape as stored in the file.
    affine_ras: (4, 4), natural (slice, row, column, 1) to mm right-anterior-superior, or None.
    measurable: False when the affine tells directions only, and no figure in mm can be had.
    spacing_mm: natural (slice, row, column) spacing where there is no affine, or None.
    form_codes: NIfTI codes (qform, sform) to write back.
    tags: technical tags from the allow-list, never patient data.
    """

    values: Array
    format: Format
    natural_axes: tuple[int, int, int]
    source_shape: tuple[int, ...]
    channel_names: tuple[str, ...]
    affine_ras: Float64Array | None = None
    measurable: bool = True
    spacing_mm: tuple[float, float, float] | None = None
    modality: str | None = None
    form_codes: tuple[int, int] = (0, 1)
    original_dtype: str = ""
    notes: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    choices: Choices = field(default_factory=Choices)


Decoder = Callable[[bytes, ReadOptions, Limits], Decoded]
"""One entry per kind in core.io.upload: bytes of one file -> Decoded."""

GREY = ("intensity",)
COLOUR = ("red", "green", "blue")
