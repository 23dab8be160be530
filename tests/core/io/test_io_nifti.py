"""NIfTI: values, orientation, scaling and volumes as the header says; hostile headers refused early."""

from __future__ import annotations

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest
from io_files import nifti, opened

from core.errors import InputProblem

VOXELS = np.arange(8 * 9 * 10, dtype=np.int16).reshape(8, 9, 10)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def patched(data: bytes, at: int, form: str, *values: float) -> bytes:
    """`data` with header fields overwritten."""
    out = bytearray(data)
    struct.pack_into(form, out, at, *values)
    return bytes(out)


def test_lps_volume_is_only_transposed() -> None:
    case = opened(nifti(VOXELS, LPS))
    assert np.array_equal(case.image.values[0], VOXELS.transpose(2, 1, 0))
    assert case.image.geometry.edges == ("A", "P", "R", "L")
    assert case.image.geometry.source_flips == (False, False, False)


def test_ras_volume_is_flipped_to_the_radiology_display() -> None:
    case = opened(nifti(VOXELS, np.eye(4)))
    assert np.array_equal(case.image.values[0], VOXELS.transpose(2, 1, 0)[:, ::-1, ::-1])
    assert case.image.geometry.edges == ("A", "P", "R", "L")


def test_shown_index_maps_to_the_same_millimetres_as_the_stored_one() -> None:
    affine = np.array([[2.0, 0, 0, -7], [0, 3, 0, 5], [0, 0, 4, 1], [0, 0, 0, 1]])
    geometry = opened(nifti(VOXELS, affine), plane="axial").image.geometry
    assert geometry.affine_ras is not None
    # Stored voxel (i, j, k) = (1, 2, 3) is shown at slice 3, row 8 - 2, column 7 - 1.
    assert np.allclose(geometry.affine_ras @ [3, 6, 6, 1], affine @ [1, 2, 3, 1])
    assert geometry.spacing_mm == (4, 3, 2)


@pytest.mark.parametrize(
    ("thick", "plane", "edges"),
    [(2, "axial", "APRL"), (1, "coronal", "SIRL"), (0, "sagittal", "SIAP")],
)
def test_thick_slices_choose_the_plane(thick: int, plane: str, edges: str) -> None:
    affine = np.eye(4)
    affine[thick, thick] = 5
    geometry = opened(nifti(VOXELS, affine)).image.geometry
    assert (geometry.plane, "".join(geometry.edges or ())) == (plane, edges)
    assert geometry.spacing_mm == (5, 1, 1)


def test_plane_can_be_chosen() -> None:
    geometry = opened(nifti(VOXELS), plane="sagittal").image.geometry
    assert (geometry.plane, geometry.plane_source) == ("sagittal", "user")


@pytest.mark.parametrize("gz", [False, True])
def test_gzip_is_told_by_content(gz: bool) -> None:
    assert np.array_equal(
        opened(nifti(VOXELS, LPS, gz=gz), name="x.nii").image.values[0], VOXELS.transpose(2, 1, 0)
    )


def test_big_endian_and_nifti_2_give_the_same_values() -> None:
    expected = opened(nifti(VOXELS)).image.values
    big = nib.Nifti1Image(VOXELS, np.eye(4), header=nib.Nifti1Header(endianness=">"))
    for data in (big.to_bytes(), nib.Nifti2Image(VOXELS, np.eye(4)).to_bytes()):
        assert np.array_equal(opened(data).image.values, expected)


def test_two_dimensions_are_one_slice() -> None:
    case = opened(nifti(VOXELS[:, :, 0], LPS))
    assert np.array_equal(case.image.values[0, 0], VOXELS[:, :, 0].T)
    assert case.image.geometry.source_shape == (8, 9)


def test_volume_of_a_4d_file_is_chosen_and_the_default_is_noted() -> None:
    data = nifti(np.stack([VOXELS, VOXELS + 1000], axis=3), LPS)
    assert opened(data).image.original_range[0] == 0
    assert any("volume 1 of 2 is shown because none was chosen" in note for note in opened(data).notes)
    assert opened(data, volume=1).image.original_range[0] == 1000
    with pytest.raises(InputProblem, match="no such volume"):
        opened(data, volume=2)


def test_slope_and_intercept_are_applied() -> None:
    data = patched(nifti(VOXELS), 112, "<2f", 2.0, -5.0)
    assert opened(data).image.original_range == (-5, 2 * VOXELS.max() - 5)


@pytest.mark.parametrize("slope", [0.0, float("nan")])
def test_slope_of_zero_or_nan_means_unscaled(slope: float) -> None:
    data = patched(nifti(VOXELS), 112, "<2f", slope, 7.0)
    assert opened(data).image.original_range == (0, VOXELS.max())


