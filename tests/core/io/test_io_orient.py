"""Turning to the display and back loses nothing, for every axis order, direction and plane."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from io_files import nifti, opened

from core.io import axis_codes, from_source, source_affine, to_source
from core.types import Geometry

PERMUTATIONS = list(itertools.permutations(range(3)))
SHAPE = (8, 9, 10)
VOXELS = np.arange(720, dtype=np.int16).reshape(SHAPE)


def affine_of(order: tuple[int, ...], signs: tuple[int, ...]) -> np.ndarray:
    """Stored axis n runs along world axis order[n] with the given sign, 1, 2 and 3 mm apart."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for stored, (world, sign) in enumerate(zip(order, signs, strict=True)):
        affine[world, stored] = sign * (stored + 1)
    affine[:3, 3] = [-11, 5, 7]
    return affine


@given(
    st.sampled_from(PERMUTATIONS),
    st.tuples(*[st.sampled_from((-1, 1))] * 3),
    st.sampled_from(("auto", "axial", "coronal", "sagittal")),
)
def test_mask_returns_to_the_files_own_axes(
    order: tuple[int, ...], signs: tuple[int, ...], plane: str
) -> None:
    affine = affine_of(order, signs)
    image = opened(nifti(VOXELS, affine), plane=plane).image
    geometry = image.geometry
    shown = image.values[0].astype(np.int16)
    assert np.array_equal(to_source(shown, geometry), VOXELS)
    assert np.array_equal(from_source(VOXELS, geometry), shown)
    found = source_affine(geometry)
    assert found is not None
    assert np.allclose(found, affine)


@given(st.sampled_from(PERMUTATIONS), st.tuples(*[st.sampled_from((-1, 1))] * 3))
def test_the_same_body_is_shown_alike_however_it_is_stored(
    order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    affine = affine_of(order, signs)
    image = opened(nifti(VOXELS, affine), plane="axial").image
    assert axis_codes(image.geometry) == ("S", "P", "L")
    # World coordinates of the first and the last shown voxel: right to left, front to back, bottom to top.
    assert image.geometry.affine_ras is not None
    steps = np.diag(image.geometry.affine_ras[:3][:, [2, 1, 0]])
    assert (np.sign(steps) == [-1, -1, 1]).all()


@given(st.permutations((0, 1, -1)), st.tuples(*[st.booleans()] * 3))
def test_flat_files_turn_back_too(axes: list[int], flips: tuple[bool, bool, bool]) -> None:
    geometry = Geometry(None, None, "axial", "file", None, (3, 4), (axes[0], axes[1], axes[2]), flips)
    stored = np.arange(12).reshape(3, 4)
    assert np.array_equal(to_source(from_source(stored, geometry), geometry), stored)


@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_edges_are_opposite_sides(plane: str) -> None:
    edges = opened(nifti(VOXELS), plane=plane).image.geometry.edges
    assert edges is not None
    opposite = {"A": "P", "P": "A", "R": "L", "L": "R", "S": "I", "I": "S"}
    assert (opposite[edges[0]], opposite[edges[2]]) == (edges[1], edges[3])


def test_oblique_axes_are_noted() -> None:
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]]
    assert any("oblique by up to 29 degrees" in note for note in opened(nifti(VOXELS, turn)).notes)
