"""Reference masks: same grid or refused, values by written rules, nothing silently remapped."""

from __future__ import annotations

import numpy as np
import pytest
from io_files import named, nifti, pillow, series, with_reference

from core.errors import InputProblem
from core.io import read_case
from core.types import Case, NamedBytes

VOXELS = np.random.default_rng(1).integers(0, 99, (8, 9, 10)).astype(np.int16)
MASK = (VOXELS > 50).astype(np.uint8)
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
SHOWN = MASK.transpose(2, 1, 0).astype(bool)
PICTURE = pillow(np.arange(80, dtype=np.uint8).reshape(8, 10))
SQUARE = np.zeros((8, 10), np.uint8)
SQUARE[2:5, 3:6] = 1


def reference_of(case: Case) -> np.ndarray:
    assert case.reference is not None
    assert case.reference.mask_ref.shape == case.image.values.shape[1:]
    return case.reference.mask_ref


def test_mask_is_turned_as_the_image() -> None:
    assert np.array_equal(reference_of(with_reference(nifti(VOXELS, LPS), nifti(MASK, LPS))), SHOWN)


def test_mask_stored_in_another_axis_order_is_turned_by_its_own_header() -> None:
    ras = nifti(
        np.ascontiguousarray(MASK[::-1, ::-1]),
        np.array([[1, 0, 0, -7], [0, 1, 0, -8], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
    )
    case = with_reference(nifti(VOXELS, LPS), ras)
    assert np.array_equal(reference_of(case), SHOWN)
    assert not any("position in the body" in note for note in case.notes)


def test_mask_without_orientation_is_turned_as_the_image() -> None:
    case = with_reference(nifti(VOXELS, np.eye(4)), nifti(MASK, codes=(0, 0)))
    assert np.array_equal(reference_of(case), SHOWN[:, ::-1, ::-1])


def test_nifti_mask_fits_a_dicom_series() -> None:
    mask = np.zeros((9, 8, 4), np.uint8)
    mask[0, 0, 2] = 1
    affine = np.diag([-1.0, -1.0, 2.0, 1.0])
    case = read_case(named(series(4)), reference=[NamedBytes("jane-doe.nii", nifti(mask, affine))])
    assert np.argwhere(reference_of(case)).tolist() == [[2, 0, 0]]
    assert case.reference is not None and "jane" not in case.reference.name


@pytest.mark.parametrize(("shift", "noted"), [(0.0005, False), (0.002, True), (40, True)])
def test_position_is_compared_within_a_thousandth_of_a_millimetre(shift: float, noted: bool) -> None:
    moved = LPS.copy()
    moved[0, 3] = shift
    case = with_reference(nifti(VOXELS, LPS), nifti(MASK, moved))
    assert any("position in the body differs" in note for note in case.notes) == noted


@pytest.mark.parametrize(
    ("mask", "picture"),
    [(nifti(MASK[..., :9], LPS), False), (pillow(SQUARE[:4]), True), (pillow(SQUARE.T.copy()), True)],
)
def test_other_grid_is_refused_and_both_sizes_are_named(mask: bytes, picture: bool) -> None:
    with pytest.raises(InputProblem) as refused:
        with_reference(PICTURE if picture else nifti(VOXELS, LPS), mask)
    assert ("8 x 10" if picture else "8 x 9 x 10") in refused.value.expected
    assert refused.value.file == "mask.bin"


@pytest.mark.parametrize(
    ("pixels", "note"),
    [
        (SQUARE, ""),
        (SQUARE * 255, "above 127"),
        (SQUARE * 200 + 20, "above 127"),
        (SQUARE * 3, "labels 3 all count"),
    ],
)
def test_values_of_picture_masks(pixels: np.ndarray, note: str) -> None:
    case = with_reference(PICTURE, pillow(pixels))
    assert np.array_equal(reference_of(case)[0], SQUARE > 0)
    assert case.reference is not None
    assert case.reference.value_set == tuple(float(value) for value in np.unique(pixels))
    assert (note == "") or any(note in each for each in case.notes)


def test_jpeg_ringing_does_not_become_lesion() -> None:
    big = np.kron(SQUARE, np.ones((8, 8), np.uint8)) * np.uint8(255)
    mask = pillow(big, "JPEG", quality=60)
    case = with_reference(pillow(np.tile(np.arange(80, dtype=np.uint8), (64, 1))), mask)
    assert np.array_equal(reference_of(case)[0], big > 0)


def test_fractions_count_from_one_half() -> None:
    case = with_reference(nifti(VOXELS, LPS), nifti(MASK.astype(np.float32) * 0.6 + 0.2, LPS))
    assert np.array_equal(reference_of(case), SHOWN)
    assert any("above 0.5" in note for note in case.notes)


def test_large_labels_keep_their_value() -> None:
    case = with_reference(nifti(VOXELS, LPS), nifti(MASK.astype(np.int32) * 16_777_217, LPS))
    assert case.reference is not None
    assert case.reference.value_set == (0, 16_777_217)


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        (MASK.astype(np.int16) - 1, "negative"),
        (np.where(MASK > 0, np.nan, 0).astype(np.float32), "NaN"),
        (VOXELS, "different values"),
        (MASK.astype(np.float32) * 1.5, "different values"),
    ],
)
def test_what_is_no_mask_is_refused(mask: np.ndarray, found: str) -> None:
    with pytest.raises(InputProblem) as refused:
        with_reference(nifti(VOXELS, LPS), nifti(mask, LPS))
    assert found in refused.value.found


def test_empty_mask_is_legal_and_full_mask_is_noted() -> None:
    assert not reference_of(with_reference(nifti(VOXELS, LPS), nifti(MASK * 0, LPS))).any()
    full = with_reference(nifti(VOXELS, LPS), nifti(MASK * 0 + 1, LPS))
    assert any("covers everything" in note for note in full.notes)


def test_reference_is_part_of_the_case_id() -> None:
    bare = read_case([NamedBytes("case.bin", nifti(VOXELS, LPS))])
    assert bare.id != with_reference(nifti(VOXELS, LPS), nifti(MASK, LPS)).id
