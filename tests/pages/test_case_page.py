"""The Case page: its states, the answer, limits that decide again without the model, deleting."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.config import AnalysisConfig, EstimatorConfig
from core.io import read_case
from core.types import Analysis, Case, FixedPoint, NamedBytes, Score
from pages.ui import uploads
from tests.core.io.io_files import dicom
from tests.pages.conftest import SIZE, Bench, make_analysis, make_case

PAGE = "pages/case.py"
Text = Callable[[AppTest], str]


def test_without_a_selection_the_page_says_what_to_do_first(bench: Bench, text: Text) -> None:
    app = bench.open(PAGE)
    assert "No case is selected" in text(app)
    assert [each.label for each in app.button] == ["Open a case"]


def test_unknown_case_in_the_address_is_a_sentence_and_not_a_crash(bench: Bench, text: Text) -> None:
    app = bench.open(PAGE, case="f" * 64)
    assert "not kept here (any more)" in text(app)
    assert not app.exception


def test_malformed_address_counts_as_no_selection(bench: Bench, text: Text) -> None:
    app = bench.open(PAGE, case="<script>", analysis="../../etc/passwd")
    assert "No case is selected" in text(app)


def test_answer_names_verdict_confidence_and_number_of_slices(bench: Bench, text: Text) -> None:
    case = make_case(slices=3)
    bench.keep(case)
    app = bench.open(PAGE, case=case.id)
    answer = next(each.value for each in app.markdown if each.value.startswith("**Looks consistent.**"))
    assert "Confidence **0.750** of 1" in answer
    assert "n = 3 slices" in answer


def test_case_without_reference_says_why_there_is_no_overlap(bench: Bench, text: Text) -> None:
    case = make_case()
    bench.keep(case)
    assert "No reference mask" in text(bench.open(PAGE, case=case.id))


def test_overlap_names_the_state_of_the_empty_mask_convention(bench: Bench, text: Text) -> None:
    case = make_case(reference=True)
    bench.keep(case)
    assert "Whole case: both masks hold something" in text(bench.open(PAGE, case=case.id))


def test_undefined_number_is_a_dash_with_its_reason(bench: Bench) -> None:
    case = make_case()
    bench.keep(case)
    table = bench.open(PAGE, case=case.id).table[0].value
    undefined = table[table["Value"] == "–"]
    assert len(undefined) > 0
    assert undefined["What it says"].str.contains("not made up").all()


def test_changed_limit_decides_again_without_running_the_model(bench: Bench, text: Text) -> None:
    case = make_case()  # the disk covers 113 of 1024 pixels = 11.0 %, below the built-in limit of 12 %
    bench.keep(case)
    app = bench.open(PAGE, case=case.id)
    app.number_input(key="limit_area-large_0").set_value(5.0).run()
    assert "**Review this case.**" in text(app)
    assert "1 limit changed" in text(app)
    assert bench.analysed == []


def test_reset_brings_back_the_limits_of_the_model(bench: Bench, text: Text) -> None:
    case = make_case()
    bench.keep(case)
    app = bench.open(PAGE, case=case.id)
    app.number_input(key="limit_area-large_0").set_value(5.0).run()
    app.button(key="limits_reset").click().run()
    assert "**Looks consistent.**" in text(app)
    assert "limits" not in app.query_params


def test_changed_limits_travel_in_the_address(bench: Bench, text: Text) -> None:
    case = make_case()
    bench.keep(case)
    app = bench.open(PAGE, case=case.id, limits="area-large_0.05")
    assert "**Review this case.**" in text(app)


def test_impossible_limit_in_the_address_is_left_out(bench: Bench, text: Text) -> None:
    case = make_case()
    bench.keep(case)
    app = bench.open(PAGE, case=case.id, limits="area-large_7~no-such-rule_1~solidity_.")
    assert "**Looks consistent.**" in text(app)


def test_rule_that_is_off_by_default_says_why_and_can_be_switched_on(bench: Bench) -> None:
    case = make_case()
    bench.keep(case)
    app = bench.open(PAGE, case=case.id)
    switch = app.toggle(key="active_midline_0")
    assert not switch.value
    assert "Off unless switched on" in app.number_input(key="limit_midline_0").help
    switch.set_value(True).run()
    assert app.query_params["limits"] == "midline_on"
    assert app.toggle(key="active_midline_0").value
    app.toggle(key="active_midline_0").set_value(False).run()
    assert not app.query_params.get("limits")


def test_switched_off_rule_asks_for_no_review(bench: Bench, text: Text) -> None:
    case = make_case()
    bench.keep(case)
    app = bench.open(PAGE, case=case.id, limits="area-large_0.05")
    app.toggle(key="active_area-large_0").set_value(False).run()
    assert "**Looks consistent.**" in text(app)


def test_earlier_result_can_be_shown_again(bench: Bench, text: Text) -> None:
    case = make_case()
    first = bench.keep(case, AnalysisConfig(estimator=EstimatorConfig(kind="point")))
    second = bench.keep(case, AnalysisConfig(estimator=EstimatorConfig(kind="tta")))
    app = bench.open(PAGE, case=case.id, analysis=second.key)
    app.button(key=f"show_{first.key[:16]}").click().run()
    assert app.query_params["analysis"] == first.key
    assert "single answer" in text(app)


def test_other_settings_start_a_job_and_select_its_result(bench: Bench) -> None:
    case = make_case()
    bench.keep(case)
    app = bench.open(PAGE, case=case.id)
    app.selectbox(key="estimator").set_value("tta").run()
    app.button(key="analyse").click().run()
    bench.settle()
    app.run()
    assert [config.estimator.kind for config in bench.analysed] == ["tta"]
    assert "job" not in app.query_params


def test_delete_takes_the_case_with_everything_derived_from_it(bench: Bench, text: Text) -> None:
    case = make_case()
    analysis = bench.keep(case)
    app = bench.open(PAGE, case=case.id)
    app.button(key=f"delete_{case.id[:16]}").click().run()
    assert (bench.store.case(case.id), bench.store.analysis(analysis.key)) == (None, None)
    assert "No case is selected" in text(app)
    assert "case" not in app.query_params


def test_hostile_name_is_never_shown_as_markup(bench: Bench, text: Text) -> None:
    case = make_case(name="![x](http://evil.example/a.png)<img src=x>.png")
    bench.keep(case)
    shown = text(bench.open(PAGE, case=case.id))
    assert "![x](" not in shown
    assert "<img" not in shown.replace("\\<", "")
    assert r"\!\[x\]\(http\:" in shown


def test_page_names_what_made_the_result(bench: Bench, text: Text) -> None:
    case = make_case()
    analysis = bench.keep(case)
    shown = text(bench.open(PAGE, case=case.id))
    assert analysis.key in shown
    assert "Made by lgg\\-unet" in shown


def test_dicom_segmentation_is_offered_while_the_original_files_are_at_hand(bench: Bench, text: Text) -> None:
    def menu() -> None:
        import streamlit as st

        from core.pipeline import stored_result
        from pages.ui import downloads, resources

        downloads._segmentation(stored_result(resources.store(), st.session_state["analysis"]))

    tags = {"StudyInstanceUID": "1.2.4", "FrameOfReferenceUID": "1.2.6"}
    pixels = np.arange(SIZE * SIZE, dtype=np.uint16).reshape(SIZE, SIZE)
    files = tuple(
        NamedBytes(f"{z}.dcm", dicom(pixels, (0.0, 0.0, 2.0 * z), InstanceNumber=z + 1, **tags))
        for z in range(2)
    )
    case = read_case(files)
    app = AppTest.from_function(menu)
    app.session_state["analysis"] = bench.keep(case).key
    assert "upload the original files again" in text(app.run())
    app.session_state["read_source"] = (case.id, uploads.Source(files, ()))
    app.run()
    app.button(key="dicom_seg").click().run()
    assert not app.exception
    assert "patient's name" in text(app)


def test_result_without_a_quality_network_offers_no_map_of_doubt(bench: Bench) -> None:
    case = make_case()
    bench.keep(case)
    assert "doubt_on" not in {each.key for each in bench.open(PAGE, case=case.id).toggle}


def test_map_of_doubt_is_made_once_and_only_when_asked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, made = make_case(), []

    def doubt_map(case: Case, analysis: Analysis) -> FixedPoint:
        made.append(analysis.key)
        return FixedPoint.of(np.full(case.image.values.shape[1:], 0.5, np.float32), 1.0)

    monkeypatch.setattr("pages.ui.doubt.doubt_map", doubt_map)
    plain = make_analysis(case)
    bench.store.put_case(case)
    bench.store.put_analysis(replace(plain, scores=(*plain.scores, Score(key="quality", value=0.2))))
    app = bench.open(PAGE, case=case.id)
    assert made == []
    for _ in range(2):
        app.toggle(key="doubt_on").set_value(True).run()
        bench.settle()
    app.run()
    assert made == [plain.key]
    assert not app.exception
