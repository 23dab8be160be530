"""Noise: the field is drawn once, the severity only scales it."""

from __future__ import annotations

import numpy as np

from core.corruptions.fields import generator_of, normal_field, uniform_field
from core.corruptions.shared import shared
from core.corruptions.spec import Scene
from core.types import Float32Array


def gaussian_noise(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """x + sigma z. On a background of 0 the floor lifts the mean by sigma / sqrt(2 pi)."""
    return x + np.float32(values[0]) * normal_field(scene.seed, "z", x.shape)


def rician_noise(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Magnitude of a complex signal with noise in both parts; sigma in shares of each channel's deviation.

    Gudbjartsson and Patz 1995, doi:10.1002/mrm.1910340618.
    """
    spread = shared(x, "spread", lambda: x.std(axis=(1, 2, 3), keepdims=True, dtype=np.float64))
    sigma = (values[0] * spread).astype(np.float32)
    real = x + sigma * normal_field(scene.seed, "real", x.shape)
    imaginary = sigma * normal_field(scene.seed, "imaginary", x.shape)
    # Not hypot: no value comes near the limits of the type, and it takes six times as long.
    return np.asarray(np.sqrt(real * real + imaginary * imaginary))


def shot_noise(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Poisson(x / v) v, where v = 1 / photons at the top of the range."""
    return counted(x, values[0], scene)


def counted(x: Float32Array, per_count: float, scene: Scene) -> Float32Array:
    """Values as counts of events, each worth `per_count`; the same seed at every level."""
    generator = generator_of(scene.seed, "counts")
    counts = generator.poisson(np.maximum(x, np.float32(0.0)) / np.float32(per_count))
    return counts.astype(np.float32) * np.float32(per_count)


def impulse(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Some pixels become 0 or 1; those of a lower severity stay among those of a higher one."""
    hit = uniform_field(scene.seed, "place", x.shape) < np.float32(values[0])
    white = uniform_field(scene.seed, "colour", x.shape) < np.float32(0.5)
    return np.where(hit, white.astype(np.float32), x)


def speckle(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """x (1 + sigma z)."""
    return x * (np.float32(1.0) + np.float32(values[0]) * normal_field(scene.seed, "z", x.shape))
