"""Seeds of dropout masks: a function of what is sampled, never of when or in which order."""

from __future__ import annotations

import hashlib

import numpy as np

from core.types import Float32Array

SCHEME = 1
"""Version of how masks follow from seeds; a change makes other masks, so it is part of the seed."""


def mask_seed(seed_key: str, weights: str, sample: int, layer: str, user_seed: int) -> int:
    """First eight bytes of the SHA-256 of all that identifies one mask: case, weights, sample, layer, seed.

    >>> mask_seed("a", "b", 0, "dropout", 0) == mask_seed("a", "b", 1, "dropout", 0)
    False
    """
    text = "\n".join((seed_key, weights, str(sample), layer, str(user_seed), str(SCHEME)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def draw_mask(shape: tuple[int, ...], p: float, seed: int) -> Float32Array:
    """Inverted dropout mask: 0 with probability p, else 1 / (1 - p), from a generator of its own."""
    generator = np.random.Generator(np.random.Philox(key=seed))
    keep = generator.random(shape, dtype=np.float32) >= np.float32(p)
    return keep * np.float32(1.0 / (1.0 - p) if p < 1.0 else 0.0)
