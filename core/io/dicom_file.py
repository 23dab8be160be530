"""One DICOM object: parsed, and refused by name where it is no image or too large, before pixels are decoded.

Attribute meanings: DICOM PS3.3 and PS3.6, https://dicom.nema.org. Values of tags go into messages only
where they are numbers or names from the standard's own dictionary; free text may hold the patient's name.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import InputProblem
from core.io.inflate import RAW, inflate
from core.io.limits import Limits, check_bytes, check_size

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DEFLATED = b"1.2.840.10008.1.2.1.99"
_EXPLICIT, _IMPLICIT, _BIG_ENDIAN = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_DICOMDIR = "1.2.840.10008.1.3.10"


class NoImage(InputProblem):
    """A valid DICOM object of another kind: left out where images stand beside it."""


@dataclass(frozen=True, eq=False)
class DicomFile:
    """One parsed object whose pixels fit the limits and the file. name: for messages only."""

    name: str
    dataset: Dataset
    syntax: str
    rows: int
    columns: int
    frames: int
    samples: int
    without_preamble: bool

    @property
    def series(self) -> str:
        return str(self.dataset.get("SeriesInstanceUID", ""))


def open_dicom(name: str, data: bytes, limits: Limits) -> DicomFile:
    """The object in `data`, or an InputProblem that says why it is not an image that can be decoded."""
    dataset, syntax, bare = _parse(data, limits)
    _check_is_image(dataset)
    _check_syntax(syntax)
    rows, columns = integer(dataset, "Rows") or 0, integer(dataset, "Columns") or 0
    frames, samples = integer(dataset, "NumberOfFrames") or 1, integer(dataset, "SamplesPerPixel") or 1
    if frames > limits.pages:
        raise InputProblem(
            "Too many frames",
            found=f"{frames} frames",
            expected=f"at most {limits.pages}",
            fix="split the object",
        )
    check_size((frames, rows, columns, samples), limits, slice_axes=(1, 2))
    _check_pixel_bytes(dataset, syntax, frames * rows * columns * samples)
    return DicomFile(name, dataset, syntax, rows, columns, frames, samples, bare)


def _parse(data: bytes, limits: Limits) -> tuple[Dataset, str, bool]:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    bare = data[128:132] != b"DICM"
    if not bare and DEFLATED in data[132:1024]:
        data, bare = _inflated(data, limits), True
        dataset = dcmread(io.BytesIO(data), force=True)
        return dataset, _with_syntax(dataset, _EXPLICIT), False
    try:
        dataset = dcmread(io.BytesIO(data), force=bare)
    except InvalidDicomError:
        raise _not_dicom() from None
    if not _sop_class(dataset) and "Rows" not in dataset:
        raise _not_dicom()
    stated = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    return dataset, str(stated) if stated else _guess_syntax(dataset), bare


def _inflated(data: bytes, limits: Limits) -> bytes:
    """The data set of the deflated syntax, unpacked within limits (pydicom would unpack without any)."""
    (length,) = struct.unpack_from("<I", data, 140)
    out = bytearray()
    packed = data[144 + length :]
    most = min(limits.inflated, max(limits.ratio_floor, int(len(packed) * limits.ratio)))
    result = inflate(packed, RAW, most, out.extend)
    if result.size > most:
        raise InputProblem(
            "The deflated DICOM object unpacks to too much",
            found=f"more than {most:,} bytes",
            expected=f"at most {limits.ratio:.0f} times its packed size",
            fix="export it uncompressed",
        )
    if not result.finished:
        raise InputProblem(
            "The deflated DICOM object is damaged",
            found=result.reason,
            expected="a complete deflate stream",
            fix="copy or upload the file again",
        )
    return bytes(out)


def _guess_syntax(dataset: Dataset) -> str:
    implicit, little = dataset.original_encoding
    return _with_syntax(dataset, _IMPLICIT if implicit else _EXPLICIT if little else _BIG_ENDIAN)


def _with_syntax(dataset: Dataset, syntax: str) -> str:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return syntax


def _not_dicom() -> InputProblem:
    return InputProblem(
        "Not a DICOM object",
        found="bytes without DICOM image tags",
        expected="a DICOM image",
        fix="export the series as DICOM, or upload NIfTI",
    )


def standard_name(uid: object) -> str:
    """Name of a UID in the DICOM dictionary, or "unknown": never text from the file."""
    from pydicom.uid import UID

    name = UID(str(uid)).name
    return f"{name} ({uid})" if name and name != str(uid) else "an unknown class"


def _sop_class(dataset: Dataset) -> str:
    stated = getattr(dataset.file_meta, "MediaStorageSOPClassUID", "")
    return str(dataset.get("SOPClassUID") or stated)


def _check_is_image(dataset: Dataset) -> None:
    sop = _sop_class(dataset)
    words = standard_name(sop)
    if sop == _DICOMDIR:
        raise _no_image("a DICOMDIR, which only lists other files", "upload the image files themselves")
    if sop == _SEGMENTATION:
        raise _no_image(f"a segmentation: {words}", "upload the image that it belongs to")
    if any(keyword in dataset for keyword in _PIXELS):
        return
    if str(dataset.get("Modality", "")) == "SR" or " SR " in words or "Structured Report" in words:
        raise _no_image(f"a structured report: {words}", "upload the image series instead of the report")
    if "Encapsulated PDF" in words:
        raise _no_image(f"a PDF document: {words}", "upload the image series instead of the document")
    raise _no_image(f"an object without pixel data: {words}", "upload the image series that it belongs to")


def _no_image(found: str, fix: str) -> NoImage:
    return NoImage("The DICOM object is not an image", found=found, expected="an image object", fix=fix)


def _check_syntax(syntax: str) -> None:
    """Refuse video, unknown syntaxes, and those whose decoder is not installed, each by name."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    name = standard_name(syntax)
    if any(word in name for word in ("MPEG", "HEVC", "SMPTE")):
        raise _bad_syntax(f"video: {name}", "export the frames as images")
    try:
        decoder = get_decoder(UID(syntax))
    except NotImplementedError:
        raise _bad_syntax(name, "export the series uncompressed (Explicit VR Little Endian)") from None
    if not decoder.is_available:
        missing = "; ".join(decoder.missing_dependencies) or "no package is known"
        raise _bad_syntax(
            f"{name}, whose decoder is not installed ({missing})",
            "install that package, or export uncompressed",
        )


