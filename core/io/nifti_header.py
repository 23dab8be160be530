"""NIfTI headers read by content and checked before any voxel is allocated.

Field meanings: NIfTI-1 and NIfTI-2 standards, https://nifti.nimh.nih.gov (nifti1.h, nifti2.h).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.errors import InputProblem
from core.io.limits import Limits, check_size
from core.types import Float64Array

_TYPES = {
    2: "u1",
    4: "i2",
    8: "i4",
    16: "f4",
    64: "f8",
    256: "i1",
    512: "u2",
    768: "u4",
    1024: "i8",
    1280: "u8",
}
_REFUSED = {
    0: ("unknown voxels", "export the volume again"),
    1: ("1-bit voxels", "export the mask with 8 bits per voxel"),
    32: ("complex voxels", "export the magnitude image"),
    128: ("RGB colour voxels", "export a grey (scalar) volume"),
    1536: ("128-bit float voxels", "export as 32-bit float"),
    1792: ("complex voxels", "export the magnitude image"),
    2048: ("complex voxels", "export the magnitude image"),
    2304: ("RGBA colour voxels", "export a grey (scalar) volume"),
}
_SINGLE_FILE = {348: (b"n+1\0", 352), 540: (b"n+2\0\r\n\x1a\n", 544)}
_PAIR = (b"ni1\0", b"ni2\0")
_TEXT_FIELDS = ("descrip", "aux_file", "intent_name", "db_name")


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """shape: (i, j[, k][, volume]); affine_ras: (i, j, k, 1) to mm or None = orientation unknown.

    slope, intercept: value = stored * slope + intercept, or None when the file does not scale.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    slope: float | None
    intercept: float
    affine_ras: Float64Array | None
    form_codes: tuple[int, int]
    notes: tuple[str, ...]

    @property
    def volumes(self) -> int:
        return self.shape[3] if len(self.shape) > 3 else 1

    @property
    def spatial(self) -> tuple[int, ...]:
        return self.shape[:3]

    @property
    def end(self) -> int:
        """Bytes of the file that the header declares, header included."""
        return self.offset + math.prod(self.shape) * self.dtype.itemsize


def read_header(head: bytes, limits: Limits) -> NiftiHeader:
    """Header at the start of `head` (at least 544 bytes of the file where it has them), or a refusal."""
    raw, size = _parse(head)
    notes: list[str] = []
    shape = _shape(raw, limits)
    dtype = _dtype(raw, notes)
    slope, intercept = _scaling(raw, notes)
    affine, codes = _orientation(raw, notes)
    if any(bytes(raw[name].tobytes()).strip(b"\0 ") for name in _TEXT_FIELDS if name in raw.dtype.names):
        notes.append("Free text in the header was not read and is not kept.")
    return NiftiHeader(shape, dtype, _offset(raw, size), slope, intercept, affine, codes, tuple(notes))


