"""Pixels of DICOM frames in the file's unit: decompressed, colours converted, MONOCHROME1 turned, rescaled.

Conventions that pydicom leaves to the caller: PALETTE COLOR goes through its table; MONOCHROME1 (white is
zero) is reversed within the stored bits before the rescale, so that large is bright; a rescale slope of
0 or one that is not a number is ignored and noted.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from core.errors import InputProblem
from core.io.decoded import COLOUR, GREY, Array
from core.io.dicom_file import DicomFile, integer, number
from core.io.dicom_frames import Frame, frame_group
from core.io.limits import Limits, check_size

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Safest first: on damaged streams gdcm can end the whole process, so it decodes only what no other can.
PLUGINS = ("pydicom", "pylibjpeg", "pillow", "pyjpegls", "gdcm")
_JPEG_FAMILY = "1.2.840.10008.1.2.4."
_UNKNOWN_TO_PILLOW = tuple(_JPEG_FAMILY + end for end in ("57", "70", "80", "81"))
_JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"


def decode_frames(
    frames: tuple[Frame, ...], limits: Limits
) -> tuple[Array, tuple[str, ...], str, tuple[str, ...]]:
    """(channel, slice, row, column), channel names, stored type, and notes, each note once."""
    samples = 3 if _is_colour(frames[0].file.dataset) else 1
    check_size((samples, len(frames), *frames[0].shape), limits, slice_axes=(2, 3))
    notes: list[str] = []
    whole: tuple[DicomFile | None, int, Array | None] = (None, -1, None)
    planes = []
    for frame in frames:
        # Tiles of one mosaic follow each other: the grid is decoded once.
        if whole[0] is not frame.file or whole[1] != frame.index or whole[2] is None:
            whole = (frame.file, frame.index, _stored(frame.file, frame.index, notes))
        stored = whole[2]
        assert stored is not None
        planes.append(_rescaled(_tile(stored, frame), frame, notes))
    first = frames[0].file
    values = np.stack(planes, axis=1)
    stored_type = whole[2].dtype.name if whole[2] is not None else ""
    names = COLOUR if values.shape[0] == 3 else GREY
    return values, names, stored_type, tuple(dict.fromkeys([*notes, *_text_notes(first.dataset)]))


def _is_colour(dataset: Dataset) -> bool:
    return _photometric(dataset) not in ("MONOCHROME1", "MONOCHROME2", "")


def _photometric(dataset: Dataset) -> str:
    return str(dataset.get("PhotometricInterpretation", "")).strip().upper()


def _stored(file: DicomFile, index: int, notes: list[str]) -> Array:
    """Decoded frame (channel, row, column), colours as RGB, MONOCHROME1 reversed."""
    from pydicom.pixels.utils import pixel_array

    _check_codestream(file, index)
    pixels: Any = pixel_array(file.dataset, index=index, decoding_plugin=_plugin(file))
    pixels = np.asarray(_as_grey_or_rgb(pixels, file.dataset, notes))
    planes: Array = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)[:3]
    if planes.shape[1:] != (file.rows, file.columns):
        raise InputProblem(
            "The decoded picture does not fit its header",
            found=f"{planes.shape[1:]} pixels",
            expected=f"{(file.rows, file.columns)}",
            fix="export the series again",
        )
    return planes


def _as_grey_or_rgb(pixels: Any, dataset: Dataset, notes: list[str]) -> Any:
    """Pixels by their photometric interpretation; pydicom has already turned YBR into RGB."""
    from pydicom.pixels.processing import apply_color_lut

    kind = _photometric(dataset)
    if kind == "PALETTE COLOR":
        notes.append("Palette colours were resolved through the file's table to red, green and blue.")
        return apply_color_lut(pixels, dataset)
    if kind == "MONOCHROME1":
        notes.append("MONOCHROME1: values were reversed within the stored bits, so that large is bright.")
        return _reversed(pixels, dataset)
    if kind.startswith("YBR"):
        notes.append("YBR colours were converted to red, green and blue.")
    elif kind == "RGB":
        notes.append("A colour (RGB) object: read as three channels, red, green and blue.")
    elif kind != "MONOCHROME2":
        raise InputProblem(
            "This kind of DICOM colour is not read",
            found="an unusual photometric interpretation",
            expected="MONOCHROME1, MONOCHROME2, RGB, YBR or PALETTE COLOR",
            fix="export the series as grey or RGB",
        )
    return pixels


def _check_codestream(file: DicomFile, index: int) -> None:
    """Refuse a JPEG or JPEG 2000 frame whose own header tells another size than the object's."""
    if not file.syntax.startswith(_JPEG_FAMILY) or file.syntax in _UNKNOWN_TO_PILLOW:
        return
    from PIL import Image, UnidentifiedImageError
    from pydicom.encaps import get_frame

    frame = get_frame(file.dataset.PixelData, index, number_of_frames=file.frames)
    try:
        with Image.open(io.BytesIO(frame), formats=("JPEG", "JPEG2000")) as header:
            size = (header.height, header.width)
    except (UnidentifiedImageError, Image.DecompressionBombError):
        size = (0, 0)
    if size != (file.rows, file.columns):
        raise InputProblem(
            "The compressed picture does not fit its DICOM header",
            found=f"a picture of size {size[0]} x {size[1]}" if all(size) else "no valid picture header",
            expected=f"{file.rows} x {file.columns}",
            fix="export the series again",
        )


