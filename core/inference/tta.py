"""The eight symmetries of the square, and how each is undone on a map."""

from __future__ import annotations

from core.types import Float32Array

SYMMETRIES = 8
"""Index 0 is the identity; index = 4 * (mirrored left to right first) + quarter turns."""


def apply_symmetry(picture: Float32Array, index: int) -> Float32Array:
    """A square picture (..., row, column) mirrored and turned; a view, so copy before handing it on.

    >>> import numpy as np
    >>> apply_symmetry(np.array([[1.0, 2.0], [3.0, 4.0]]), 4).tolist()
    [[2.0, 1.0], [4.0, 3.0]]
    """
    flipped, turns = divmod(index, 4)
    return _turned(picture[..., ::-1] if flipped else picture, turns)


def undo_symmetry(picture: Float32Array, index: int) -> Float32Array:
    """The inverse of `apply_symmetry`: turned back first, then mirrored back."""
    flipped, turns = divmod(index, 4)
    back = _turned(picture, -turns % 4)
    return back[..., ::-1] if flipped else back


def _turned(picture: Float32Array, turns: int) -> Float32Array:
    if turns == 2:
        return picture[..., ::-1, ::-1]
    if turns == 0:
        return picture
    swapped = picture.swapaxes(-1, -2)
    return swapped[..., ::-1, :] if turns == 1 else swapped[..., ::-1]
