"""What nibabel writes is read to nibabel's values; a damaged header is refused or stays within limits."""

from __future__ import annotations

import gzip
import math
from typing import Any

import nibabel as nib
import numpy as np
from hypothesis import event, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from io_files import opened

from core.config import ReadOptions
from core.errors import InputProblem
from core.io import read_case
from core.io.limits import Limits
from core.io.orient import source_affine, to_source
from core.types import Case, Float64Array, NamedBytes

DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "i8", "u8", "f4", "f8")
KINDS: tuple[tuple[Any, Any], ...] = (
    (nib.Nifti1Image, nib.Nifti1Header),
    (nib.Nifti2Image, nib.Nifti2Header),
)
SIDES = st.integers(1, 7)
MILLIMETRES = st.floats(-300, 300, width=32)
SMALL = Limits(voxels=4000, inflated=200_000)


@st.composite
def affines(draw: st.DrawFn) -> Float64Array:
    """Voxel axes near the body's in any order and direction, 0.25 to 8 mm apart, tilted up to 15 degrees."""
    order = draw(st.permutations(range(3)))
    signs = draw(st.tuples(*[st.sampled_from((-1.0, 1.0))] * 3))
    sizes = draw(st.tuples(*[st.floats(0.25, 8, width=32)] * 3))
    angles = draw(st.tuples(*[st.floats(-0.26, 0.26)] * 3))
    turn = nib.eulerangles.euler2mat(*angles) if draw(st.booleans()) else np.eye(3)
    matrix = turn @ (np.eye(3)[:, order] * signs * sizes)
    return nib.affines.from_matvec(matrix, draw(st.tuples(*[MILLIMETRES] * 3)))


@st.composite
def volumes(draw: st.DrawFn, dtypes: tuple[str, ...] = DTYPES) -> np.ndarray:
    """Finite voxels of 2 or 3 dimensions."""
    shape = draw(st.tuples(*[SIDES] * draw(st.sampled_from((2, 3)))))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    finite = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    if dtype.kind == "f":
        finite |= {"min_value": -(2.0**100), "max_value": 2.0**100}
    return draw(arrays.arrays(dtype, shape, elements=arrays.from_dtype(dtype, **finite)))


def written(
    voxels: np.ndarray, affine: Float64Array, *, kind: int, order: str, codes: tuple[int, int], gz: bool
) -> bytes:
    """A file by nibabel; kind: 0 for NIfTI-1, 1 for NIfTI-2; order: "<" or ">"."""
    image_type, header_type = KINDS[kind]
    image = image_type(voxels, affine, header=header_type(endianness=order), dtype=voxels.dtype)
    image.set_qform(affine, code=codes[0])
    image.set_sform(affine, code=codes[1])
    data: bytes = image.to_bytes()
    return gzip.compress(data, mtime=0) if gz else data


def stored(case: Case) -> np.ndarray:
    """The shown values back in the file's own axes."""
    return to_source(case.image.values[0], case.image.geometry)


@given(
    voxels=volumes(),
    affine=affines(),
    kind=st.sampled_from((0, 1)),
    order=st.sampled_from("<>"),
    codes=st.sampled_from(((0, 1), (1, 0), (1, 1), (2, 4))),
    gz=st.booleans(),
)
def test_any_volume_keeps_values_type_affine_and_spacing(
    voxels: np.ndarray, affine: Float64Array, kind: int, order: str, codes: tuple[int, int], gz: bool
) -> None:
    case = opened(written(voxels, affine, kind=kind, order=order, codes=codes, gz=gz))
    geometry, image = case.image.geometry, case.image
    assert np.array_equal(stored(case), voxels.astype(np.float32))
    assert image.original_dtype == voxels.dtype.name
    assert geometry.source_shape == voxels.shape
    assert geometry.form_codes == codes
    found = source_affine(geometry)
    assert found is not None
    # Headers hold float32: about 1e-7 of 300 mm. Of a quaternion only three parts are kept: where the fourth
    # is small (a half turn) it is known to the root of 1e-7, a turn of twice that, and voxels are up to 8 mm.
    assert np.allclose(found, affine, rtol=0, atol=2 * math.sqrt(1e-7) * 8 if codes[1] == 0 else 1e-4)
    assert geometry.spacing_mm is not None
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    assert np.allclose(geometry.spacing_mm, sizes[list(geometry.source_axes)], rtol=1e-5)


@given(
    voxels=volumes(("u1", "i1", "u2", "i2")),
    slope=st.one_of(st.floats(1e-3, 1e4), st.floats(-1e4, -1e-3)),
    intercept=st.floats(-1e4, 1e4),
    order=st.sampled_from("<>"),
)
def test_any_scaling_gives_the_values_that_nibabel_gives(
    voxels: np.ndarray, slope: float, intercept: float, order: str
) -> None:
    image = nib.Nifti1Image(voxels, np.eye(4), header=nib.Nifti1Header(endianness=order), dtype=voxels.dtype)
    data = bytearray(image.to_bytes())
    data[112:120] = np.array([slope, intercept], f"{order}f4").tobytes()
    expected = nib.Nifti1Image.from_bytes(bytes(data)).get_fdata(dtype=np.float64)
    assert np.array_equal(stored(opened(bytes(data))), expected.astype(np.float32))