def _plugin(file: DicomFile) -> str:
    """Name of the decoder to use, "" for uncompressed pixels."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    deep = file.syntax == _JPEG_EXTENDED and (integer(file.dataset, "BitsAllocated") or 8) > 8
    available = get_decoder(UID(file.syntax)).available_plugins if UID(file.syntax).is_encapsulated else ()
    usable = [name for name in PLUGINS if name in available and not (deep and name == "pillow")]
    return usable[0] if usable else ""


def _reversed(pixels: Any, dataset: Dataset) -> Any:
    bits = integer(dataset, "BitsStored") or pixels.dtype.itemsize * 8
    if pixels.dtype.kind == "u":
        return (np.array(2**bits - 1, pixels.dtype) - pixels).astype(pixels.dtype)
    return np.invert(pixels) if pixels.dtype.kind == "i" else -pixels


def _tile(stored: Array, frame: Frame) -> Array:
    if frame.box is None:
        return stored
    top, left, rows, columns = frame.box
    return stored[:, top : top + rows, left : left + columns]


def _rescaled(stored: Array, frame: Frame, notes: list[str]) -> Array:
    """Stored values in the modality's unit: float32 where there is a rescale, else unchanged."""
    from pydicom.pixels.processing import apply_modality_lut

    if stored.shape[0] != 1:
        return stored
    source = frame_group(frame, "PixelValueTransformationSequence") or frame.file.dataset
    if "ModalityLUTSequence" in source:
        notes.append("Values went through the file's modality lookup table.")
        table: Array = np.asarray(apply_modality_lut(stored, source))
        return table
    slope, intercept = number(source, "RescaleSlope"), number(source, "RescaleIntercept")
    if slope is None and intercept is None and "RescaleSlope" not in source:
        return stored
    if not slope or intercept is None:
        notes.append("Rescale slope or intercept is 0, missing or not a number: shown are stored values.")
        return stored
    if (slope, intercept) == (1.0, 0.0):
        return stored
    scaled: Array = (stored.astype(np.float64) * slope + intercept).astype(np.float32)
    return scaled


def _text_notes(dataset: Dataset) -> tuple[str, ...]:
    """Whether text may be part of the picture; it cannot be found by looking at tags."""
    burned = str(dataset.get("BurnedInAnnotation", "")).strip().upper()
    if burned == "YES":
        return ("Text is burned into the pixels (BurnedInAnnotation YES): it may name the patient.",)
    if str(dataset.get("Modality", "")).strip().upper() in ("US", "SC", "OT", "XC", "ES", "DOC"):
        return (
            "Such pictures often carry burned-in text, which cannot be detected here: check before sharing.",
        )
    if burned == "NO":
        return ()
    return ("The file does not say whether text is burned into the pixels; it cannot be detected here.",)
