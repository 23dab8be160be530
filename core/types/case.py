"""One study to judge: its image, where its voxels lie, and what a person drew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.config import ReadOptions
from core.types.arrays import BoolArray, Float32Array, Float64Array, LabelArray


@dataclass(frozen=True)
class NamedBytes:
    """A file as it was handed over: its (untrusted) name and its bytes."""

    name: str
    data: bytes


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the voxels lie, and how the array was turned from the file's own axes.

    spacing_mm: distance of neighbouring (slices, rows, columns) in mm, or None when unknown.
    affine_ras: (4, 4), maps homogeneous (slice, row, column) indices to mm, right-anterior-superior
        positive (the NIfTI world), or None when unknown.
    plane: plane that a slice shows; "unknown" when the file does not say.
    plane_source: "file" (read from it), "user" (chosen) or "assumed".
    edges: letters at the (top, bottom, left, right) of a shown slice out of R L A P S I, or None.
    source_shape: spatial shape of the array as stored in the file (2 or 3 axes).
    source_axes: which axis of the file feeds (slice, row, column); -1 = the file has no such axis.
    source_flips: whether (slice, row, column) runs against the file's axis.
    form_codes: NIfTI codes (qform, sform) of the file, written back with a mask.
    """

    spacing_mm: tuple[float, float, float] | None
    affine_ras: Float64Array | None
    plane: Literal["axial", "coronal", "sagittal", "unknown"]
    plane_source: Literal["file", "user", "assumed"]
    edges: tuple[str, str, str, str] | None
    source_shape: tuple[int, ...]
    source_axes: tuple[int, int, int]
    source_flips: tuple[bool, bool, bool]
    form_codes: tuple[int, int] = (0, 1)


@dataclass(frozen=True, eq=False)
class Image:
    """values: float32 (channel, slice, row, column), finite, read-only, in the file's own unit."""

    values: Float32Array
    geometry: Geometry
    channel_names: tuple[str, ...]
    modality: str | None
    original_dtype: str
    original_range: tuple[float, float]

    @property
    def slices(self) -> int:
        return int(self.values.shape[1])

    @property
    def slice_shape(self) -> tuple[int, int]:
        return int(self.values.shape[2]), int(self.values.shape[3])


@dataclass(frozen=True, eq=False)
class Reference:
    """mask_ref: bool (slice, row, column), same grid as the image; value_set: what the file held.

    labels: uint8 (slice, row, column), 0 = background and k = k-th class, where the reference tells classes
    apart; mask_ref is then labels > 0. None where there is only inside and outside.
    """

    mask_ref: BoolArray
    name: str
    value_set: tuple[float, ...]
    labels: LabelArray | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """One study to judge.

    id: 64 hex digits, SHA-256 of the input bytes, the reference bytes and the reading options; never
        a patient id.
    format: "png", "jpeg", "tiff", "nifti", "dicom" or "synthetic".
    group: pseudonym of the patient or site for grouping, or None.
    notes: what the reader wants the user to know (plain sentences).
    """

    id: str
    name: str
    image: Image
    reference: Reference | None
    format: str
    options: ReadOptions
    group: str | None = None
    notes: tuple[str, ...] = ()
