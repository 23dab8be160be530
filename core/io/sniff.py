"""What a file is, told from its first bytes; its name is not looked at."""

from __future__ import annotations

import re
import struct
from typing import Literal

from core.errors import InputProblem

Kind = Literal["png", "jpeg", "tiff", "nifti", "gzip", "zip", "dicom", "other"]

SUPPORTED = "PNG, JPEG, TIFF, NIfTI (.nii, .nii.gz), DICOM, or a zip of one of these"

_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)

_KNOWN_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a RIFF file (such as WebP)"),
    (b"BM", "a BMP picture"),
    (b"II+\0", "a BigTIFF picture"),
    (b"MM\0+", "a BigTIFF picture"),
    (b"\x00\x00\x00\x0cjP", "a JPEG 2000 picture"),
    (b"NRRD", "an NRRD volume"),
    (b"ObjectType", "a MetaImage header"),
    (b"%PDF", "a PDF document"),
    (b"\x89HDF", "an HDF5 file"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"ustar", "a tar archive"),
    (
        b"version https://git-lfs",
        "a Git LFS pointer: the text that stands in for a file that was not downloaded",
    ),
)

_NIFTI_SIZES = (348, 540)
_FIRST_ELEMENT = re.compile(rb"[\x02\x08]\x00[\x00-\xff]{2}", re.DOTALL)


def sniff(data: bytes) -> Kind:
    """Kind of the file that starts with `data`; "other" for everything that is not read."""
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if data[128:132] == b"DICM":
        return "dicom"
    if len(data) >= 4 and (_int32(data, "<") in _NIFTI_SIZES or _int32(data, ">") in _NIFTI_SIZES):
        return "nifti"
    return "dicom" if _bare_dicom(data) else "other"


def describe_other(data: bytes) -> str:
    """What a file that is not read seems to be, in words."""
    for magic, words in _KNOWN_OTHERS:
        if data.startswith(magic):
            return words
    head = data[:512].lstrip()
    if head[:1] == b"<":
        return "a web page or XML text"
    if data[:512] and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in data[:512]):
        return "plain text"
    return "bytes of no known image format"


def refuse_other(data: bytes) -> InputProblem:
    """The refusal for an empty file or one of a kind that is not read."""
    if not data:
        return InputProblem(
            "The file is empty", found="0 bytes", expected=SUPPORTED, fix="export or upload the file again"
        )
    return InputProblem(
        "Not an image that can be read",
        found=describe_other(data),
        expected=SUPPORTED,
        fix="export the image in one of these formats",
    )


def _int32(data: bytes, order: str) -> int:
    return int(struct.unpack_from(f"{order}i", data)[0])


def _bare_dicom(data: bytes) -> bool:
    """Whether the bytes start like a data set without the 128-byte preamble (little endian)."""
    if len(data) < 16 or not _FIRST_ELEMENT.match(data):
        return False
    explicit = data[4:6].isalpha() and data[4:6].isupper()
    (length,) = struct.unpack_from("<I", data, 4)
    return explicit or length <= 256
