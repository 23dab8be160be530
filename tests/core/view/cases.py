"""Small synthetic cases with everything that the view can show; their numbers are chosen, not computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from core.config import AnalysisConfig, ReadOptions
from core.types import (
    Analysis,
    Case,
    Cause,
    Component,
    FixedPoint,
    Flag,
    Geometry,
    Image,
    MadeBy,
    Maps,
    Reference,
    Score,
    SliceSummary,
    Verdict,
)

Trio = tuple[Case, Analysis, Verdict]

SENTENCES: dict[str, str] = {
    "shape": "The outline is ragged or thin: compactness 0.121, seldom below 0.160 in the training "
    "references.",
    "area": "The prediction covers 13.1 % of the picture; lesions in the training references seldom cover "
    "more than 12.0 %.",
    "fragmentation": "The prediction falls into 3 separate blobs on one slice; the training references "
    "seldom have more than 2.",
    "spurious": "The smallest blob has 1.90 % of the area of the largest; second blobs in the training "
    "references seldom have less than 2.00 %.",
}


def make_case(
    values: NDArray[np.floating],
    *,
    names: Sequence[str] = ("FLAIR",),
    spacing: tuple[float, float, float] | None = (3.0, 1.0, 1.0),
    edges: tuple[str, str, str, str] | None = ("A", "P", "R", "L"),
    mask_ref: NDArray[np.bool_] | None = None,
    name: str = "synthetic",
    case_id: str = "c" * 64,
    modality: str | None = "MR",
) -> Case:
    """A case around `values` (channel, slice, row, column)."""
    geometry = Geometry(
        spacing, None, "axial", "assumed", edges, values.shape[1:], (0, 1, 2), (False, False, False)
    )
    smallest, largest = float(values.min()), float(values.max())
    image = Image(
        values.astype(np.float32), geometry, tuple(names), modality, "float32", (smallest, largest)
    )  # fmt: skip
    reference = None if mask_ref is None else Reference(mask_ref, "reference", (0.0, 1.0))
    return Case(case_id, name, image, reference, "synthetic", ReadOptions())


def make_analysis(
    prob: NDArray[np.floating], confidences: Sequence[float | None] | None = None, *, key: str = "a" * 64
) -> Analysis:
    """An analysis whose only class has the probabilities `prob` (slice, row, column)."""
    held = confidences if confidences is not None else [0.9] * len(prob)
    safe = np.clip(prob, 1e-6, 1 - 1e-6)
    entropy = -(safe * np.log(safe) + (1 - safe) * np.log(1 - safe))
    maps = Maps(
        FixedPoint.of(entropy, float(np.log(2))), FixedPoint.of(entropy * 0.7, float(np.log(2))),
        FixedPoint.of(entropy * 0.3, float(np.log(2))), FixedPoint.of(safe * (1 - safe) * 0.5, 0.25),
    )  # fmt: skip
    slices = tuple(
        SliceSummary(
            index=z, empty=not bool((plane > 0.5).any()), measures=(), components=_components(plane > 0.5),
            scores=(Score(key="pairwise_dice", value=value, note="" if value is not None else "no samples"),),
        )
        for z, (plane, value) in enumerate(zip(prob, held, strict=True))
    )  # fmt: skip
    scores = (
        Score(key="pairwise_dice", value=0.812),
        Score(key="mean_entropy", value=0.0234, slice=0, box=(0, 0, 4, 4)),
        Score(key="volume_weighted", value=None, note="the prediction is empty"),
    )  # fmt: skip
    mean = FixedPoint.of(prob[None], 1.0)
    return Analysis("c" * 64, mean, ("tumour",), maps, slices, scores, _made_by(key))


def make_flag(cause: Cause, index: int | None, box: tuple[int, int, int, int] | None, sentence: str) -> Flag:
    """A fired rule, named after its cause."""
    return Flag(
        rule=cause, cause=cause, slice=index, box=box, measured=2.0, limit=1.0, side="above", severity=2.0,
        sentence=sentence,
    )  # fmt: skip


def brain_like(slices: int, size: int, seed: int = 7) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A head-like volume (slice, row, column) with values up to about 900, and a probability of a lesion."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(
        np.linspace(-1, 1, slices) if slices > 1 else np.zeros(1),
        np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij",
    )  # fmt: skip
    round_z = np.sqrt(np.clip(1 - 0.7 * z**2, 0.05, 1))
    radius = np.sqrt((x / (0.72 * round_z)) ** 2 + (y / (0.88 * round_z)) ** 2)
    folds = np.sin(9 * np.arctan2(y, x) + 14 * radius + 3 * z)
    image = np.where(radius < 0.86, 330 + 70 * folds * (radius > 0.4), 0.0)
    image += np.where((radius > 0.92) & (radius < 1.0), 620, 0.0)
    image -= 240 * np.exp(-(((np.abs(x) - 0.13) / 0.09) ** 2 + (y / 0.28) ** 2 + (z / 0.5) ** 2))
    lesion = np.sqrt(
        ((x - 0.28 - 0.05 * np.sin(7 * y)) / 0.25) ** 2 + ((y + 0.24) / 0.2) ** 2 + (z / 0.45) ** 2
    )
    image += 380 / (1 + np.exp(14 * (lesion - 1.0))) * (radius < 0.86)
    image = np.hypot(np.clip(image, 0, None) + rng.normal(0, 16, image.shape), rng.normal(0, 16, image.shape))
    return image, 1 / (1 + np.exp(11 * (lesion - 0.95 + 0.14 * np.sin(8 * x + 5 * z))))


@cache
def volume() -> Trio:
    """A volume with a reference and four fired rules; slice 12 is the least confident."""
    image, prob = brain_like(24, 128)
    prob[12, 96:101, 40:45] = 0.9
    prob[12, 34:38, 86:118] = 0.8
    mask_ref = np.roll(prob > 0.6, 3, axis=2)
    confidences = [round(0.95 - 0.5 * np.exp(-(((z - 12) / 3) ** 2)), 3) for z in range(24)]
    whole = _box(prob[12] > 0.5)
    flags = (
        make_flag("shape", 12, whole, SENTENCES["shape"]),
        make_flag("area", 12, whole, SENTENCES["area"]),
        make_flag("fragmentation", 12, whole, SENTENCES["fragmentation"]),
        make_flag("spurious", 12, (96, 40, 101, 45), SENTENCES["spurious"]),
        make_flag("empty", 20, None, "Nothing was predicted here, but on slices before and after."),
        make_flag("area", 11, _box(prob[11] > 0.5), "The prediction covers 12.4 % of the picture."),
        make_flag("area", 13, _box(prob[13] > 0.5), "The prediction covers 12.2 % of the picture."),
    )
    return (
        make_case(image[None].round(), mask_ref=mask_ref, name="volume <b>one</b>.nii.gz"),
        make_analysis(prob, confidences),
        Verdict(answer="review", flags=flags),
    )


@cache
def single() -> Trio:
    """One colour picture of three channels, consistent, without spacing or reference."""
    image, prob = brain_like(1, 96)
    values = np.stack([image * 0.6, image, image * 0.8]) * (255 / image.max())
    case = make_case(
        values.round(), names=("pre", "FLAIR", "post"), spacing=None, edges=None, case_id="1" * 64
    )
    return case, make_analysis(prob, [0.934]), Verdict(answer="consistent", flags=())


@cache
def nothing_found() -> Trio:
    """A volume with nothing predicted, fired for the whole study, oblong voxels, one slice unrated."""
    image, _ = brain_like(8, 64)
    flag = make_flag("empty", None, None, "Nothing was found in the whole study.")
    confidences: list[float | None] = [0.9, 0.8, None, 0.5, 0.55, 0.8, 0.9, 0.9]
    analysis = make_analysis(np.full(image.shape, 0.1), confidences, key="b" * 64)
    case = make_case(image[None], spacing=(5.0, 2.0, 1.0), edges=None, case_id="2" * 64)
    return case, analysis, Verdict(answer="review", flags=(flag,))


@cache
def long_volume() -> Trio:
    """80 slices of 240 x 240, as large as the public brain tumour sets have them."""
    image, prob = brain_like(80, 240)
    confidences = [round(0.9 - 0.6 * float(np.exp(-(((z - 50) / 9) ** 2))), 3) for z in range(80)]
    flags = tuple(
        make_flag("area", z, _box(prob[z] > 0.5), f"The prediction covers {5 + z / 10:.3g} % of the picture.")
        for z in range(30, 45)
        if (prob[z] > 0.5).any()
    )
    analysis = make_analysis(prob, confidences, key="d" * 64)
    return make_case(image[None].round(), case_id="3" * 64), analysis, Verdict(answer="review", flags=flags)


@cache
def windowed() -> Trio:
    """For trying a study too large to be loaded at once: to be built with a limit of 60 kB."""
    image, prob = brain_like(40, 48)
    analysis = make_analysis(prob, [0.9] * 20 + [0.3] + [0.9] * 19, key="e" * 64)
    return make_case(image[None], case_id="4" * 64), analysis, Verdict(answer="consistent", flags=())


CASES: dict[str, Callable[[], Trio]] = {
    "volume": volume, "single": single, "empty": nothing_found, "long": long_volume, "window": windowed,
}  # fmt: skip


def _box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _components(mask: NDArray[np.bool_]) -> tuple[Component, ...]:
    return (Component(area_px=int(mask.sum()), box=_box(mask)),) if mask.any() else ()


def _made_by(key: str) -> MadeBy:
    return MadeBy(
        key=key, config=AnalysisConfig(), app_version="0", weights=(), members=(), device="cpu",
        backend="torch", precision="float32", threads=1, chunk=1, samples=5, channels=(0,),
        self_check=None, versions=(),
        created_utc="2026-01-01T00:00:00Z",
    )  # fmt: skip
