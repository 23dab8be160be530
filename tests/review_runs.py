"""A run of small analysed cases to be reviewed: pictures, outlines and confidences that differ."""

from __future__ import annotations

from dataclasses import replace

from core.pipeline.runs import keep_result
from core.store import Store
from core.types import RunRecord
from tests.core.store.run_examples import make_cohort, make_run
from tests.pages.conftest import make_analysis, make_case


def put_run(store: Store, count: int, *, lowest: float = 0.3) -> RunRecord:
    """`count` cases, two to a patient; the confidence falls from 0.95 to `lowest` along the cohort.

    Those below 0.5 ask for a review; the others are consistent.
    """
    cases = [make_case(f"scan-{k:04d}.png", slices=3, reference=True, seed=k) for k in range(count)]
    cohort, items = make_cohort("Ward", cases)
    store.put_cohort(cohort, items)
    run = make_run(cohort)
    store.put_run(run)
    for k, (case, item) in enumerate(zip(cases, items, strict=True)):
        store.put_case(case)
        made = make_analysis(case)
        value = 0.95 - (0.95 - lowest) * k / max(count - 1, 1)
        scores = (made.scores[0].model_copy(update={"value": value}), *made.scores[1:])
        slices = tuple(each.model_copy(update={"scores": scores}) for each in made.slices)
        analysis = replace(made, scores=scores, slices=slices)
        store.put_analysis(analysis)
        keep_result(store, run, item, case, analysis)
    store.finish_run(run.id)
    found = store.run(run.id)
    assert found is not None
    return found
