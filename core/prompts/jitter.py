"""A prompt that is a little off: every side of a box moved by itself, or a point, all from seeds.

Published training jitter moves boxes outwards only, which a person's hand does not; here sides move inwards
and outwards.
"""

from __future__ import annotations

import hashlib

import numpy as np

from core.types.prompts import Box, Point, Prompt, PromptKind, kind_of

JITTER_SHARES = (0.0, 0.05, 0.10, 0.20)
"""Largest move of a side, as a share of the box's length across that side."""
DRAWS = 10
"""Jittered prompts per slice and share."""


def jittered(
    prompt: Prompt,
    reference: Box,
    shape: tuple[int, int],
    share: float,
    draws: int,
    place: tuple[str, int, int],
) -> tuple[Prompt, ...]:
    """Draws of a prompt on a slice of `shape` (row, column); the same place gives the same draws.

    reference: the box whose lengths the share is of, also for a point. place: key of the case, slice, and
    the user's seed.
    """
    kind = kind_of(prompt)
    found: list[Prompt] = []
    for draw in range(draws):
        rng = np.random.default_rng(seed_of(*place[:2], kind, share, draw, place[2]))
        if isinstance(prompt, Box):
            found.append(jitter_box(prompt, share, rng, shape))
        else:
            found.append(jitter_point(prompt, reference, share, rng, shape))
    return tuple(found)


def jitter_box(box: Box, share: float, rng: np.random.Generator, shape: tuple[int, int]) -> Box:
    """The box with each side moved by its own integer, uniform in ± share of the box's length across it.

    shape: rows and columns of the slice, within which the box stays. It keeps at least one pixel.

    >>> jitter_box(Box(10, 10, 20, 30), 0.0, np.random.default_rng(0), (64, 64))
    Box(top=10, left=10, bottom=20, right=30)
    """
    top, bottom = _moved((box.top, box.bottom), share, rng, shape[0])
    left, right = _moved((box.left, box.right), share, rng, shape[1])
    return Box(top, left, bottom, right)


def jitter_point(
    point: Point, reference: Box, share: float, rng: np.random.Generator, shape: tuple[int, int]
) -> Point:
    """The point moved both ways by integers, uniform in ± share of the reference box's lengths."""
    down, across = (_offset(length, share, rng) for length in reference.shape)
    row, column = point.row + down, point.column + across
    return Point(min(max(row, 0), shape[0] - 1), min(max(column, 0), shape[1] - 1))


def seed_of(case: str, index: int, kind: PromptKind, share: float, draw: int, user_seed: int) -> int:
    """Seed of one draw: 64 bits of a digest of all that names it."""
    text = f"{case}|{index}|{kind}|{share:.6f}|{draw}|{user_seed}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _moved(ends: tuple[int, int], share: float, rng: np.random.Generator, most: int) -> tuple[int, int]:
    length = ends[1] - ends[0]
    low = min(max(ends[0] + _offset(length, share, rng), 0), most - 1)
    high = min(max(ends[1] + _offset(length, share, rng), 1), most)
    if low < high:
        return low, high
    middle = min((ends[0] + ends[1]) // 2, most - 1)
    return middle, middle + 1


def _offset(length: int, share: float, rng: np.random.Generator) -> int:
    reach = round(share * length)
    return int(rng.integers(-reach, reach, endpoint=True))