def _bad_syntax(found: str, fix: str) -> InputProblem:
    return InputProblem(
        "This DICOM transfer syntax is not read",
        found=found,
        expected="uncompressed, deflated, RLE, JPEG, JPEG-LS or JPEG 2000",
        fix=fix,
    )


def _check_pixel_bytes(dataset: Dataset, syntax: str, count: int) -> None:
    """Uncompressed pixel data must be there in full; compressed data must at least exist."""
    keyword = next(name for name in _PIXELS if name in dataset)
    found = len(dataset[keyword].value or b"")
    bits = {"PixelData": integer(dataset, "BitsAllocated") or 0, "FloatPixelData": 32}.get(keyword, 64)
    if bits not in (1, 8, 16, 32, 64):
        raise InputProblem(
            "This kind of pixel is not read",
            found=f"{bits} bits allocated",
            expected="8, 16 or 32 bits",
            fix="export the series again",
        )
    needed = 1 if syntax not in (_EXPLICIT, _IMPLICIT, _BIG_ENDIAN) else -(-count * bits // 8)
    if "422" in str(dataset.get("PhotometricInterpretation", "")) and needed > 1:
        needed = needed * 2 // 3
    check_bytes(needed, found, "The DICOM pixel data is cut off (shorter than Rows x Columns)")


def integer(dataset: Dataset, keyword: str) -> int | None:
    """Value of a whole-number tag, or None when it is absent or not a number."""
    value = number(dataset, keyword)
    return None if value is None else int(value)


def number(dataset: Dataset, keyword: str) -> float | None:
    """Value of a number tag, or None when it is absent, empty or not a finite number."""
    values = numbers(dataset, keyword)
    return values[0] if values else None


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Values of a number tag; empty when it is absent or any of them is not a finite number."""
    try:
        value: Any = dataset.get(keyword)
        many = hasattr(value, "__iter__") and not isinstance(value, str)
        parts = () if value is None else value if many else (value,)
        found = tuple(float(part) for part in parts)
    except (ValueError, TypeError, OverflowError):
        return ()
    return found if all(abs(part) < float("inf") for part in found) else ()
