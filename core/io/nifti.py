"""NIfTI files, plain or gzipped, to volumes in their own axes."""

from __future__ import annotations

import numpy as np

from core.config import ReadOptions
from core.errors import InputProblem
from core.io.decoded import GREY, Array, Choices, Decoded
from core.io.inflate import gunzip, gunzip_head
from core.io.limits import Limits, check_bytes
from core.io.nifti_header import NiftiHeader, read_header
from core.io.sniff import describe_other, refuse_other, sniff
from core.types import Float64Array

_HEAD = 1024
_SLACK = 1 << 20


def decode_gzip(data: bytes, options: ReadOptions, limits: Limits) -> Decoded:
    """A gzipped NIfTI file; anything else inside gzip is refused."""
    head = gunzip_head(data, _HEAD)
    if not head:
        gunzip(data, 0, limits)
        raise refuse_other(b"")
    if sniff(head) != "nifti":
        raise _not_nifti(head)
    header = read_header(head, limits)
    _check_declared(header, limits)
    plain, notes = gunzip(data, header.end + _SLACK, limits)
    return _decode(plain, header, options, notes)


def decode_nifti(data: bytes, options: ReadOptions, limits: Limits) -> Decoded:
    """A plain NIfTI file."""
    header = read_header(data[:_HEAD], limits)
    _check_declared(header, limits)
    return _decode(data, header, options, ())


def _check_declared(header: NiftiHeader, limits: Limits) -> None:
    if header.end > limits.inflated:
        raise InputProblem(
            "The volume is too large",
            found=f"{header.end:,} bytes declared in the header",
            expected=f"at most {limits.inflated:,} bytes",
            fix="extract the volumes that you need",
        )


def _not_nifti(head: bytes) -> InputProblem:
    kind = sniff(head)
    return InputProblem(
        "The gzip file does not hold a NIfTI volume",
        found=f"{describe_other(head) if kind == 'other' else kind.upper() + ' data'} inside gzip",
        expected="NIfTI inside gzip (.nii.gz)",
        fix="upload the file unpacked",
    )


def _decode(
    data: bytes | bytearray, header: NiftiHeader, options: ReadOptions, notes: tuple[str, ...]
) -> Decoded:
    if header.offset >= len(data):
        raise InputProblem(
            "The NIfTI header points past the end of the file",
            found=f"voxels from byte {header.offset:,} (vox_offset) of {len(data):,}",
            expected="voxels inside the file",
            fix="copy or export the file again",
        )
    check_bytes(
        header.end - header.offset, len(data) - header.offset, "The NIfTI file is cut off (truncated)"
    )
    volume, volume_note = _volume(header, options)
    values = _scaled(_voxels(data, header, volume), header)
    notes = (*header.notes, *volume_note, *notes)
    if len(data) > header.end:
        notes = (*notes, f"{len(data) - header.end} bytes after the last voxel were ignored.")
    flat = len(header.spatial) == 2
    return Decoded(
        values=values[None],
        format="nifti",
        natural_axes=(-1, 1, 0) if flat else (2, 1, 0),
        source_shape=header.spatial,
        channel_names=GREY,
        affine_ras=_natural_affine(header.affine_ras),
        form_codes=header.form_codes,
        original_dtype=header.dtype.newbyteorder("=").name,
        notes=notes,
        choices=Choices(volumes=header.volumes, volume=volume),
    )


def _volume(header: NiftiHeader, options: ReadOptions) -> tuple[int, tuple[str, ...]]:
    count, chosen = header.volumes, options.volume or 0
    if chosen >= count:
        raise InputProblem(
            "There is no such volume",
            found=f"volume {chosen} of {count}",
            expected=f"0 to {count - 1}",
            fix="choose another volume",
        )
    if count == 1:
        return 0, ()
    how = "is shown because none was chosen" if options.volume is None else "was chosen"
    return chosen, (f"The file holds {count} volumes; volume {chosen + 1} of {count} {how}.",)


def _voxels(data: bytes | bytearray, header: NiftiHeader, volume: int) -> Array:
    """Stored voxels of one volume as (slice, row, column), a view of `data`."""
    count = int(np.prod(header.spatial, dtype=np.int64))
    start = header.offset + volume * count * header.dtype.itemsize
    stored = np.frombuffer(data, header.dtype, count, start).reshape(header.spatial, order="F").T
    return stored if stored.ndim == 3 else stored[None]


def _scaled(stored: Array, header: NiftiHeader) -> Array:
    """float32 stored * slope + intercept, one slice at a time so that float64 never fills the memory."""
    if header.slope is None:
        return stored
    out = np.empty(stored.shape, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for index, plane in enumerate(stored):
            out[index] = plane.astype(np.float64) * header.slope + header.intercept
    return out


def _natural_affine(affine: Float64Array | None) -> Float64Array | None:
    """The same mapping for (slice, row, column) instead of (i, j, k)."""
    return None if affine is None else affine[:, [2, 1, 0, 3]]
