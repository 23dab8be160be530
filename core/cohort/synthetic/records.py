"""What decides a synthetic case: its entry in the table, and the numbers drawn for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Group = Literal["ordinary", "no lesion", "hard"]
Place = tuple[float, float, float]
"""A position or size in mm: x to the patient's left, y to the front, z to the top."""


@dataclass(frozen=True)
class Lesion:
    """One lesion.

    centre, radii: mm. roughness: how far the noise moves its edge, as a share of the radius. softness: width
        of the edge in mm. brightness: FLAIR signal above tissue, 1 = typical. texture: unevenness inside.
    follow_white: how strongly it spares the cortex. enhancing: share of the radius that takes up contrast
        as a rim, 0 = none. cyst: share of the radius filled with fluid, 0 = none. push_mm: mass effect.
        bend_mm: how far the front and back ends are bent to the side.
    """

    centre: Place
    radii: Place
    roughness: float = 0.35
    softness: float = 4.0
    brightness: float = 1.0
    texture: float = 0.1
    follow_white: float = 0.5
    enhancing: float = 0.0
    cyst: float = 0.0
    push_mm: float = 2.0
    bend_mm: float = 0.0


@dataclass(frozen=True)
class Scan:
    """How the head was scanned.

    pixels: rows and columns. slices: number, 1 = a single picture. bottom_mm: height of the first slice.
    step_mm: distance of the slices. pixel_mm: size of a pixel. channels: "three" or "flair".
    noise: standard deviation as a share of white matter. bias: strength of the coil's shading. motion: mm of
    movement during the scan. fat: brightness of the scalp, 1 = typical. blur: width of the blur in pixels.
    stripped: skull removed. lost: slices whose signal was lost.
    """

    pixels: int = 256
    slices: int = 1
    bottom_mm: float = 22.0
    step_mm: float = 3.0
    pixel_mm: float = 0.89
    channels: Literal["three", "flair"] = "three"
    noise: float = 0.03
    bias: float = 0.12
    motion: float = 0.0
    fat: float = 1.0
    blur: float = 0.6
    stripped: bool = False
    lost: tuple[int, ...] = ()


@dataclass(frozen=True)
class Head:
    """What varies between people.

    atrophy: 0 = narrow sulci and ventricles, 1 = wide ones. caps: bright rims around the ventricles. spots:
    how many bright spots of about `spot_mm` lie in the white matter, 0 = none, 1 = very many.
    """

    atrophy: float = 0.4
    caps: float = 0.0
    spots: float = 0.0
    spot_mm: float = 2.5


@dataclass(frozen=True)
class SampleSpec:
    """One case of the sample cohort: what it shows, how hard it should be, and all that decides it.

    group: "ordinary" lesions, "no lesion", or "hard" cases on which a model should fail.
    shows: one sentence for people. expected: what we expect the shipped model and the rules to do.
    """

    key: str
    title: str
    group: Group
    shows: str
    expected: str
    seed: int
    scan: Scan = field(default_factory=Scan)
    head: Head = field(default_factory=Head)
    lesions: tuple[Lesion, ...] = ()

    @property
    def volume(self) -> bool:
        """Whether the case has several slices."""
        return self.scan.slices > 1
