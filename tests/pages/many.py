"""Cohorts and runs for the tests of the pages that judge many cases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.metrics.reliability.histogram import LEVELS, MIDDLE
from core.pipeline.prediction_tables import add_table
from core.store import Store
from core.types import (
    CohortItem,
    CohortRecord,
    ItemResult,
    NamedBytes,
    RunRecord,
    UnitResult,
)
from core.uncertainty import SCORES

SOME_SCORES = tuple(spec.key for spec in SCORES[:4])


def csv_file(name: str, header: str, rows: Sequence[str]) -> NamedBytes:
    """A table as somebody would upload it."""
    return NamedBytes(name, "\n".join((header, *rows)).encode())


def bare_table(units: int, name: str = "elsewhere.csv", seed: int = 0) -> NamedBytes:
    """Confidence and risk of cases of their own patients; the less confident, the riskier, with noise."""
    generator = np.random.default_rng(seed)
    risk = generator.beta(1, 6, units)
    confidence = np.clip(1 - risk + generator.normal(0, 0.1, units), 0, 1)
    rows = [f"case-{k:04d},{confidence[k]:.6f},{risk[k]:.6f}" for k in range(units)]
    return csv_file(name, "case,confidence,risk", rows)


def nine_of_ten(right: int = 8, name: str = "ten.csv") -> NamedBytes:
    """Ten cases that were all called a with a probability of 0.9; `right` of them are."""
    rows = [f"case-{k},{'a' if k < right else 'b'},0.9,0.1" for k in range(10)]
    return csv_file(name, "case,label,prob_a,prob_b", rows)


def import_table(store: Store, file: NamedBytes, name: str | None = None) -> RunRecord:
    """The run that a table becomes."""
    return add_table(store, file, name)[1]


def outlined_run(
    store: Store, units: int, *, done: int | None = None, failed: int = 0, empty: int = 0, seed: int = 0
) -> RunRecord:
    """An imported run of cases with one slice each, two cases per patient, with calibration histograms.

    Dice rises with every score. The first `empty` cases hold nothing and nothing was predicted.
    """
    cohort, run = "c" * 64, "d" * 64
    items = tuple(
        CohortItem(position=k, case_id=None, name=f"case {k:04d}", group=f"patient {k // 2:04d}")
        for k in range(units)
    )
    store.put_cohort(
        CohortRecord(
            id=cohort,
            name="Outlined",
            task="segmentation",
            layout="pairs",
            class_names=("lesion",),
            items=units,
            groups=(units + 1) // 2,
        ),
        items,
    )
    store.put_run(
        RunRecord(
            id=run,
            cohort_id=cohort,
            title="Drawn",
            source="imported",
            task="segmentation",
            class_names=("lesion",),
            config=None,
            items=units,
        )
    )
    generator = np.random.default_rng(seed)
    results = {
        k: outlined_item(generator, empty=k < empty) for k in range(units - failed if done is None else done)
    }
    for k in range(len(results), len(results) + failed):
        results[k] = ItemResult(problem="The file ends early.")
    store.put_items(run, results)
    store.finish_run(run)
    found = store.run(run)
    assert found is not None
    return found


def outlined_item(generator: np.random.Generator, *, empty: bool = False) -> ItemResult:
    """One case with its slice; Dice and scores that agree more or less."""
    dice = 1.0 if empty else float(generator.beta(5, 1.5))
    confidence = tuple(
        (key, float(np.clip(dice + generator.normal(0, 0.05 * (place + 1)), 0, 1)))
        for place, key in enumerate(SOME_SCORES)
    )
    units = tuple(
        UnitResult(
            slice=index,
            pred_empty=empty,
            ref_empty=empty,
            has_ref=True,
            confidence=confidence,
            metrics=(("dice", dice),),
        )
        for index in (-1, 0)
    )
    count = generator.poisson(0.2, (4, 1, LEVELS)).astype(np.float32)
    positive = generator.binomial(count.astype(int), MIDDLE**1.5).astype(np.float32)
    histogram = np.stack([count, count * MIDDLE, positive], axis=2).astype(np.float32)
    return ItemResult(units=units, histograms=histogram[None])