def test_infinite_slope_is_refused() -> None:
    with pytest.raises(InputProblem, match="scaling"):
        opened(patched(nifti(VOXELS), 112, "<2f", float("inf"), 0.0))


def test_without_forms_no_side_and_no_millimetre_is_claimed() -> None:
    case = opened(nifti(VOXELS, codes=(0, 0)))
    geometry = case.image.geometry
    assert (geometry.edges, geometry.spacing_mm, geometry.affine_ras) == (None, None, None)
    assert geometry.plane_source == "assumed"
    assert any("orientation unknown" in note for note in case.notes)


def test_qform_is_used_where_the_sform_is_singular() -> None:
    data = patched(nifti(VOXELS, LPS, codes=(1, 1)), 280, "<12f", *[0.0] * 12)
    case = opened(data)
    assert case.image.geometry.affine_ras is not None
    assert np.array_equal(case.image.values[0], VOXELS.transpose(2, 1, 0))
    assert any("sform matrix of the header is singular" in note for note in case.notes)


@pytest.mark.parametrize("tiny", [1e-30, 1e12])
def test_affine_that_no_scanner_makes_leaves_the_orientation_unknown(tiny: float) -> None:
    case = opened(nifti(VOXELS, np.diag([tiny, 1.0, 1.0, 1.0])))
    assert case.image.geometry.edges is None
    assert any("sform matrix" in note for note in case.notes)


@pytest.mark.parametrize("angles", [(0.1, 0.05, 0.02), (0.02, 0, np.pi), (0.015, -0.01, np.pi + 0.004)])
def test_qform_agrees_with_nibabel(angles: tuple[float, float, float]) -> None:
    turn = nib.affines.from_matvec(nib.eulerangles.euler2mat(*angles) * [1, 2, 3], [4, 5, 6])
    geometry = opened(nifti(VOXELS, turn, codes=(1, 0)), plane="axial").image.geometry
    assert geometry.affine_ras is not None
    stored = np.array([1, 2, 3, 1.0])
    shown = [stored[axis] for axis in geometry.source_axes]
    for index, (axis, flip) in enumerate(zip(geometry.source_axes, geometry.source_flips, strict=True)):
        shown[index] = VOXELS.shape[axis] - 1 - shown[index] if flip else shown[index]
    assert np.allclose(geometry.affine_ras @ [*shown, 1], turn @ stored, atol=1e-4)


def test_nan_voxels_are_counted_and_become_background() -> None:
    voxels = VOXELS.astype(np.float32)
    voxels[0, 0, :3] = np.nan
    case = opened(nifti(voxels))
    assert np.isfinite(case.image.values).all()
    assert any(note.startswith("3 voxels are not a number") for note in case.notes)


def test_wrong_gzip_checksum_is_refused() -> None:
    data = bytearray(nifti(VOXELS, gz=True))
    data[-8] ^= 0xFF
    with pytest.raises(InputProblem, match="checksum"):
        opened(bytes(data))


def test_gzip_members_one_after_the_other_are_one_stream() -> None:
    plain = nifti(VOXELS, LPS)
    parts = gzip.compress(plain[:500]) + gzip.compress(plain[500:])
    assert np.array_equal(opened(parts).image.values, opened(plain).image.values)


def test_zeros_far_beyond_the_declared_end_are_not_unpacked() -> None:
    with pytest.raises(InputProblem, match="more than its header declares"):
        opened(gzip.compress(nifti(VOXELS) + bytes(50 << 20)))


@pytest.mark.parametrize(
    ("at", "form", "values", "what"),
    [
        (40, "<4h", (3, 32767, 32767, 32767), "too large"),
        (40, "<4h", (3, 0, 9, 10), "no voxels"),
        (40, "<4h", (3, -8, 9, 10), "no voxels"),
        (40, "<h", (0,), "does not hold an image"),
        (70, "<h", (32,), "magnitude"),
        (70, "<h", (128,), "RGB"),
        (70, "<h", (9999,), "9999"),
        (108, "<f", (1e9,), "past the end"),
        (108, "<f", (-352.0,), "before its own end"),
        (108, "<f", (float("nan"),), "before its own end"),
        (344, "<4s", (b"ni1\0",), "pair"),
    ],
)
def test_lying_header_is_refused(at: int, form: str, values: tuple[float, ...], what: str) -> None:
    with pytest.raises(InputProblem, match=what):
        opened(patched(nifti(VOXELS), at, form, *values))


def test_cut_file_names_both_sizes() -> None:
    data = nifti(VOXELS)
    with pytest.raises(InputProblem) as refused:
        opened(data[:-40])
    assert (refused.value.found, refused.value.expected.split(" bytes")[0]) == (
        "1,400 bytes of image data",
        "1,440",
    )
