"""The Reliability page: its states, the calibration error it names, and controls that read nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.io.tables import read_table
from core.metrics.reliability.report import reliability_report
from core.store import Store
from tests.pages.conftest import Bench
from tests.pages.many import bare_table, csv_file, import_table, nine_of_ten, outlined_run

PAGE = "pages/reliability.py"
Text = Callable[[AppTest], str]
READ_NOTHING = "Nothing was read from the store."


def open_run(bench: Bench, run: str) -> AppTest:
    app = bench.open(PAGE, run=run)
    assert not app.exception
    return app


def test_without_predictions_the_page_leads_to_the_cohorts(bench: Bench, text: Text) -> None:
    app = bench.open(PAGE)
    assert "There is nothing to judge yet" in text(app)
    assert [each.label for each in app.button] == ["Go to cohorts"]


def test_nine_tenths_stated_and_eight_came_is_off_by_ten_points(bench: Bench, text: Text) -> None:
    run = import_table(bench.store, nine_of_ten(right=8))
    shown = text(open_run(bench, run.id))
    # |0.9 - 8/10| = 0.1, and what was stated lies above what came.
    assert "are off by 10.0 points on average" in shown
    assert "**too high** overall, by 10.0 points" in shown


def test_probabilities_that_come_true_are_not_called_too_high(bench: Bench, text: Text) -> None:
    run = import_table(bench.store, nine_of_ten(right=9))
    shown = text(open_run(bench, run.id))
    assert "are off by 0 points on average" in shown
    assert "neither too high nor too low overall" in shown


def test_other_bins_give_the_number_of_the_metrics(bench: Bench, text: Text) -> None:
    file = bare_table(60)
    app = open_run(bench, import_table(bench.store, file).id)
    for bins, binning in ((15, "width"), (5, "width"), (5, "mass")):
        app.select_slider(key="bins").set_value(bins).run()
        app.segmented_control(key="binning").set_value(binning).run()
        expected = reliability_report(read_table(file), bins=bins, binning=binning).parts[0].ece.value
        assert expected is not None
        shown = re.search(r"off by ([0-9.]+) points", text(app))
        assert shown is not None
        assert float(shown[1]) == pytest.approx(100 * expected, rel=0.005)


def test_a_confidence_without_probabilities_offers_no_recalibration(bench: Bench, text: Text) -> None:
    app = open_run(bench, import_table(bench.store, bare_table(20)).id)
    assert app.selectbox(key="recalibration").options == ["none: as the model states them"]
    assert app.selectbox(key="recalibration").disabled
    assert "Not available: the table holds a confidence" in text(app)


def test_outlines_are_judged_in_four_regions_and_at_two_levels(bench: Bench, text: Text) -> None:
    app = open_run(bench, outlined_run(bench.store, 8).id)
    titles = [each.value for each in app.markdown]
    for title in ("Whole image", "Predicted foreground", "Prediction or reference", "Boundary band"):
        assert f"**{title}**" in titles
    assert app.segmented_control(key="level").value == "case"
    app.segmented_control(key="level").set_value("slice").run()
    assert not app.exception
    assert "8 slices of 4 patients" in text(app)


def test_every_recalibration_is_answered_on_the_half_it_was_not_fitted_on(bench: Bench, text: Text) -> None:
    app = open_run(bench, outlined_run(bench.store, 8).id)
    for place in range(1, 4):
        app.selectbox(key="recalibration").select_index(place).run()
        assert not app.exception
        assert "the half of the groups that nothing was fitted on" in text(app)


def test_half_done_run_says_so(bench: Bench) -> None:
    app = open_run(bench, outlined_run(bench.store, 8, done=5, failed=1).id)
    assert any("5 of 8 cases are done so far" in each.value for each in app.warning)


def test_without_any_reference_there_is_a_sentence_and_no_crash(bench: Bench, text: Text) -> None:
    # A single patient: nothing can be fitted, and there is no interval.
    file = csv_file("one.csv", "case,group,label,prob_a,prob_b", ["c1,p,a,0.9,0.1", "c2,p,a,0.8,0.2"])
    app = open_run(bench, import_table(bench.store, file).id)
    assert "fewer than two groups" in text(app)


def test_hostile_names_stay_text(bench: Bench, text: Text) -> None:
    rows = ["c1,![x](http://evil.example/a.png),0.9,0.1", "c2,=1+1,0.2,0.8"]
    file = csv_file("![x](http:evil.png)", "case,label,prob_![x](http://evil.example/a.png),prob_=1+1", rows)
    app = open_run(bench, import_table(bench.store, file, "<img src=x>").id)
    shown = text(app)
    assert "![x](http" not in shown
    assert not re.search(r"(?<!\\)<img", shown)
    assert r"\!\[x\]\(http" in shown


def test_two_thousand_cases_answer_every_control_from_one_read(
    bench: Bench, text: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = outlined_run(bench.store, 2000)
    reads: list[str] = []
    original = Store.unit_table

    def counted(self: Store, run_id: str, level: str = "case") -> object:
        reads.append(level)
        return original(self, run_id, level)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "unit_table", counted)
    app = open_run(bench, run.id)
    assert "2000 cases of 1000 patients" in text(app)
    before = json.dumps([each.value for each in app.caption])
    app.select_slider(key="bins").set_value(30).run()
    app.segmented_control(key="binning").set_value("mass").run()
    app.selectbox(key="recalibration").select_index(1).run()
    assert not app.exception
    assert json.dumps([each.value for each in app.caption]) != before
    assert reads == ["case"]
    footer = next(each.value for each in app.caption if each.value.startswith("Made from run"))
    assert footer.endswith(READ_NOTHING)
