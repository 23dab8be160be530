"""Small cohorts, runs and results to keep."""

from __future__ import annotations

import numpy as np

from core.config import AnalysisConfig, digest
from core.store import Store
from core.types import (
    Case,
    CohortItem,
    CohortRecord,
    Estimate,
    ItemResult,
    OperatingPoint,
    RiskConventions,
    RunRecord,
    Task,
    UnitResult,
)

HISTOGRAM = (4, 1, 3, 5)
"""(region, class, 3, level) of a made-up histogram."""


def make_cohort(
    name: str, cases: list[Case], task: Task = "segmentation"
) -> tuple[CohortRecord, list[CohortItem]]:
    """A cohort of these cases in order; two in a row belong to one patient."""
    items = [
        CohortItem(
            position=k,
            case_id=case.id,
            name=case.name,
            group=f"patient-{k // 2}",
            labels=("sick",) if k % 2 else ("healthy",),
        )
        for k, case in enumerate(cases)
    ]
    record = CohortRecord(
        id=digest([name, [each.name for each in items]]),
        name=name,
        task=task,
        layout="made up",
        class_names=("lesion",) if task == "segmentation" else ("healthy", "sick"),
        items=len(items),
        groups=(len(items) + 1) // 2,
    )
    return record, items


def make_run(cohort: CohortRecord, title: str = "Tiny, ensemble") -> RunRecord:
    return RunRecord(
        id=digest([cohort.id, title]),
        cohort_id=cohort.id,
        title=title,
        source="model",
        task=cohort.task,
        class_names=cohort.class_names,
        config=AnalysisConfig(members=(0, 2)),
        items=cohort.items,
    )


def make_result(seed: int, slices: int = 2) -> ItemResult:
    """A segmented case of some slices; its numbers come from the seed, one score is undefined."""
    rng = np.random.default_rng(seed)

    def unit(index: int) -> UnitResult:
        return UnitResult(
            slice=index,
            pred_empty=bool(rng.random() < 0.5),
            ref_empty=bool(rng.random() < 0.5),
            has_ref=True,
            confidence=(("agreement", float(rng.random())), ("entropy", float("nan"))),
            metrics=(("dice", float(rng.random())),),
        )

    return ItemResult(
        analysis_key=digest(seed),
        seconds=0.1 + 0.2,
        units=tuple(unit(index) for index in range(-1, slices)),
        histograms=rng.integers(0, 1000, (slices, *HISTOGRAM)).astype(np.float32),
    )


def filled(store: Store, cases: list[Case], name: str = "ward") -> tuple[RunRecord, list[ItemResult]]:
    """A stored run over these cases whose items are done; the results by position."""
    for case in cases:
        store.put_case(case)
    record, items = make_cohort(name, cases)
    store.put_cohort(record, items)
    run = make_run(record)
    store.put_run(run)
    results = [make_result(k, slices=1 + k % 3) for k in range(len(cases))]
    for position, result in enumerate(results):
        assert store.put_item(run.id, position, result)
    return run, results


NAMED = Estimate(value=0.1, low=0.05, high=0.2)


def make_point(**changes: object) -> OperatingPoint:
    """A point of the default model, chosen for a risk of at most 5 %."""
    point = OperatingPoint(
        id="", name="ward", version=1, run_id="r", cohort_id="c", cohort_name="LGG", model_id="lgg-unet",
        estimator="ensemble", score="agreement", threshold=0.75, target="risk", target_value=0.05,
        conventions=RiskConventions(), coverage=NAMED, selective_risk=NAMED, undetected=NAMED, bound=None,
        bound_level=None, n_fit=8, n_report=9, groups_fit=4, groups_report=5,
    )  # fmt: skip
    return point.model_copy(update=changes)
