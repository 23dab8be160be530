"""A toy model and a cohort of small pictures; run as a script it is killed in the middle of a run."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np

from core.config import AnalysisConfig, ReadOptions, digest
from core.models import ModelRecord
from core.models.registry import write_record
from core.pipeline import runs
from core.store import Store, StoreSettings
from core.types import Case, CohortItem, CohortRecord, Geometry, Image, Reference, Task

CONFIG = AnalysisConfig(model_id="tiny", device="cpu", backend="torch")
SETTINGS = StoreSettings(min_free_bytes=0)
FOLDS = (("p0",), ("p1",), ("p2",))
LEFT_OUT = ((0,), (0, 1), ())
"""Folds that each of the three networks never saw: two for p0, one for p1, none for p2."""


def write_model(home: Path, made: ModelRecord, *, folds: bool = False) -> ModelRecord:
    """The three tiny networks among the user's own models, with or without folds."""
    folder = home / "models" / "tiny"
    shutil.copytree(made.folder, folder)
    record = made
    if folds:
        members = tuple(
            each.model_copy(update={"left_out_folds": left})
            for each, left in zip(record.members, LEFT_OUT, strict=True)
        )
        record = record.model_copy(update={"folds": FOLDS, "members": members})
    write_record(record, folder)
    return record


def make_case(number: int, slices: int = 1, *, channels: int = 3, reference: bool = True) -> Case:
    """Noise of so many 24 x 32 slices with a drawn box."""
    shape = (slices, 24, 32)
    values = np.random.default_rng(number).random((channels, *shape), dtype=np.float32)
    mask = np.zeros(shape, np.bool_)
    mask[:, 4 : 12 + number, 6:20] = number % 3 > 0
    geometry = Geometry(None, None, "unknown", "assumed", None, shape, (0, 1, 2), (False,) * 3)
    return Case(
        id=digest(["toy", number, slices, channels]),
        name=f"case-{number}",
        image=Image(values, geometry, tuple("abc")[:channels], None, "float32", (0.0, 1.0)),
        reference=Reference(mask, "mask", (0.0, 1.0)) if reference else None,
        format="synthetic",
        options=ReadOptions(),
    )


def put_cohort(
    store: Store,
    cases: list[Case],
    groups: tuple[str, ...] = (),
    labels: tuple[str, ...] = (),
    task: Task = "segmentation",
) -> CohortRecord:
    """Keep these cases as the cohort "toys"; each is a patient of its own unless groups are given.

    labels: the class of each case, "" where it is unknown.
    """
    for case in cases:
        store.put_case(case)
    items = [
        CohortItem(
            position=k,
            case_id=case.id,
            name=case.name,
            group=groups[k] if groups else case.name,
            labels=(labels[k],) if labels and labels[k] else None,
        )
        for k, case in enumerate(cases)
    ]
    record = CohortRecord(
        id=digest([each.id for each in cases]),
        name="toys",
        task=task,
        layout="made up",
        class_names=("lesion",),
        items=len(items),
        groups=len(items),
    )
    store.put_cohort(record, items)
    return record


def run_until_killed(home: Path, case: int) -> None:
    """Go on until a network is asked for the case-th time, then die without a chance to tidy up."""
    from core.pipeline import case as one_case

    compute, asked = one_case.compute_analysis, []

    def counted(*args: object) -> object:
        asked.append(1)
        sys.stdout.write(f"{len(asked)}\n")
        sys.stdout.flush()
        if len(asked) == case:
            os.kill(os.getpid(), signal.SIGKILL)
        return compute(*args)  # type: ignore[arg-type]

    one_case.compute_analysis = counted  # type: ignore[assignment]
    with Store.open(home, settings=SETTINGS) as store:
        runs.run_cohort(store, store.cohorts()[0].id, CONFIG)


if __name__ == "__main__":
    run_until_killed(Path(sys.argv[1]), int(sys.argv[2]))
