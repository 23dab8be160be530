"""A tiny bag model among the user's own, and volumes for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.config import AnalysisConfig, EstimatorConfig, EstimatorKind, ReadOptions, digest
from core.models.mil_records import BagRecord
from core.types import Case, Geometry, Image, Reference
from tests.core.inference.test_bag_predictor import bag_record

MODEL = "toy-slabs"


def put_bag_model(home: Path, model_id: str = MODEL, **changes: Any) -> BagRecord:
    """The tiny model of two networks and slabs of four slices."""
    (home / "models").mkdir(exist_ok=True)
    return bag_record(home / "models" / model_id, **changes)


def settings(kind: EstimatorKind = "ensemble", model_id: str = MODEL) -> AnalysisConfig:
    return AnalysisConfig(model_id=model_id, estimator=EstimatorConfig(kind=kind, samples=5), device="cpu")


def make_volume(seed: int = 0, slices: int = 7, bare: tuple[int, ...] = (), marked: tuple[int, ...] = (),
                reference: bool = True) -> Case:  # fmt: skip
    """Noise in three channels. bare: slices that hold nothing. marked: slices with a drawn box."""
    shape = (slices, 40, 30)
    values = 0.3 + np.random.default_rng(seed).random((3, *shape), dtype=np.float32)
    values[:, list(bare)] = 0.0
    mask = np.zeros(shape, np.bool_)
    mask[list(marked), 4:12, 6:20] = True
    grid = Geometry(None, None, "axial", "assumed", None, shape, (0, 1, 2), (False, False, False))
    return Case(
        id=digest(["bag toy", seed, slices, bare, marked, reference]),
        name=f"volume-{seed}",
        image=Image(values, grid, ("a", "b", "c"), "MR", "float32", (0.0, 1.3)),
        reference=Reference(mask, "mask", (0.0, 1.0)) if reference else None,
        format="synthetic",
        options=ReadOptions(),
    )
