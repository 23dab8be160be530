"""References and predictions lie where their own header puts them, on the image's grid or not at all."""

from __future__ import annotations

import io

import nibabel as nib
import numpy as np
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from io_files import nifti, opened, pillow, with_reference

from core.errors import InputProblem
from core.io import to_source
from core.io.predictions import read_prediction
from core.types import Case, Float64Array, NamedBytes

SHAPES = st.tuples(*[st.integers(1, 6)] * 3)


@st.composite
def affines(draw: st.DrawFn) -> Float64Array:
    """Axes along the body's in any order and direction, 0.5 to 4 mm apart."""
    order = draw(st.permutations(range(3)))
    signs = draw(st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3))
    sizes = draw(st.tuples(*[st.sampled_from((0.5, 1.0, 1.25, 4.0))] * 3))
    place = draw(st.tuples(*[st.integers(-50, 50)] * 3))
    return nib.affines.from_matvec(np.eye(3)[:, order] * signs * sizes, place)


def masks(shape: tuple[int, ...], most: int = 1) -> st.SearchStrategy[np.ndarray]:
    return arrays.arrays(np.uint8, shape, elements=st.integers(0, most))


def image(shape: tuple[int, ...], affine: Float64Array, codes: tuple[int, int] = (0, 1)) -> bytes:
    return nifti(np.arange(np.prod(shape), dtype=np.int16).reshape(shape), affine, codes)


def in_file(case: Case, shown: np.ndarray) -> np.ndarray:
    """An array of the shown grid in the file's own axes."""
    return to_source(shown, case.image.geometry)


def turned(mask: np.ndarray, affine: Float64Array, order: tuple[int, ...], flips: tuple[bool, ...]) -> bytes:
    """The same mask in the same place, stored in another order and direction of axes."""
    made = nib.Nifti1Image(mask, affine)
    changes = np.array([[axis, -1 if flip else 1] for axis, flip in zip(order, flips, strict=True)])
    data: bytes = made.as_reoriented(changes).to_bytes()
    return data


@given(
    shape=SHAPES,
    affine=affines(),
    order=st.permutations(range(3)).map(tuple),
    flips=st.tuples(*[st.booleans()] * 3),
    most=st.integers(1, 5),
    data=st.data(),
)
def test_reference_lies_where_its_own_header_says_and_its_values_are_told(
    shape: tuple[int, ...],
    affine: Float64Array,
    order: tuple[int, ...],
    flips: tuple[bool, ...],
    most: int,
    data: st.DataObject,
) -> None:
    mask = data.draw(masks(shape, most))
    case = with_reference(image(shape, affine), turned(mask, affine, order, flips))
    assert case.reference is not None
    assert np.array_equal(in_file(case, case.reference.mask_ref), mask > 0)
    assert case.reference.value_set == tuple(float(each) for each in np.unique(mask))
    assert not any("position in the body" in note for note in case.notes)


@given(shape=SHAPES, other=SHAPES, affine=affines())
def test_reference_of_another_size_is_refused_and_named(
    shape: tuple[int, ...], other: tuple[int, ...], affine: Float64Array
) -> None:
    assume(shape != other)
    for codes in ((0, 1), (0, 0)):
        with pytest.raises(InputProblem) as refused:
            with_reference(image(shape, affine), nifti(np.zeros(other, np.uint8), affine, codes))
        assert refused.value.file == "mask.bin"
        assert " x ".join(map(str, shape)) in refused.value.expected


@given(
    shape=SHAPES,
    affine=affines(),
    axis=st.integers(0, 2),
    shift=st.floats(-30, 30).map(lambda each: round(each, 4)),
)
def test_reference_further_off_than_the_tolerance_is_noted_and_never_moved(
    shape: tuple[int, ...], affine: Float64Array, axis: int, shift: float
) -> None:
    assume(abs(abs(shift) - 1e-3) > 5e-5)
    mask = np.zeros(shape, np.uint8)
    mask[0, 0, 0] = 1
    moved = affine.copy()
    moved[axis, 3] += shift
    case = with_reference(image(shape, affine), nifti(mask, moved))
    assert case.reference is not None
    assert np.array_equal(in_file(case, case.reference.mask_ref), mask > 0)
    assert any("position in the body differs" in note for note in case.notes) == (abs(shift) > 1e-3)


def npy(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


def npz(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, mask=values)
    return out.getvalue()


@given(shape=SHAPES, affine=affines(), classes=st.integers(1, 3), data=st.data())
def test_prediction_is_the_same_from_nifti_npy_and_npz(
    shape: tuple[int, ...], affine: Float64Array, classes: int, data: st.DataObject
) -> None:
    mask = data.draw(masks(shape, classes))
    levels = tuple(range(1, classes + 1))
    case = opened(image(shape, affine))
    # One slice and several rows of NumPy would be several classes of one slice.
    assume(case.image.slices > 1)
    ordered = np.ascontiguousarray(mask.T)
    for file in (nifti(mask, affine), nifti(mask, affine, gz=True), npy(ordered), npz(ordered)):
        found = read_prediction([NamedBytes("p", file)], case, levels)
        assert found.hard
        assert np.array_equal(in_file(case, found.mask()), mask)


@given(shape=SHAPES, affine=affines(), classes=st.integers(1, 3), background=st.booleans(), data=st.data())
def test_probabilities_keep_their_class_and_place(
    shape: tuple[int, ...], affine: Float64Array, classes: int, background: bool, data: st.DataObject
) -> None:
    parts = data.draw(
        arrays.arrays(np.float64, (classes + 1, *shape[::-1]), elements=st.floats(0.0625, 1, width=32))
    )
    prob = (parts / parts.sum(axis=0)).astype(np.float32)
    case = opened(image(shape, affine))
    given_prob = prob if background else prob[1:]
    found = read_prediction(
        [NamedBytes("p.npy", npy(given_prob))], case, tuple(range(1, classes + 1)) if classes > 1 else ()
    )
    assert found.prob is not None
    event(f"{classes} classes")
    for index in range(classes):
        assert np.array_equal(in_file(case, found.prob[index]), prob[index + 1].T)


@given(shape=SHAPES, affine=affines(), other=SHAPES)
def test_prediction_of_another_size_is_refused(
    shape: tuple[int, ...], affine: Float64Array, other: tuple[int, ...]
) -> None:
    case = opened(image(shape, affine))
    assume(sorted(shape) != sorted(other))
    for file in (nifti(np.zeros(other, np.uint8), affine), npy(np.zeros((1, *other), np.uint8))):
        with pytest.raises(InputProblem):
            read_prediction([NamedBytes("p", file)], case, ())


@given(
    pixels=st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
        lambda shape: arrays.arrays(np.uint8, shape)
    )
)
def test_picture_mask_follows_the_written_rules(pixels: np.ndarray) -> None:
    values = np.unique(pixels)
    picture = pillow(np.arange(pixels.size, dtype=np.uint8).reshape(pixels.shape))
    if values[-1] <= 127 and len(values) > 20:
        with pytest.raises(InputProblem, match="not a mask"):
            with_reference(picture, pillow(pixels))
        return
    reference = with_reference(picture, pillow(pixels)).reference
    assert reference is not None
    assert np.array_equal(reference.mask_ref[0], pixels > (127 if values[-1] > 127 else 0))
    assert reference.value_set == tuple(float(each) for each in values)