def _parse(head: bytes) -> tuple[Any, int]:
    """The header as a NumPy record in its own byte order, and its size (348 or 540)."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    sizes = {int(struct.unpack_from(f"{order}i", head)[0]): order for order in "<>"}
    size = 540 if 540 in sizes else 348
    if len(head) < size:
        raise InputProblem(
            "The NIfTI header is incomplete",
            found=f"{len(head)} of {size} bytes",
            expected=f"{size} bytes",
            fix="copy or upload the file again",
        )
    kind: Any = Nifti2Header if size == 540 else Nifti1Header
    raw = kind(head[:size], endianness=sizes[size], check=False).structarr
    _check_magic(head, size)
    return raw, size


def _check_magic(head: bytes, size: int) -> None:
    expected, _ = _SINGLE_FILE[size]
    magic = head[344:348] if size == 348 else head[4:12]
    if magic[:4] in _PAIR:
        raise InputProblem(
            "Half of a NIfTI pair",
            found="the header of an .hdr/.img pair without its .img",
            expected="a single .nii or .nii.gz file",
            fix="convert the pair to one .nii.gz file",
        )
    if magic != expected:
        raise InputProblem(
            "Not a NIfTI file",
            found=f"the magic bytes {magic[:4]!r}",
            expected=f"the magic bytes {expected[:4]!r}",
            fix="export the volume as NIfTI (.nii or .nii.gz)",
        )


def _shape(raw: Any, limits: Limits) -> tuple[int, ...]:
    dims = [int(n) for n in raw["dim"]]
    count = dims[0]
    if not 1 <= count <= 7:
        raise _bad_shape(f"{count} dimensions", "2, 3 or 4 dimensions")
    shape = tuple(dims[1 : count + 1])
    check_size(shape[:3], limits)
    if any(n <= 0 for n in shape):
        raise _bad_shape(f"size {shape}", "at least 1 along every axis")
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if not 2 <= len(shape) <= 4:
        raise _bad_shape(f"{len(shape)} dimensions of size {shape}", "2, 3 or 4 dimensions")
    return shape


def _bad_shape(found: str, expected: str) -> InputProblem:
    return InputProblem(
        "The NIfTI file does not hold an image or volume",
        found=found,
        expected=expected,
        fix="export a scalar image of 2, 3 or 4 dimensions",
    )


def _dtype(raw: Any, notes: list[str]) -> np.dtype[Any]:
    code, bits = int(raw["datatype"]), int(raw["bitpix"])
    if code not in _TYPES:
        found, fix = _REFUSED.get(code, ("a datatype that NIfTI does not define", "export the volume again"))
        raise InputProblem(
            "This kind of voxel is not read",
            found=f"{found} (datatype code {code})",
            expected="integer or real voxels of 8 to 64 bits",
            fix=fix,
        )
    dtype = np.dtype(_TYPES[code]).newbyteorder(raw.dtype["dim"].base.byteorder)
    if bits != dtype.itemsize * 8:
        notes.append(
            f"The header says {bits} bits per voxel, its datatype {dtype.itemsize * 8}; the latter was used."
        )
    return dtype


def _scaling(raw: Any, notes: list[str]) -> tuple[float | None, float]:
    """Slope and intercept; a slope of 0 or NaN means "not scaled" (nifti1.h), infinite ones are refused."""
    slope, intercept = float(raw["scl_slope"]), float(raw["scl_inter"])
    if slope == 0 or math.isnan(slope):
        if math.isnan(slope) or intercept != 0:
            notes.append(
                "The header's scaling is not set (slope 0 or not a number); voxels were read unscaled."
            )
        return None, 0.0
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise InputProblem(
            "The NIfTI scaling is not finite",
            found=f"slope {slope}, intercept {intercept}",
            expected="finite numbers",
            fix="export the volume again",
        )
    return (None, 0.0) if (slope, intercept) == (1.0, 0.0) else (slope, intercept)


def _offset(raw: Any, size: int) -> int:
    least, value = _SINGLE_FILE[size][1], float(raw["vox_offset"])
    if value == 0:
        return least
    if not math.isfinite(value) or value < least:
        raise InputProblem(
            "The NIfTI header points to voxels before its own end",
            found=f"vox_offset {value:g}",
            expected=f"at least {least}",
            fix="export the volume again",
        )
    return int(value)


def _orientation(raw: Any, notes: list[str]) -> tuple[Float64Array | None, tuple[int, int]]:
    """Affine from the sform, else the qform, else None with the reason as a note."""
    codes = (int(raw["qform_code"]), int(raw["sform_code"]))
    sizes = [float(n) for n in raw["pixdim"][1:4]]
    if any(n < 0 for n in sizes):
        notes.append(f"The header gives negative voxel sizes {_text(sizes)}; their absolute values count.")
    if any(n == 0 or not math.isfinite(n) for n in sizes):
        notes.append(f"The header gives voxel sizes {_text(sizes)}, which cannot be: no mm or ml from them.")
    for name, code, build in (("sform", codes[1], _sform), ("qform", codes[0], _qform)):
        if code <= 0:
            continue
        affine = build(raw)
        if affine is not None and _is_usable(affine):
            return affine, codes
        notes.append(f"The {name} matrix of the header is singular or not a number and was not used.")
    notes.append(
        "The file does not say how the image lies in the body: orientation unknown, no left/right letters, "
        "no mm or ml; axes are shown in file order."
    )
    return None, (0, 0)


def _is_usable(affine: Float64Array) -> bool:
    """Whether the matrix is finite and spans space: voxels of 1 nm to 1 m, axes not in one plane."""
    if not np.isfinite(affine).all():
        return False
    sizes = np.linalg.svd(affine[:3, :3], compute_uv=False)
    return bool(sizes[-1] > 1e-6 and sizes[0] < 1e3 and np.abs(affine).max() < 1e6)


def _text(sizes: list[float]) -> str:
    return " x ".join(f"{n:g}" for n in sizes)


def _sform(raw: Any) -> Float64Array:
    rows = [[float(n) for n in raw[name]] for name in ("srow_x", "srow_y", "srow_z")]
    return np.array([*rows, [0, 0, 0, 1]], np.float64)


def _qform(raw: Any) -> Float64Array | None:
    """The qform affine (method 2 of nifti1.h), or None when its numbers make none."""
    from nibabel import quaternions

    library: Any = quaternions
    vector = np.array([float(raw[name]) for name in ("quatern_b", "quatern_c", "quatern_d")])
    if not np.isfinite(vector).all() or vector @ vector > 1 + 1e-5:
        return None
    sizes = np.abs(np.array(raw["pixdim"][1:4], np.float64))
    sizes[2] *= -1.0 if float(raw["pixdim"][0]) < 0 else 1.0
    affine = np.eye(4)
    # As nifti1_io.c does: below 1e-7 the fourth part is the rounding of the other three, which are 32-bit.
    square = 1.0 - float(vector @ vector)
    affine[:3, :3] = library.quat2mat([math.sqrt(square) if square >= 1e-7 else 0.0, *vector]) * sizes
    affine[:3, 3] = [float(raw[name]) for name in ("qoffset_x", "qoffset_y", "qoffset_z")]
    return affine
