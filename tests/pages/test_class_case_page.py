"""A classified picture on the Case and Open-a-case pages: the class, its spread, and what judged it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.config import AnalysisConfig, EstimatorConfig, digest
from core.models.registry import write_record
from core.pipeline import stored_result
from core.pipeline.classify import score_classification
from core.pipeline.points import activate_point, save_operating_point
from core.pipeline.runs import keep_classification
from core.report import result_files
from core.types import (
    Case,
    Classification,
    CohortItem,
    CohortRecord,
    FixedPoint,
    MadeBy,
    Task,
)
from pages.ui.reader import Reader
from pages.ui.save import packed
from tests.core.inference.test_classifier import tiny_record
from tests.core.store.run_examples import make_cohort, make_point, make_run
from tests.pages.conftest import APP, SIZE, Bench, make_case

PAGE = "pages/case.py"
Text = Callable[[AppTest], str]
NAMES = ("normal", "bacterial", "viral")
SAMPLES = ((0.1, 0.8, 0.1), (0.1, 0.6, 0.3), (0.4, 0.4, 0.2))
"""Means: 0.2, 0.6, 0.2."""
CONFIG = AnalysisConfig(model_id="tiny", estimator=EstimatorConfig(kind="ensemble"))


@pytest.fixture
def classes(bench: Bench, home: Path) -> Bench:
    """A bench whose models folder holds a tiny classifier and a tiny finder of several findings."""
    for key, task, activation in (
        ("tiny", "classification", "softmax"), ("findings", "multilabel", "sigmoid"),
    ):  # fmt: skip
        folder = home / "models" / key
        folder.mkdir(parents=True)
        write_record(tiny_record(folder, id=key, title=key.title(), task=task, activation=activation), folder)
    return bench


def classification(
    case: Case,
    samples: tuple[tuple[float, ...], ...] = SAMPLES,
    model_id: str = "tiny",
    seed: int = 0,
) -> Classification:
    """These samples as what a classifier said, with a saliency map that rises from left to right."""
    config = AnalysisConfig(model_id=model_id, estimator=EstimatorConfig(kind="ensemble", seed=seed))
    made_by = MadeBy(
        key=digest([case.id, config.model_dump(mode="json"), samples]), config=config, app_version="test",
        weights=("0" * 64,), members=("a", "b", "c"), device="cpu", backend="torch", precision="float32",
        threads=1, chunk=1, samples=len(samples), channels=(0,), self_check=None, versions=(),
        created_utc="2026-01-02T03:04:05+00:00",
    )  # fmt: skip
    drawn = np.array(samples)
    several = model_id == "findings"
    ramp = np.tile(np.linspace(0, 1, SIZE), (1, SIZE, 1))
    return Classification(
        case_id=case.id, class_names=NAMES, multilabel=several, samples=drawn,
        saliency=FixedPoint.of(ramp, 1.0), scores=score_classification(drawn, multilabel=several),
        made_by=made_by,
    )  # fmt: skip


def keep(bench: Bench, case: Case, **changes: Any) -> Classification:
    bench.store.put_case(case)
    found = classification(case, **changes)
    bench.store.put_classification(found)
    return found


def put_reference(bench: Bench, case: Case, *labels: str, task: Task = "classification") -> None:
    """A cohort "films" that names the classes of a case."""
    item = CohortItem(position=0, case_id=case.id, name=case.name, group="p", labels=labels)
    record = CohortRecord(
        id=digest([case.id, labels]), name="films", task=task, layout="made up", class_names=NAMES, items=1,
        groups=1,
    )  # fmt: skip
    bench.store.put_cohort(record, [item])


def answer(app: AppTest) -> str:
    return next(each.value for each in app.markdown if each.value.startswith(("**Looks", "**Review")))


def test_answer_names_class_probability_spread_model_and_number_of_predictions(classes: Bench) -> None:
    case = make_case()
    keep(classes, case)
    said = answer(classes.open(PAGE, case=case.id))
    assert said.startswith(
        "**Looks consistent.** Most likely **bacterial** with a mean probability of **0.600**"
    )
    assert "(0.400–0.800 over 3 predictions)" in said
    assert "Tiny, ensemble, n = 3 predictions." in said


def test_low_confidence_asks_for_review_and_its_limit_is_changed_without_the_model(classes: Bench) -> None:
    case = make_case()
    keep(classes, case)
    app = classes.open(PAGE, case=case.id)
    app.number_input(key="limit_low-class-confidence_0").set_value(65.0).run()
    assert answer(app).startswith("**Review this case.**")
    assert "The likeliest class has a probability of 60 %, below 65 %" in answer(app).replace("\\", "")
    assert "1 limit changed" in answer(app)
    assert classes.analysed == []


def test_each_class_has_its_row_with_spread(classes: Bench) -> None:
    case = make_case()
    keep(classes, case)
    table = classes.open(PAGE, case=case.id).table[0].value
    assert table["Class"].tolist() == list(NAMES)
    row = table[table["Class"] == "bacterial"].iloc[0]
    # SD of 0.8, 0.6, 0.4 with n - 1: 0.2
    shown = [each.replace("\\", "") for each in row[["Mean", "SD", "Lowest", "Highest", "Given"]]]
    assert shown == ["0.600", "0.200", "0.400", "0.800", "yes"]


@pytest.mark.parametrize(("label", "judged"), [("bacterial", "right"), ("viral", "wrong")])
def test_reference_of_a_cohort_says_right_or_wrong(classes: Bench, label: str, judged: str) -> None:
    case = make_case()
    keep(classes, case)
    put_reference(classes, case, label)
    assert f"By the reference in films ({label}): **{judged}**." in answer(classes.open(PAGE, case=case.id))


def test_cohort_with_other_classes_judges_nothing(classes: Bench) -> None:
    case = make_case()
    keep(classes, case)
    put_reference(classes, case, "benign")
    assert "reference in" not in answer(classes.open(PAGE, case=case.id))


def test_each_finding_has_its_own_probability_against_one_half(classes: Bench) -> None:
    case = make_case()
    keep(classes, case, samples=((0.9, 0.7, 0.2), (0.7, 0.5, 0.2)), model_id="findings")
    put_reference(classes, case, "normal", "viral", task="multilabel")
    said = answer(classes.open(PAGE, case=case.id))
    assert "Found: **normal** 0.800 (0.700–0.900), **bacterial** 0.600 (0.500–0.700)." in said
    assert "(normal, viral): **1 of 3 findings right**" in said.replace("\\", "")


def test_no_finding_is_an_answer(classes: Bench) -> None:
    case = make_case()
    keep(classes, case, samples=((0.1, 0.2, 0.3), (0.1, 0.2, 0.5)), model_id="findings")
    said = answer(classes.open(PAGE, case=case.id))
    assert "None of 3 findings: the likeliest is **viral** 0.400 (0.300–0.500), below one half." in said


def test_operating_point_in_force_is_named_and_the_next_one_is_followed_at_once(classes: Bench) -> None:
    case = make_case()
    keep(classes, case)
    first, second = (
        make_point(name="Default", threshold=each, model_id="tiny", score="max_softmax")
        for each in (0.5, 0.7)
    )
    save_operating_point(classes.store, first, activate=True)
    save_operating_point(classes.store, second)
    app = classes.open(PAGE, case=case.id)
    assert answer(app).startswith("**Looks consistent.**")
    assert "Judged by the operating point **Default v1**." in answer(app)
    activate_point(classes.store, "Default v2")
    app.run()
    assert answer(app).startswith("**Review this case.**")
    assert "lies below the operating point Default v2" in answer(app)


def test_operating_point_stands_in_place_of_the_limit_and_in_the_footer(classes: Bench, text: Text) -> None:
    case = make_case()
    keep(classes, case)
    point = make_point(
        name="Default", model_id="tiny", score="max_softmax", threshold=0.5, cohort_name="films"
    )
    save_operating_point(classes.store, point, activate=True)
    app = classes.open(PAGE, case=case.id)
    assert "limit_low-class-confidence_0" not in {each.key for each in app.number_input}
    shown = text(app)
    assert "replaced by the operating point Default v1: fires below 0.500" in shown
    assert "confidence judged by the operating point Default v1; key" in shown
    assert "**Operating point:** Default v1" in shown


def test_downloads_hold_the_operating_point_and_a_picture(classes: Bench) -> None:
    case = make_case()
    found = keep(classes, case)
    point = make_point(name="Default", model_id="tiny", score="max_softmax", threshold=0.5)
    save_operating_point(classes.store, point, activate=True)
    result = stored_result(classes.store, found.key)
    assert result is not None
    picture, record = result_files(result)
    assert packed(picture) == picture
    assert picture.data.startswith(b"\x89PNG")
    assert struct.unpack(">I", picture.data[16:20])[0] >= 420
    assert json.loads(record.data)["operating_point"]["name"] == "Default"


def test_masks_and_classes_of_a_case_are_listed_together(classes: Bench, text: Text) -> None:
    case = make_case()
    mask = classes.keep(case)
    found = keep(classes, case)
    app = classes.open(PAGE, case=case.id, analysis=mask.key)
    assert "n = 1 slice" in answer(app)
    app.button(key=f"show_{found.key[:16]}").click().run()
    assert app.query_params["analysis"] == found.key
    assert "Most likely **bacterial**" in answer(app)
    assert "3 predictions of the class" in text(app)


def test_recent_cases_count_classes_as_results(classes: Bench, text: Text) -> None:
    keep(classes, make_case())
    assert "1 result; opened" in text(classes.open()).replace("\\", "")


def test_deleting_the_case_takes_its_class_along(classes: Bench, text: Text) -> None:
    case = make_case()
    found = keep(classes, case)
    app = classes.open(PAGE, case=case.id)
    app.button(key=f"delete_{case.id[:16]}").click().run()
    assert (classes.store.case(case.id), classes.store.classification(found.key)) == (None, None)
    assert "No case is selected" in text(app)


def test_classifier_is_offered_for_a_single_picture_only_and_the_page_says_why(
    classes: Bench, text: Text
) -> None:
    single, volume = make_case("one.png"), make_case("many.png", slices=3)
    for case in (single, volume):
        classes.store.put_case(case)
    offered = classes.open("pages/open_case.py", case=single.id).selectbox(key="model")
    assert "Class: Tiny" in offered.options
    app = classes.open("pages/open_case.py", case=volume.id)
    assert not [each for each in app.selectbox(key="model").options if each.startswith("Class:")]
    assert "Naming a class takes a single picture, and this case has 3 slices." in text(app)


def test_chosen_classifier_is_what_runs(classes: Bench) -> None:
    case = make_case()
    classes.store.put_case(case)
    app = classes.open("pages/open_case.py", case=case.id)
    app.selectbox(key="model").set_value("tiny").run()
    app.selectbox(key="contrast_tiny").set_value("clahe").run()
    app.button(key="analyse").click().run()
    classes.settle()
    assert [(each.model_id, each.contrast) for each in classes.analysed] == [("tiny", "clahe")]


@pytest.mark.parametrize("alone", [False, True])
def test_a_classified_picture_on_the_review_desk(classes: Bench, text: Text, alone: bool) -> None:
    case = make_case("film.png")
    found = keep(classes, case)
    cohort, items = make_cohort("films", [case], task="classification")
    classes.store.put_cohort(cohort, items)
    run = make_run(cohort).model_copy(update={"class_names": NAMES, "config": found.made_by.config})
    classes.store.put_run(run)
    keep_classification(classes.store, run, items[0], found)
    classes.store.finish_run(run.id)
    app = AppTest.from_file(str(APP), default_timeout=30)
    app.switch_page("pages/review.py")
    app.query_params["run"] = run.id
    app.session_state["review_reader"] = Reader(name="Ada", alone=alone)
    app.run()
    assert not app.exception
    said = text(app)
    assert ("The model says **" in said) == alone
    assert ("Confidence **" in said) == (not alone)
