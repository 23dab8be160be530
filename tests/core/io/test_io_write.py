"""Masks go back into the geometry and kind of file they came from, with the same bytes every time."""

from __future__ import annotations

import gzip
import hashlib
import io
import re

import nibabel as nib
import numpy as np
import pytest
from io_files import named, nifti, opened, pillow, saved, series
from PIL import Image

from core.config import ReadOptions
from core.errors import SettingsProblem
from core.io import read_case, write_mask, write_png
from core.types import Case

RAMP = np.arange(80, dtype=np.uint8).reshape(8, 10)
VOXELS = np.arange(720, dtype=np.int16).reshape(8, 9, 10)
AFFINE = np.array([[0, 0, 2.0, -7], [-1.5, 0, 0, 5], [0, 3, 0, 1], [0, 0, 0, 1]])


def shown_mask(case: Case, low: float) -> np.ndarray:
    """Labels that can be checked voxel by voxel: 1 where the image is above `low`."""
    return (case.image.values[0] > low).astype(np.uint8)


def read_nifti(data: bytes) -> nib.Nifti1Image:
    return nib.Nifti1Image.from_bytes(gzip.decompress(data))


@pytest.mark.parametrize("codes", [(0, 2), (1, 0), (1, 4)])
@pytest.mark.parametrize("plane", ["auto", "sagittal"])
def test_nifti_mask_has_the_axes_affine_and_codes_of_the_input(codes: tuple[int, int], plane: str) -> None:
    case = opened(nifti(VOXELS, AFFINE, codes), plane=plane)
    written = read_nifti(write_mask(case, shown_mask(case, 300), "case.nii.gz").data)
    assert np.array_equal(np.asarray(written.dataobj), VOXELS > 300)
    assert written.get_data_dtype() == np.uint8
    assert np.allclose(written.affine, AFFINE, atol=1e-5)
    assert (int(written.header["qform_code"]), int(written.header["sform_code"])) == codes
    assert np.allclose(written.header.get_zooms(), (1.5, 3, 2))


def test_nifti_without_orientation_is_written_without() -> None:
    case = opened(nifti(VOXELS, codes=(0, 0)))
    written = read_nifti(write_mask(case, shown_mask(case, 300), "case").data)
    assert np.array_equal(np.asarray(written.dataobj), VOXELS > 300)
    assert (int(written.header["qform_code"]), int(written.header["sform_code"])) == (0, 0)


def test_flat_nifti_stays_flat() -> None:
    case = opened(nifti(VOXELS[:, :, 0], AFFINE))
    written = read_nifti(write_mask(case, shown_mask(case, 300), "case").data)
    assert np.array_equal(np.asarray(written.dataobj), VOXELS[:, :, 0] > 300)
    assert np.allclose(written.affine, AFFINE, atol=1e-5)


def test_dicom_mask_is_nifti_at_the_slice_positions_without_patient_data() -> None:
    case = read_case(named(series(4, step=-2.0)), ReadOptions())
    mask = np.zeros((4, 8, 9), np.uint8)
    mask[3, 1, 2] = 1
    data = write_mask(case, mask, "dicom").data
    written = read_nifti(data)
    ((i, j, k),) = np.argwhere(np.asarray(written.dataobj))
    # Top slice: position z = 0; row 1 lies 1 mm posterior, column 2 lies 2 mm left of the first pixel.
    assert (written.affine @ [i, j, k, 1]).tolist() == [-2, -1, 0, 1]
    assert b"DOE" not in gzip.decompress(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_picture_mask_is_a_black_and_white_png(kind: str) -> None:
    case = opened(pillow(RAMP, kind))
    written = write_mask(case, (RAMP[None] > 40).astype(np.uint8), "picture.png")
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(written.data))), (RAMP > 40) * 255)
    assert written.name.endswith(".png")


def test_several_labels_keep_their_numbers() -> None:
    case = opened(pillow(RAMP))
    labels = (RAMP[None] // 30).astype(np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(write_mask(case, labels, "x").data))), labels[0])


def test_tiff_mask_has_the_same_pages() -> None:
    pages = [Image.fromarray(RAMP + index) for index in range(3)]
    case = opened(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    mask = shown_mask(case, 40)
    again = opened(write_mask(case, mask, "stack").data)
    assert np.array_equal(again.image.values[0], mask * 255.0)


def test_name_carries_the_hash_of_the_payload_and_nothing_unsafe() -> None:
    case = opened(nifti(VOXELS, AFFINE))
    written = write_mask(case, shown_mask(case, 300), "../<b>DOE</b>.nii.gz")
    sha = hashlib.sha256(written.data).hexdigest()[:16]
    assert re.fullmatch(rf"[A-Za-z0-9_-]+_{sha}\.nii\.gz", written.name)
    assert written == write_mask(case, shown_mask(case, 300), "../<b>DOE</b>.nii.gz")


@pytest.mark.parametrize("mask", [np.zeros((1, 8, 9), np.uint8), np.zeros((10, 9, 8), np.float32)])
def test_mask_of_another_grid_or_type_is_refused(mask: np.ndarray) -> None:
    with pytest.raises(SettingsProblem, match="does not fit"):
        write_mask(opened(nifti(VOXELS, AFFINE)), mask, "x")


def test_overlay_png_is_lossless() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (5, 6, 3)).astype(np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(write_png(rgb)))), rgb)
