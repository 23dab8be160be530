"""Blur, loss of resolution and of bits, plane by plane; in a volume every slice alike."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from core.corruptions.spec import Draw, Scene
from core.types import Float32Array

MOTION_RADIUS_PX = 20.0
SUPERSAMPLING = 8
GAUSSIAN_REACH = 4.0
"""Standard deviations after which a Gaussian is cut off."""
EDGE = cv2.BORDER_REFLECT_101


def each_plane(x: Float32Array, change: Callable[[Float32Array], Float32Array]) -> Float32Array:
    """A new array with every (row, column) plane changed."""
    if x.shape[:2] == (1, 1):
        return change(x[0, 0])[None, None]
    out = np.empty_like(x)
    for place in np.ndindex(x.shape[:2]):
        out[place] = change(x[place])
    return out


def gaussian_blur(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Convolution with a Gaussian; the picture is reflected at its edge."""
    sigma = values[0] * scene.pixel
    kernel = cv2.getGaussianKernel(2 * math.ceil(GAUSSIAN_REACH * sigma) + 1, sigma, cv2.CV_32F)
    # A fifth faster than GaussianBlur with the same kernel.
    return each_plane(
        x, lambda plane: np.asarray(cv2.sepFilter2D(plane, -1, kernel, kernel, borderType=EDGE), np.float32)
    )


def defocus_blur(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Convolution with a disc whose edge covers pixels in part, so that the radius may be any number."""
    return _filtered(x, disc(values[0] * scene.pixel))


def motion_blur(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Convolution with a one-sided Gaussian along the drawn direction."""
    angle = float(scene.draw["angle"])
    return _filtered(x, streak(values[0] * scene.pixel, MOTION_RADIUS_PX * scene.pixel, angle))


def draw_angle(generator: np.random.Generator) -> Draw:
    """A direction within 45 degrees of the rows, in radians."""
    return {"angle": float(generator.uniform(-math.pi / 4, math.pi / 4))}


def disc(radius: float) -> Float32Array:
    """Kernel of sum 1: how much of each pixel a disc covers, on a grid of 8 x 8 points per pixel."""
    half = max(math.ceil(radius - 0.5), 0)
    side = 2 * half + 1
    fine = (np.arange(side * SUPERSAMPLING) + 0.5) / SUPERSAMPLING - side / 2
    inside = (fine[:, None] ** 2 + fine[None] ** 2 <= radius**2).astype(np.float32)
    cover = inside.reshape(side, SUPERSAMPLING, side, SUPERSAMPLING).mean(axis=(1, 3))
    return _unit_sum(cover, half)


def streak(sigma: float, radius: float, angle: float) -> Float32Array:
    """Kernel of sum 1: weights exp(-t^2 / 2 sigma^2) at t = 0 … radius along a line from the centre."""
    half = max(math.ceil(radius), 1)
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    along = np.arange(0.0, radius + 0.25, 0.25)
    weights = np.exp(-0.5 * (along / max(sigma, 1e-6)) ** 2)
    rows, columns = half + along * math.sin(angle), half + along * math.cos(angle)
    for row, column, weight in zip(rows, columns, weights, strict=True):
        top, left = min(int(row), 2 * half - 1), min(int(column), 2 * half - 1)
        down, right = row - top, column - left
        kernel[top : top + 2, left : left + 2] += weight * np.array(
            [[(1 - down) * (1 - right), (1 - down) * right], [down * (1 - right), down * right]], np.float32
        )
    return _unit_sum(kernel, half)


def jpeg(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Grey 8-bit JPEG of what lies within the range; the excess above it is added again."""
    quality = round(values[0])

    def coded(plane: Float32Array) -> Float32Array:
        within = np.clip(plane, 0.0, 1.0)
        grey = np.rint(within * 255.0).astype(np.uint8)
        done, packed = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])
        assert done
        back = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.float32)
        return back * np.float32(1.0 / 255.0) + (plane - within)

    return each_plane(x, coded)


def pixelate(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Mean over square cells of side 1 / f around the picture's centre."""
    rows, columns = (_cells(size, 1.0 / values[0]) for size in x.shape[-2:])
    sums = np.add.reduceat(np.add.reduceat(x, rows, axis=-2, dtype=np.float64), columns, axis=-1)
    tall, wide = (
        np.diff(np.append(first, size)) for first, size in zip((rows, columns), x.shape[-2:], strict=True)
    )
    means = sums / (tall[:, None] * wide[None])
    return np.repeat(np.repeat(means, tall, axis=-2), wide, axis=-1).astype(np.float32)


def downsample(x: Float32Array, values: tuple[float, ...], scene: Scene) -> Float32Array:
    """Fewer, larger pixels (means of areas), then back to the old grid, linear."""
    rows, columns = x.shape[-2:]
    small = max(1, round(columns * values[0])), max(1, round(rows * values[0]))

    def coarse(plane: Float32Array) -> Float32Array:
        down = cv2.resize(plane, small, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(down, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)

    return each_plane(x, coarse)


def _cells(size: int, side: float) -> np.ndarray:
    """Index of the first pixel of each cell, cells laid out from the centre."""
    cell = np.floor((np.arange(size) + 0.5 - size / 2) / side)
    return np.flatnonzero(np.append(True, cell[1:] != cell[:-1]))


def _filtered(x: Float32Array, kernel: Float32Array) -> Float32Array:
    # filter2D correlates; turned round, the kernel convolves.
    turned = np.ascontiguousarray(kernel[::-1, ::-1])
    return each_plane(
        x,
        lambda plane: np.asarray(cv2.filter2D(plane, -1, turned, borderType=EDGE), np.float32),
    )


def _unit_sum(kernel: Float32Array, centre: int) -> Float32Array:
    total = float(kernel.sum())
    if total == 0.0:
        kernel[centre, centre] = total = 1.0
    return np.asarray(kernel / total, np.float32)
