"""Small cases and analyses to keep, and a way to compare records that hold arrays."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from core.config import AnalysisConfig, Frozen, ReadOptions, digest
from core.store import Store, StoreSettings
from core.types import (
    Analysis,
    Case,
    Component,
    FixedPoint,
    Geometry,
    Image,
    MadeBy,
    Maps,
    Measure,
    Reference,
    Score,
    SliceSummary,
    Timing,
)

SETTINGS = StoreSettings(min_free_bytes=0)
SHAPE = (2, 5, 4)


def open_store(home: Path, **options: Any) -> Store:
    """A store without the floor of free disk space, which a test machine may not have."""
    return Store.open(home, **{"settings": SETTINGS, **options})


def make_case(name: str = "scan.nii.gz", *, values: Any = None, reference: bool = True) -> Case:
    """A volume of two 5x4 slices; the name decides the id, and the values unless they are given."""
    seed = int(digest(name)[:8], 16)
    drawn = np.random.default_rng(seed).integers(0, 3000, (1, *SHAPE)).astype(np.float32)
    array = drawn if values is None else np.asarray(values, np.float32)
    return Case(
        id=digest({"case": name}),
        name=name,
        image=Image(
            values=array,
            geometry=Geometry(
                spacing_mm=(5.0, 0.1 + 0.2, 1 / 3),
                affine_ras=np.array(
                    [[0, 0, 1 / 3, -9.7], [0, 0.1 + 0.2, 0, 1e-17], [5, 0, 0, 2.5], [0, 0, 0, 1]]
                ),
                plane="axial",
                plane_source="file",
                edges=("A", "P", "R", "L"),
                source_shape=(4, 5, 2),
                source_axes=(2, 1, 0),
                source_flips=(False, True, True),
            ),
            channel_names=("FLAIR",),
            modality="MR",
            original_dtype="int16",
            original_range=(0.0, 2999.5),
        ),
        reference=Reference(array[0] > 2000, "mask.nii.gz", (0.0, 255.0)) if reference else None,
        format="nifti",
        options=ReadOptions(plane="axial", volume=1),
        group="patient-7",
        notes=("Volume 1 of 3 was taken.", "Grüße, 'quoted'; --"),
    )


def make_analysis(case: Case, seed: int = 0, *, maps: bool = True) -> Analysis:
    """An analysis of `case` with seed-dependent key, arrays and numbers."""
    rng = np.random.default_rng([seed, int(case.id[:8], 16)])

    def coded(upper: float, *lead: int) -> FixedPoint:
        return FixedPoint.of(rng.random((*lead, *SHAPE)) * upper, upper)

    ln2 = float(np.log(2))
    config = AnalysisConfig(channels=(0,))
    return Analysis(
        case_id=case.id,
        prob=coded(1.0, 1),
        class_names=("lesion",),
        maps=Maps(
            predictive_entropy=coded(ln2),
            expected_entropy=coded(ln2) if maps else None,
            mutual_information=coded(ln2) if maps else None,
            variance=coded(0.25) if maps else None,
        ),
        slices=tuple(_slice(index, float(rng.random())) for index in range(SHAPE[0])),
        scores=(
            Score(key="pairwise_dice", value=float(rng.random())),
            Score(key="none", value=None, note="?"),
            Score(key="patch", value=0.5, slice=1, box=(0, 1, 2, 3)),
        ),
        made_by=MadeBy(
            key=digest({"case": case.id, "seed": seed}),
            config=config,
            app_version="0.1.0",
            weights=("ab" * 32, "cd" * 32),
            members=("fold-0", "fold-1"),
            device="cpu",
            backend="torch",
            precision="float32",
            threads=1,
            chunk=8,
            samples=2,
            channels=(0, 0, 0),
            self_check=1.1920929e-07,
            versions=(("numpy", "2.4.6"),),
            created_utc="2026-11-21T03:00:00+00:00",
            timings=(Timing(stage="prediction", seconds=0.1 + 0.2),),
            notes=("one member had no dropout",),
        ),
    )


def _slice(index: int, value: float) -> SliceSummary:
    return SliceSummary(
        index=index,
        empty=index == 1,
        scores=(Score(key="pairwise_dice", value=value), Score(key="entropy", value=float("nan"))),
        measures=(Measure(key="area", value=1 / 3), Measure(key="solidity", value=None, note="no mask")),
        components=(Component(area_px=9, box=(0, 1, 3, 4)), Component(area_px=2, box=(4, 0, 5, 2))),
    )


def bits(record: Any) -> Any:
    """Everything in a record, arrays as (dtype, shape, bytes), so that == means equal to the last bit."""
    if isinstance(record, np.ndarray):
        return record.dtype.str, record.shape, record.tobytes()
    if isinstance(record, Frozen):
        return type(record).__name__, record.model_dump_json()
    if dataclasses.is_dataclass(record):
        return type(record).__name__, {
            f.name: bits(getattr(record, f.name)) for f in dataclasses.fields(record)
        }
    if isinstance(record, tuple):
        return tuple(bits(each) for each in record)
    return type(record), repr(record)


def array_files(home: Path) -> list[Path]:
    """Every file below the arrays folder."""
    return sorted(path for path in (home / "arrays").rglob("*") if path.is_file())
