"""Where each frame of a DICOM object lies: single slices, enhanced and plain multi-frame, Siemens mosaics.

Plane position and orientation: PS3.3 C.7.6.2; functional groups: PS3.3 C.7.6.16. Mosaic layout (square
grid of tiles, position of the whole grid's corner): https://nipy.org/nibabel/dicom/dicom_mosaic.html.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import InputProblem
from core.io.dicom_file import DicomFile, integer, number, numbers
from core.types import Float64Array

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Vector = tuple[float, float, float]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Frame:
    """One 2-D picture of a series.

    position: mm (left, posterior, superior) of the centre of the first pixel, or None.
    directions: (2, 3) unit vectors along a row and down a column, or None.
    pixel_mm: (row, column) distance of pixel centres, or None.
    box: (top, left, rows, columns) of a mosaic tile, or None for the whole frame.
    order: sorts frames at one position in time.
    """

    file: DicomFile
    index: int
    position: Vector | None
    directions: Float64Array | None
    pixel_mm: tuple[float, float] | None
    order: tuple[float, ...]
    box: Box | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return (self.box[2], self.box[3]) if self.box else (self.file.rows, self.file.columns)


def frames_of(file: DicomFile) -> list[Frame]:
    """All frames of one object, in file order."""
    dataset = file.dataset
    if "MOSAIC" in [str(part) for part in _parts(dataset.get("ImageType"))]:
        return _mosaic(file)
    if file.frames == 1 and "PerFrameFunctionalGroupsSequence" not in dataset:
        return [_plain(file, 0)]
    if "PerFrameFunctionalGroupsSequence" in dataset:
        return [_enhanced(file, index) for index in range(file.frames)]
    # Without functional groups only the first frame's place is known.
    return [
        Frame(file, index, None, _directions(dataset), _pixel_mm(dataset), (float(index),))
        for index in range(file.frames)
    ]


def _plain(file: DicomFile, index: int) -> Frame:
    dataset = file.dataset
    return Frame(
        file, index, _position(dataset), _directions(dataset), _pixel_mm(dataset), _order(dataset, dataset)
    )


def _enhanced(file: DicomFile, index: int) -> Frame:
    per_frame = file.dataset.PerFrameFunctionalGroupsSequence
    if len(per_frame) != file.frames:
        raise InputProblem(
            "The frames of the DICOM object are not described one by one",
            found=f"{len(per_frame)} descriptions for {file.frames} frames",
            expected="one per frame",
            fix="export the series again",
        )
    shared = (file.dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    groups = [group for group in (per_frame[index], shared) if group is not None]
    content = _group(groups, "FrameContentSequence") or file.dataset
    return Frame(
        file,
        index,
        _position(_group(groups, "PlanePositionSequence")),
        _directions(_group(groups, "PlaneOrientationSequence")),
        _pixel_mm(_group(groups, "PixelMeasuresSequence")),
        (*_order(content, file.dataset), float(index)),
    )


def _group(groups: list[Dataset], keyword: str) -> Dataset | None:
    """First item of a functional group, from the frame's own before the shared ones."""
    for group in groups:
        items: Any = group.get(keyword)
        if items:
            found: Dataset = items[0]
            return found
    return None


def frame_group(frame: Frame, keyword: str) -> Dataset | None:
    """The data set that holds a frame's functional group `keyword`, or None outside enhanced objects."""
    per_frame = frame.file.dataset.get("PerFrameFunctionalGroupsSequence")
    shared = frame.file.dataset.get("SharedFunctionalGroupsSequence")
    groups = [*([per_frame[frame.index]] if per_frame else []), *(shared or [])[:1]]
    return _group(groups, keyword)


def _mosaic(file: DicomFile) -> list[Frame]:
    """The tiles of a Siemens mosaic as frames at their own positions."""
    count, normal = _mosaic_layout(file.dataset)
    directions, pixel_mm = _directions(file.dataset), _pixel_mm(file.dataset)
    corner, step = _position(file.dataset), number(file.dataset, "SpacingBetweenSlices")
    across = math.ceil(math.sqrt(count))
    if (
        directions is None
        or pixel_mm is None
        or corner is None
        or not step
        or file.rows % across
        or file.columns % across
    ):
        raise InputProblem(
            "The Siemens mosaic cannot be taken apart",
            found="no complete description of its slices",
            expected="number, spacing and position of the slices in the header",
            fix="convert it with dcm2niix",
        )
    rows, columns = file.rows // across, file.columns // across
    shift = np.array([(file.columns - columns) / 2 * pixel_mm[1], (file.rows - rows) / 2 * pixel_mm[0]])
    first = np.array(corner) + shift @ directions
    order = _order(file.dataset, file.dataset)
    return [
        Frame(
            file,
            0,
            _vector(first + tile * step * normal),
            directions,
            pixel_mm,
            order,
            (tile // across * rows, tile % across * columns, rows, columns),
        )
        for tile in range(count)
    ]


def _mosaic_layout(dataset: Dataset) -> tuple[int, Float64Array]:
    """Number of tiles and the unit vector from one to the next, out of the Siemens CSA header."""
    from nibabel.nicom import csareader

    reader: Any = csareader
    header = reader.get_csa_header(dataset, "image")
    count = reader.get_n_mosaic(header) if header else None
    normal = reader.get_slice_normal(header) if header else None
    if not count or normal is None:
        raise InputProblem(
            "The Siemens mosaic cannot be taken apart",
            found="no Siemens CSA header",
            expected="the private header with number and direction of the slices",
            fix="convert it with dcm2niix",
        )
    return int(count), np.asarray(normal, np.float64)


def _position(dataset: Dataset | None) -> Vector | None:
    values = numbers(dataset, "ImagePositionPatient") if dataset is not None else ()
    return _vector(np.array(values)) if len(values) == 3 else None


def _directions(dataset: Dataset | None) -> Float64Array | None:
    """(2, 3) unit vectors, or None where the tag is absent or its vectors are not at right angles."""
    values = numbers(dataset, "ImageOrientationPatient") if dataset is not None else ()
    if len(values) != 6:
        return None
    pair = np.array(values, np.float64).reshape(2, 3)
    lengths = np.linalg.norm(pair, axis=1)
    if np.any(np.abs(lengths - 1) > 0.01) or abs(pair[0] @ pair[1]) > 0.01:
        return None
    units: Float64Array = pair / lengths[:, None]
    return units


def _pixel_mm(dataset: Dataset | None) -> tuple[float, float] | None:
    values = numbers(dataset, "PixelSpacing") if dataset is not None else ()
    return (values[0], values[1]) if len(values) == 2 and min(values) > 0 else None


def _order(content: Dataset, dataset: Dataset) -> tuple[float, ...]:
    """Time, then acquisition, echo and instance; absent tags count as 0."""
    time = number(content, "TemporalPositionIndex") or number(content, "TemporalPositionIdentifier") or 0.0
    keys = ("AcquisitionNumber", "EchoNumbers", "InstanceNumber")
    return (time, *(float(integer(dataset, key) or 0) for key in keys))


def _parts(value: Any) -> tuple[Any, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _vector(values: Float64Array) -> Vector:
    x, y, z = (float(part) for part in values)
    return x, y, z
