"""Predictions made elsewhere, laid over the image that they belong to."""

from __future__ import annotations

import io

import nibabel as nib
import numpy as np
import pytest
from io_files import pillow

from core.errors import InputProblem
from core.io import read_case
from core.io.predictions import Prediction, read_prediction
from core.io.stack import read_stack
from core.types import Case, NamedBytes

RAS = np.diag([1.0, 1.0, 3.0, 1.0])
"""Both run against the shown slice: everything is turned by 180 degrees."""
MOVED = np.array([[1.0, 0, 0, 40], [0, 1, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]])
TURNED = np.array([[-1.0, 0, 0, 8], [0, -1, 0, 7], [0, 0, 3, 0], [0, 0, 0, 1]])
"""The same place in the body with both axes the other way round."""
SHAPE = (9, 8, 4)
"""(column, row, slice) in the file."""


def nifti(values: np.ndarray, affine: np.ndarray = RAS, name: str = "p.nii") -> NamedBytes:
    return NamedBytes(name, nib.Nifti1Image(values, affine).to_bytes())


def npy(values: np.ndarray) -> NamedBytes:
    out = io.BytesIO()
    np.save(out, values)
    return NamedBytes("p.npy", out.getvalue())


def npz(**arrays: np.ndarray) -> NamedBytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return NamedBytes("p.npz", out.getvalue())


def png(values: np.ndarray) -> NamedBytes:
    return NamedBytes("p.png", pillow(values))


def volume() -> Case:
    return read_case([nifti(np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE))])


def picture() -> Case:
    return read_case([png(np.arange(72, dtype=np.uint8).reshape(8, 9))])


def one_voxel(dtype: type = np.uint8) -> np.ndarray:
    """(column, row, slice) in the file with a 1 at column 2, row 3, slice 1."""
    mask = np.zeros(SHAPE, dtype)
    mask[2, 3, 1] = 1
    return mask


def where(found: Prediction) -> list[list[int]]:
    return np.argwhere(found.mask()).tolist()


SHOWN = [[1, 8 - 1 - 3, 9 - 1 - 2]]
"""The same voxel as shown (slice, row, column)."""


@pytest.mark.parametrize(
    "file",
    [
        nifti(one_voxel()),
        nifti(one_voxel()[::-1, ::-1], TURNED),
        npy(one_voxel().T.copy()),
        npy(one_voxel()),
        npz(mask=one_voxel().T.copy()),
        npz(anything=one_voxel(bool).T.copy()),
        nifti(one_voxel(np.float32) * np.float32(0.9)),
        npz(probabilities=np.stack([1.0 - one_voxel().T, one_voxel().T]).astype(np.float16)),
    ],
)  # fmt: skip
def test_the_same_voxel_whatever_the_file(file: NamedBytes) -> None:
    assert where(read_prediction([file], volume(), ())) == SHOWN


def test_softmax_leaves_the_background_out() -> None:
    prob = np.zeros((3, 4, 8, 9), np.float32)
    prob[0], prob[1], prob[2] = 0.5, 0.3, 0.2
    found = read_prediction([npz(softmax=prob)], volume(), (1, 2))
    assert not found.hard
    assert found.plane(0)[:, 0, 0].tolist() == pytest.approx([0.3, 0.2])
    assert not found.mask().any()


def test_classes_of_a_4d_volume_are_maps() -> None:
    prob = np.stack([np.full(SHAPE, 0.2), np.full(SHAPE, 0.7)], axis=3).astype(np.float32)
    found = read_prediction([nifti(prob)], volume(), (1, 2))
    assert found.plane(1)[:, 2, 2].tolist() == pytest.approx([0.2, 0.7])
    assert np.unique(found.mask()).tolist() == [2]


def test_hard_labels_are_classes_by_value_or_by_number() -> None:
    grey = np.zeros((8, 9), np.uint8)
    grey[0, 0], grey[1, 1] = 128, 255
    small = np.zeros((8, 9), np.uint8)
    small[0, 0], small[1, 1] = 1, 2
    for pixels in (grey, small):
        found = read_prediction([png(pixels)], picture(), (128, 255))
        assert found.hard
        assert (found.mask()[0, 0, 0], found.mask()[0, 1, 1]) == (1, 2)
        assert found.plane(0).sum(axis=(1, 2)).tolist() == [1, 1]


def test_reencoded_mask_is_inside_above_127() -> None:
    pixels = np.arange(72, dtype=np.uint8).reshape(8, 9) * np.uint8(3)
    found = read_prediction([png(pixels)], picture(), ())
    assert np.array_equal(found.mask()[0] > 0, pixels > 127)
    assert any("above 127" in note for note in found.notes)


@pytest.mark.parametrize(
    ("file", "levels", "message"),
    [
        (npy(np.zeros((4, 8, 8), np.uint8)), (), "size 4 x 8 x 8"),
        (nifti(np.zeros((9, 8, 3), np.uint8)), (), "size 9 x 8 x 3"),
        (nifti(one_voxel(), MOVED), (), "off by up to 40 mm"),
        (npy(np.full((4, 8, 9), 2.5, np.float32)), (), "from 2.5 to 2.5"),
        (npy(np.full((4, 8, 9), np.nan, np.float32)), (), "not a number|nan"),
        (npz(softmax=np.full((3, 4, 8, 9), 0.5, np.float32)), (1, 2), "sum 1"),
        (npz(softmax=np.full((5, 4, 8, 9), 0.2, np.float32)), (1, 2), "5 probability maps"),
        (npz(a=one_voxel(), b=one_voxel()), (), "arrays a, b"),
        (nifti(one_voxel() * np.uint8(7)), (1, 2), "no class of the cohort"),
        (NamedBytes("p.png", b"no picture"), (), "Not an image"),
        (npy(np.array(["x"])), (), "type"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_message(file: NamedBytes, levels: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputProblem, match=message):
        read_prediction([file], volume(), levels)


def test_one_picture_per_slice_makes_a_volume() -> None:
    grey = np.arange(72, dtype=np.uint8).reshape(8, 9)
    case = read_stack("p", [png(grey), png(grey + np.uint8(1))], [], group="p")
    masks = [np.zeros((8, 9), np.uint8) for _ in range(2)]
    masks[1][3, 4] = 255
    found = read_prediction([png(each) for each in masks], case, ())
    assert where(found) == [[1, 3, 4]]