@given(count=st.integers(2, 5), chosen=st.integers(0, 4), voxels=volumes())
def test_each_volume_of_a_4d_file_is_the_one_chosen(count: int, chosen: int, voxels: np.ndarray) -> None:
    solid = voxels if voxels.ndim == 3 else voxels[..., None]
    turned = [np.roll(solid, step, axis=0) for step in range(count)]
    image = nib.Nifti1Image(np.stack(turned, axis=3), np.eye(4), dtype=voxels.dtype)
    if chosen < count:
        case = opened(image.to_bytes(), volume=chosen)
        assert np.array_equal(stored(case), turned[chosen].astype(np.float32))
    else:
        with np.testing.assert_raises_regex(InputProblem, "no such volume"):
            opened(image.to_bytes(), volume=chosen)


PLAIN = written(
    np.arange(6 * 5 * 4, dtype=np.int16).reshape(6, 5, 4),
    np.diag([2.0, 2.0, 3.0, 1.0]),
    kind=0,
    order="<",
    codes=(1, 1),
    gz=False,
)
EDITS = st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=6)
SHORTS = st.one_of(st.integers(-1, 16), st.integers(-(2**15), 2**15 - 1))
FIELDS = st.lists(
    st.tuples(st.sampled_from((40, 42, 44, 46, 48, 70, 72, 252, 254)), SHORTS), min_size=1, max_size=3
)
FLOATS = st.tuples(st.sampled_from((76, 80, 84, 88, 108, 112, 116, *range(256, 328, 4))), st.floats(width=32))


def assert_read_or_refused(data: bytes) -> None:
    """A load inside the limits with finite, honest geometry, or a refusal in words."""
    try:
        case = read_case([NamedBytes("x.nii", data)], ReadOptions(), limits=SMALL)
    except InputProblem as problem:
        event("refused")
        assert problem.what and problem.found and problem.expected and problem.fix
        return
    event("read")
    geometry = case.image.geometry
    assert case.image.values.size <= SMALL.voxels
    assert np.isfinite(case.image.values).all()
    assert math.prod(geometry.source_shape) == case.image.values.size
    assert geometry.affine_ras is None or np.isfinite(geometry.affine_ras).all()
    assert geometry.spacing_mm is None or all(0 < each < 1e4 for each in geometry.spacing_mm)


@given(edits=EDITS, gz=st.booleans())
def test_header_with_any_bytes_changed_is_read_within_limits_or_refused(
    edits: list[tuple[int, int]], gz: bool
) -> None:
    data = bytearray(PLAIN)
    for at, value in edits:
        data[at] = value
    assert_read_or_refused(gzip.compress(bytes(data), 1, mtime=0) if gz else bytes(data))


@given(numbers=FIELDS, floats=st.lists(FLOATS, max_size=3))
def test_header_with_any_numbers_is_read_within_limits_or_refused(
    numbers: list[tuple[int, int]], floats: list[tuple[int, float]]
) -> None:
    data = bytearray(PLAIN)
    for at, value in numbers:
        data[at : at + 2] = value.to_bytes(2, "little", signed=True)
    for at, real in floats:
        data[at : at + 4] = np.array([real], "<f4").tobytes()
    assert_read_or_refused(bytes(data))


@given(length=st.integers(0, len(PLAIN) - 1))
def test_file_cut_anywhere_is_refused(length: int) -> None:
    for data in (PLAIN[:length], gzip.compress(PLAIN[:length], mtime=0)):
        with np.testing.assert_raises(InputProblem):
            read_case([NamedBytes("x.nii", data)])


@given(sides=st.tuples(*[st.integers(1, 40) | st.integers(1, 32767)] * 3), volumes=st.integers(1, 500))
def test_declared_size_above_the_limit_is_refused_from_the_header(
    sides: tuple[int, int, int], volumes: int
) -> None:
    data = bytearray(PLAIN)
    data[40:50] = np.array([4, *sides, volumes], "<i2").tobytes()
    declared = math.prod(sides)
    if declared > SMALL.voxels or declared * volumes * 2 > SMALL.inflated:
        with np.testing.assert_raises_regex(InputProblem, "too large"):
            read_case([NamedBytes("x.nii", bytes(data))], limits=SMALL)
    else:
        assert_read_or_refused(bytes(data))


@given(at=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_gzip_with_a_changed_byte_gives_the_same_voxels_or_is_refused(at: int, mask: int) -> None:
    data = bytearray(gzip.compress(PLAIN, mtime=0))
    data[at % len(data)] ^= mask
    try:
        case = opened(bytes(data))
    except InputProblem:
        event("refused")
        return
    event("read")
    assert np.array_equal(stored(case), stored(opened(PLAIN)))
