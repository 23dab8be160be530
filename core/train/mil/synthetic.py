"""Synthetic volumes of two grades from the project's own generator: necrosis with a rim, or one tissue.

Both grades have lesions of the same places, sizes, FLAIR brightness, texture and mass effect; a high grade
differs only by a dark core and a rim that takes up contrast. So what tells them apart is known. Measured:
sixty volumes at 64 pixels were learned by heart; these at 96 pixels are told apart.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from core.cohort.synthetic.make import draw
from core.cohort.synthetic.records import Head, Lesion, SampleSpec, Scan
from core.models.preprocess import fit_slice, scale_intensity
from core.train.mil.config import MilConfig
from core.train.mil.data import BagData, Volume

VOLUMES = 200
"""Half of each grade, in twins that share everything but the grade and the head's own bends."""
SCAN = Scan(pixels=96, slices=8, bottom_mm=2.0, step_mm=7.0, pixel_mm=2.2)
FIRST_SEED = 70_000
GRADES = ("homogeneous", "ring")


def load_synthetic_grades(data: Path, config: MilConfig) -> BagData:
    """The synthetic volumes, drawn in memory; the data folder is not looked at."""
    return synthetic_bags(VOLUMES, config, SCAN)


def synthetic_bags(count: int, config: MilConfig, scan: Scan) -> BagData:
    """`count` volumes, grades in turn, at the size of the settings; the same bytes every time."""
    pictures, volumes, holds = [], [], []
    for number in range(count):
        spec = graded_spec(number, scan)
        values, mask_ref = draw(spec)
        scaled = scale_intensity(values).transpose(1, 0, 2, 3)
        pictures += [fit_slice(each, config.size).astype(np.float16) for each in scaled]
        volumes.append(Volume(spec.key, len(pictures) - len(scaled), len(scaled), number % 2))
        holds.append(mask_ref.any(axis=(1, 2)))
    return BagData(np.stack(pictures), tuple(volumes), np.concatenate(holds), "volume", config.class_names)


def graded_spec(number: int, scan: Scan) -> SampleSpec:
    """What volume `number` shows: grade number % 2, everything else from its seed alone."""
    rng = np.random.default_rng((FIRST_SEED, number // 2))
    side = rng.choice((-1.0, 1.0))
    centre = (side * rng.uniform(22, 34), rng.uniform(-35, 30), rng.uniform(14, 46))
    radii = (rng.uniform(16, 24), rng.uniform(18, 28), rng.uniform(16, 24))
    # A rim lies at the depth 1 - enhancing and the core begins at 1 - cyst: the same place.
    core = float(rng.uniform(0.5, 0.75))
    ring = {"cyst": core, "enhancing": core}
    lesion = Lesion(
        (float(centre[0]), float(centre[1]), float(centre[2])),
        (float(radii[0]), float(radii[1]), float(radii[2])),
        roughness=float(rng.uniform(0.15, 0.4)),
        brightness=float(rng.uniform(0.6, 1.2)),
        push_mm=float(rng.uniform(0.0, 5.0)),
        **(ring if number % 2 else {}),
    )
    return SampleSpec(
        key=f"synthetic-{number:03d}",
        title=f"Synthetic volume {number}",
        group="ordinary",
        shows=f"A {GRADES[number % 2]} lesion.",
        expected="",
        seed=FIRST_SEED + number,
        scan=scan,
        head=Head(atrophy=float(rng.uniform(0.2, 0.8)), caps=float(rng.uniform(0.0, 0.6))),
        lesions=(lesion,),
    )
