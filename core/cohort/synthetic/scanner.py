"""From tissue to pictures: signal of each sequence, coil shading, blur, motion and Rician noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from core.cohort.synthetic.anatomy import Frame, Tissue
from core.cohort.synthetic.fields import Noise, Points, blend, soft
from core.cohort.synthetic.lesion import Changes
from core.cohort.synthetic.records import Scan
from core.types import Float32Array


@dataclass(frozen=True)
class Sequence:
    """Signal of each tissue in one sequence; white matter of FLAIR is 600, air is 0."""

    name: str
    white: float
    grey: float
    deep: float
    fluid: float
    fat: float
    muscle: float
    bone: float
    marrow: float
    falx: float
    sinus: float
    choroid: float
    lesion: float
    spots: float
    rim: float
    cyst: float


SEQUENCES: tuple[Sequence, ...] = (
    Sequence("pre-contrast", 620, 520, 545, 250, 1250, 430, 60, 420, 420, 200, 380, -120, -40, 0, 280),
    Sequence("FLAIR", 560, 665, 650, 215, 1250, 380, 60, 330, 470, 190, 640, 470, 430, 90, 300),
    Sequence("post-contrast", 600, 510, 540, 250, 1150, 470, 60, 430, 900, 1350, 1250, -100, -30, 800, 300),
)
"""Order of the channels as in the training data; T1-weighted before contrast, FLAIR, T1-weighted after."""

SKULL_MM, SCALP_MM = 5.2, 6.0


def pictures(
    frame: Frame,
    tissue: Tissue,
    changes: Changes,
    spots: Float32Array,
    scan: Scan,
    noise: Noise,
    generator: np.random.Generator,
) -> Float32Array:
    """The scan (channel, slice, row, column) in whole scanner units, float32, as the settings ask for it."""
    chosen = SEQUENCES if scan.channels == "three" else SEQUENCES[1:2]
    shading = _shading(frame.points, scan, generator)
    shots = [_signal(frame, tissue, changes, spots, sequence, scan, noise) * shading for sequence in chosen]
    blurred = [ndimage.gaussian_filter(shot, (0.0, scan.blur, scan.blur)) for shot in shots]
    moved = [_move(shot, scan, generator) for shot in blurred]
    sigma = scan.noise * SEQUENCES[1].white
    kept = _kept(scan)
    noisy = [_rician(shot * kept, sigma, generator) for shot in moved]
    whole: Float32Array = np.rint(np.stack(noisy)).astype(np.float32)
    return whole


def _signal(
    frame: Frame,
    tissue: Tissue,
    changes: Changes,
    spots: Float32Array,
    of: Sequence,
    scan: Scan,
    noise: Noise,
) -> Float32Array:
    """One sequence without any fault of the scanner."""
    brain = np.full_like(tissue.depth_mm, of.white) * (1.0 + 0.02 * noise.at(frame.points, 14.0, 14))
    brain = blend(brain, of.grey, tissue.grey)
    brain = blend(brain, of.deep, tissue.deep_grey)
    brain = brain + of.spots * spots + of.lesion * changes.bright
    brain = blend(brain, of.cyst, changes.cyst)
    brain = brain + of.rim * changes.rim
    brain = blend(brain, of.fluid, np.maximum(tissue.fluid, tissue.ventricle))
    brain = blend(brain, of.choroid, tissue.choroid)
    brain = blend(brain, of.falx, tissue.falx * 0.8)
    outside = np.zeros_like(brain) if scan.stripped else _coverings(frame, of, scan, noise)
    whole = blend(outside, brain, soft(tissue.depth_mm, 1.2))
    return whole if scan.stripped else blend(whole, of.sinus, tissue.sinus)


def _coverings(frame: Frame, of: Sequence, scan: Scan, noise: Noise) -> Float32Array:
    """Skull with its marrow, muscle, scalp and skin, from inside to outside."""
    points, out = frame.points, -frame.depth_mm
    ends = frame.direction.y**2
    skull = SKULL_MM * (0.9 + 0.25 * ends + 0.05 * noise.at(points, 80.0, 15))
    temple = 6.0 * np.exp(-(((points.y - 20.0) / 30.0) ** 2)) * soft(26.0 - points.z, 30.0)
    muscle = temple * soft(np.abs(frame.direction.x) - 0.45, 0.4)
    scalp = SCALP_MM * (1.0 + 0.07 * noise.at(points, 90.0, 16) - 0.2 * frame.direction.y)
    signal = np.full_like(out, of.bone)
    signal = blend(signal, of.marrow, 0.8 * soft(0.32 * skull - np.abs(out - 0.55 * skull), 1.5))
    signal = blend(signal, of.muscle, soft(out - skull, 1.0))
    streaks = 1.0 + 0.05 * noise.at(points, 16.0, 17)
    signal = blend(signal, of.fat * scan.fat * streaks, soft(out - skull - muscle, 1.2))
    edge = skull + muscle + scalp
    signal = blend(signal, 0.45 * of.fat * scan.fat, soft(out - edge + 1.5, 1.0))
    return blend(signal, 0.0, soft(out - edge, 1.2))


def _shading(points: Points, scan: Scan, generator: np.random.Generator) -> Float32Array:
    slopes = generator.normal(0.0, scan.bias, 5)
    u, v, w = points.x / 90.0, points.y / 110.0, (points.z - 20.0) / 60.0
    field = slopes[0] * u + slopes[1] * v + slopes[2] * (u * u - v * v) + slopes[3] * u * v + slopes[4] * w
    shading: Float32Array = np.exp(field).astype(np.float32)
    return shading


def _move(shot: Float32Array, scan: Scan, generator: np.random.Generator) -> Float32Array:
    """Ghosts of a head that moved along the rows: lines of k-space carry the phase of where it was."""
    if scan.motion == 0.0:
        return shot
    rows = shot.shape[1]
    # Steps of a random walk, held for a few lines each, as a patient moves: seldom, then stays.
    jumps = generator.standard_normal(12)
    places = np.repeat(np.cumsum(jumps), -(-rows // 12))[:rows] * scan.motion / scan.pixel_mm / 2.0
    places[rows // 2 - 6 : rows // 2 + 6] = 0.0
    frequency = np.fft.fftshift(np.fft.fftfreq(rows))
    lines = np.fft.fftshift(np.fft.fft2(shot, axes=(1, 2)), axes=1)
    turned = lines * np.exp(-2j * np.pi * frequency * places)[None, :, None]
    ghost = np.abs(np.fft.ifft2(np.fft.ifftshift(turned, axes=1), axes=(1, 2)))
    return ghost.astype(np.float32)


def _kept(scan: Scan) -> Float32Array:
    """Share of the signal that is left on each slice, (slice, 1, 1)."""
    share = np.ones((scan.slices, 1, 1), dtype=np.float32)
    share[list(scan.lost)] = np.float32(0.12)
    return share


def _rician(shot: Float32Array, sigma: float, generator: np.random.Generator) -> Float32Array:
    """Magnitude of the signal with Gaussian noise in its real and imaginary part."""
    real = shot + np.float32(sigma) * generator.standard_normal(shot.shape, dtype=np.float32)
    imaginary = np.float32(sigma) * generator.standard_normal(shot.shape, dtype=np.float32)
    magnitude: Float32Array = np.hypot(real, imaginary)
    return magnitude
