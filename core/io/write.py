"""Masks and pictures out again: a mask goes back into the geometry and kind of file it came from.

File names carry 16 hex digits of the payload's SHA-256: a browser cache or server that identifies files by
samples of their content cannot then mix up two patients' masks.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import SettingsProblem
from core.io.decoded import Array
from core.io.names import file_stem
from core.io.orient import source_affine, to_source
from core.types import Case, LabelArray, NamedBytes


def write_mask(case: Case, mask: LabelArray, stem: str) -> NamedBytes:
    """`mask` (slice, row, column), uint8 labels, as a file in the input's own geometry.

    PNG and JPEG give an 8-bit PNG, TIFF a TIFF with the same pages: 0 and 255 when there is one label,
    else the labels themselves. NIfTI gives .nii.gz with the input's axes, affine and form codes; DICOM
    gives .nii.gz with the affine from the slice positions and nothing of the patient. A synthetic case
    gives PNG for one slice and .nii.gz for a volume. NIfTI always holds the labels themselves.

    Raises SettingsProblem when the mask is not on the case's grid.
    """
    _check_mask(case, mask)
    kind = case.format
    if kind == "tiff":
        return _named(_tiff(_display_levels(to_source(mask, case.image.geometry))), stem, "tif")
    if kind in ("png", "jpeg") or (kind == "synthetic" and mask.shape[0] == 1):
        return _named(_png(_display_levels(mask[0])), stem, "png")
    return _named(_nifti_gz(case, mask), stem, "nii.gz")


def write_nifti(case: Case, mask: LabelArray, stem: str) -> NamedBytes:
    """`mask` (slice, row, column), uint8 labels, as .nii.gz whatever the input was, in its own geometry.

    Pictures come out with columns as first axis and without an affine. Raises SettingsProblem when the mask
    is not on the case's grid.
    """
    _check_mask(case, mask)
    return _named(_nifti_gz(case, mask), stem, "nii.gz")


def write_png(rgb: NDArray[np.uint8]) -> bytes:
    """`rgb` (row, column, 3), or grey (row, column), as PNG bytes, compressed quickly rather than small."""
    return _png(rgb, level=1)


def _check_mask(case: Case, mask: LabelArray) -> None:
    expected = case.image.values.shape[1:]
    if mask.shape != expected or mask.dtype != np.uint8:
        raise SettingsProblem(
            "The mask does not fit the case",
            found=f"{mask.dtype} {mask.shape}",
            expected=f"uint8 {expected}",
            fix="pass the mask of this case",
            file=case.name,
        )


def _named(payload: bytes, stem: str, suffix: str) -> NamedBytes:
    return NamedBytes(f"{file_stem(stem)}_{hashlib.sha256(payload).hexdigest()[:16]}.{suffix}", payload)


def _display_levels(labels: Array) -> NDArray[np.uint8]:
    """0 and 255 where the only label is 1, so that the mask can be seen in any viewer."""
    levels = np.ascontiguousarray(labels, np.uint8)
    return levels * np.uint8(255) if levels.max(initial=0) <= 1 else levels


def _png(pixels: NDArray[np.uint8], level: int = 6) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG", compress_level=level)
    return out.getvalue()


def _tiff(pages: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    first, *rest = [Image.fromarray(page) for page in (pages if pages.ndim == 3 else pages[None])]
    out = io.BytesIO()
    first.save(out, "TIFF", compression="tiff_lzw", save_all=bool(rest), append_images=rest)
    return out.getvalue()


def _nifti_gz(case: Case, mask: LabelArray) -> bytes:
    """NIfTI-1 bytes in the file's own axes, gzipped without a time stamp: same mask, same bytes."""
    from nibabel.nifti1 import Nifti1Image

    geometry = case.image.geometry
    voxels, affine = np.asarray(to_source(mask, geometry)), source_affine(geometry)
    if case.format != "nifti":
        # NIfTI counts columns first; the stack is (slice, row, column).
        voxels, affine = voxels.T, None if affine is None else affine[:, [2, 1, 0, 3]]
    kind: Any = Nifti1Image
    image = kind(np.asfortranarray(voxels), affine, dtype=np.uint8)
    qform, sform = geometry.form_codes if affine is not None else (0, 0)
    image.set_qform(affine, code=qform) if qform else image.header.set_qform(None, code=0)
    image.set_sform(affine, code=sform)
    image.header.set_xyzt_units("mm" if affine is not None else "unknown")
    image.header["descrip"] = b"Second Look, research use only"
    return gzip.compress(image.to_bytes(), 6, mtime=0)
