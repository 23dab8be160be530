"""The Stress lab and the Sweeps page: what is chosen, what is said, and what is said to be stale."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.config import AnalysisConfig, CorruptionConfig
from core.corruptions import corrupt
from core.detector import built_in_limits, decide
from core.metrics import overlap_report
from core.pipeline import Outcome
from core.pipeline import sweeps as sweep_module
from core.pipeline.stress import Stressed
from core.store import Store
from core.types import Analysis, Case, CohortItem, CohortRecord, FixedPoint, Progress, SliceSummary
from pages.ui import lab_work, ready, sweep_form
from tests.pages.conftest import Bench, make_analysis, make_case

STRESS, SWEEPS = "pages/stress.py", "pages/sweeps.py"

Words = Callable[[AppTest], str]


def shaky(
    store: Store, case: Case, config: AnalysisConfig, *, progress: Progress = lambda s, w: None
) -> Stressed:
    """The picture itself as the mask; the confidence falls with the severity, and Dice from severity 3 on."""
    corruption = config.corruption or CorruptionConfig()
    corrupted = corrupt(case.image, corruption, case.id)
    severity = max((step.severity for step in corruption.steps), default=0.0)
    analysis = weakened(make_analysis(case, config), severity)
    progress(0.5, "Half way")
    limits = built_in_limits()
    verdict = decide(analysis.slices, limits, analysis.scores)
    overlap = overlap_report(analysis.mask_pred > 0, case.reference.mask_ref) if case.reference else None
    shown = replace(case, image=corrupted.image)
    return Stressed(
        case, shown, corrupted, None, Outcome(shown, analysis, limits, verdict, overlap, False, 0.1), 0.1
    )


def weakened(analysis: Analysis, severity: float) -> Analysis:
    confidence = 0.95 - 0.15 * severity
    scores = tuple(
        each.model_copy(update={"value": confidence if place == 0 else each.value})
        for place, each in enumerate(analysis.scores)
    )
    codes = analysis.prob.codes.copy()
    if severity >= 3.0:
        codes[..., :14, :] = 0
    slices = tuple(SliceSummary(**{**dict(each), "scores": scores}) for each in analysis.slices)
    return replace(analysis, prob=FixedPoint(codes, 1.0), scores=scores, slices=slices)


@pytest.fixture
def lab(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(lab_work, "stress", shaky)
    return bench


def opened(lab: Bench, case: Case, **address: str) -> AppTest:
    lab.store.put_case(case)
    return lab.open(STRESS, case=case.id, **address)


def answer(app: AppTest) -> str:
    return next(each.value for each in app.markdown if each.value.startswith("**With "))


def test_without_a_case_it_says_what_to_do_first(lab: Bench, text: Words) -> None:
    app = lab.open(STRESS)
    assert "No case is selected" in text(app)
    assert not app.exception


def test_severity_moves_answer_confidence_and_dice(lab: Bench) -> None:
    app = opened(lab, make_case(reference=True), corruption="Gaussian noise", severity="1")
    assert answer(app).startswith("**With gaussian noise 1: ")
    assert "Confidence **0.800**" in answer(app) and "Dice **1.00**" in answer(app)
    app.select_slider(key="severity").set_value(4.0).run()
    assert answer(app).startswith("**With gaussian noise 4: Review this case.**")
    assert "Confidence **0.350**" in answer(app) and "Dice **1.00**" not in answer(app)
    assert not app.exception


def test_alarm_is_told_once_all_severities_are_known(lab: Bench) -> None:
    app = opened(lab, make_case(reference=True), corruption="Gaussian noise", severity="1")
    lab.settle()
    app.run()
    assert "severities are known" not in answer(app)
    # 0.95 - 0.15 x 3.5 = 0.425 is the first confidence below the limit 0.5; Dice falls at 3.
    assert ":red-badge[Late alarm]" in answer(app)
    assert "The quality is lost at 3, and the verdict turns to review only at 3.5." in answer(app)


def test_choices_stand_in_the_address_and_are_taken_from_it(lab: Bench, text: Words) -> None:
    app = opened(lab, make_case(), corruption="K-space spike", severity="2.5", lab_seed="7", second="Speckle")
    assert "k-space spike 2.5, then speckle 2" in answer(app)
    assert "user seed 7" in text(app)
    app.selectbox(key="corruption").set_value("gibbs").run()
    assert "gibbs ringing 2.5, then speckle 2" in answer(app)


def test_earlier_severity_is_shown_as_such_while_another_is_computed(
    lab: Bench, monkeypatch: pytest.MonkeyPatch, text: Words
) -> None:
    app = opened(lab, make_case(), corruption="Gaussian noise", severity="1")
    lab.settle()
    go_on = threading.Event()

    def slow(store: Store, case: Case, config: AnalysisConfig, *, progress: Progress) -> Stressed:
        go_on.wait(20)
        return shaky(store, case, config, progress=progress)

    monkeypatch.setattr(lab_work, "stress", slow)
    monkeypatch.setattr(ready, "AT_ONCE_SECONDS", 0.0)
    app.number_input(key="lab_seed").set_value(1).run()
    assert "Working out what gaussian noise 1 would have done" in text(app), (
        "another seed is no stale severity"
    )
    go_on.set()
    lab.settle()
    app.run()
    assert answer(app).startswith("**With gaussian noise 1")


def test_two_cases_never_share_an_answer(lab: Bench) -> None:
    first, second = make_case("one.png", reference=True), make_case("two.png", seed=1)
    app = opened(lab, first, corruption="Gaussian noise", severity="1")
    assert "Dice" in answer(app)
    other = opened(lab, second, corruption="Gaussian noise", severity="1")
    assert "Dice" not in answer(other)


def test_deleted_case_leaves_no_answer_in_memory(lab: Bench) -> None:
    case = make_case()
    opened(lab, case)
    memory = lab_work._memory()
    assert memory.answers.weight > 0
    lab.store.delete_case(case.id)
    lab_work.outcomes.forget()
    assert lab_work._memory() is not memory
    assert lab_work._memory().answers.weight == 0


def cohort(store: Store, cases: list[Case]) -> CohortRecord:
    for case in cases:
        store.put_case(case)
    items = [
        CohortItem(position=k, case_id=case.id, name=case.name, group=f"patient {k}")
        for k, case in enumerate(cases)
    ]
    record = CohortRecord(
        id="c" * 64, name="ward", task="segmentation", layout="made up", class_names=("lesion",),
        items=len(items), groups=len(items),
    )  # fmt: skip
    store.put_cohort(record, items)
    return record


def test_sweep_is_started_and_its_worst_corruption_stands_first(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, text: Words
) -> None:
    monkeypatch.setattr(sweep_module, "stress", shaky)
    monkeypatch.setattr(sweep_module, "prepare", lambda store, config: None)
    monkeypatch.setattr(sweep_form, "chosen_keys", lambda groups: ("gaussian_noise",))
    cohort(bench.store, [make_case(f"{k}.png", reference=True, seed=k) for k in range(3)])
    app = bench.open(SWEEPS)
    assert "Nothing has been swept on **ward** yet" in text(app)
    app.button(key="start_sweep").click().run()
    bench.settle()
    app.run()
    bench.settle()
    app.run()
    shown = text(app)
    assert not app.exception
    assert "**Gaussian noise hurts most**: at severity 5 the mean Dice falls from 1.00" in shown
    assert "3 units (case) of 3 patients" in shown
    table = app.dataframe[0].value
    assert set(table["Corruption"]) == {"Clean pictures", "Gaussian noise"}
    assert np.isclose(float(table[table["Number"] == "Confidence"]["Value"].iloc[0].split()[0]), 0.95)


def test_sweeps_page_without_a_cohort_says_what_to_do_first(bench: Bench, text: Words) -> None:
    assert "There is no cohort yet" in text(bench.open(SWEEPS))


def test_groups_and_other_data_ask_for_runs_first(bench: Bench, text: Words) -> None:
    groups = bench.open(SWEEPS, sweeps_view="Groups of cases")
    assert "There is nothing to judge yet" in text(groups)
    shift = bench.open(SWEEPS, sweeps_view="Other data")
    assert "at least two cohorts" in text(shift)
    assert not groups.exception and not shift.exception


def test_mitigations_are_tried_and_told_with_sign_and_word(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, text: Words
) -> None:
    from core.pipeline.mitigations import GainRow
    from core.types import Estimate
    from pages.ui import mitigations

    asked: list[object] = []

    def tried(store: Store, cohort_id: str, model: str, step: object, keys: object, *, progress: Progress):  # type: ignore[no-untyped-def]
        asked.append((cohort_id, model, step, keys))
        value, zero = Estimate(value=0.6, low=0.5, high=0.7), Estimate(value=0.0, low=-0.1, high=0.1)
        gain = Estimate(value=0.1, low=0.05, high=0.15)
        common = {"corruption": "spike", "severity": 3.0, "better": "Dice", "before": value, "after": value,
                  "time_ratio": None, "coverage": None, "units": 3, "patients": 3}  # fmt: skip
        return (
            GainRow(mitigation="clahe", gain=gain, verdict="helped", **common),
            GainRow(mitigation="fill_holes", gain=zero, verdict="did not help", **common),
        )

    monkeypatch.setattr(mitigations, "mitigate", tried)
    app = bench.open("pages/mitigations.py")
    assert "Add one first" in text(app)
    cohort(bench.store, [make_case(f"{k}.png", reference=True, seed=k) for k in range(3)])
    app = bench.open("pages/mitigations.py")
    app.selectbox(key="mitigate_corruption").set_value("spike").run()
    app.button(key="mitigate_try").click().run()
    assert not app.exception
    assert "**1 mitigation of 2 helped** under k-space spike 3, ward: Local contrast (CLAHE)." in text(app)
    assert "Holes filled did not help" in text(app)
    app.select_slider(key="mitigate_severity").set_value(4.0).run()
    assert "The choices above were changed since" in text(app)
    assert len(asked) == 1
