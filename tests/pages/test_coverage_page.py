"""The Risk and coverage page: answers from one table in memory, lists, operating points, files."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.config import AnalysisConfig
from core.metrics.selective.coverage_report import prepare_score
from core.metrics.selective.risk import risk_of
from core.pipeline.points import active_points
from core.pipeline.runs import unit_table
from core.report.csv_table import csv_text
from core.store import Store
from core.types import RiskConventions, RunRecord
from core.view.words import number
from pages.ui import tables
from pages.ui.coverage_curve import selected_range
from tests.pages.conftest import Bench
from tests.pages.many import (
    SOME_SCORES,
    bare_table,
    csv_file,
    import_table,
    nine_of_ten,
    outlined_item,
    outlined_run,
)

PAGE = "pages/coverage.py"
Text = Callable[[AppTest], str]
READ_NOTHING = "Nothing was read from the store."


def open_run(bench: Bench, run: RunRecord) -> AppTest:
    app = bench.open(PAGE, run=run.id)
    assert not app.exception
    return app


def threshold(app: AppTest) -> float:
    """The threshold that the page names."""
    found = re.search(
        r"confidence below ([0-9.]+)\*{0,2} are reviewed", "\n".join(each.value for each in app.markdown)
    )
    assert found is not None
    return float(found[1])


def plain(cell: str) -> str:
    """A cell of a small table without the signs that keep Markdown from reading it."""
    return cell.replace("\\", "")


def expected_threshold(bench: Bench, run: RunRecord, score: str, risk: float) -> float:
    """The same, straight from the metrics."""
    table = unit_table(bench.store, run.id)
    prepared = prepare_score(table, risk_of(table, RiskConventions()), score, seed=0, replicates=0)
    assert prepared is not None
    found = prepared.at_risk(risk).threshold
    assert found is not None
    return found


def test_without_predictions_the_page_leads_to_the_cohorts(bench: Bench, text: Text) -> None:
    app = bench.open(PAGE)
    assert "There is nothing to judge yet" in text(app)
    assert [each.label for each in app.button] == ["Go to cohorts"]


def test_target_risk_gives_the_threshold_of_the_metrics_at_every_move(bench: Bench) -> None:
    run = import_table(bench.store, bare_table(200))
    app = open_run(bench, run)
    app.segmented_control(key="target").set_value("risk").run()
    for per_cent in (12.0, 8.0):
        app.slider(key="target_risk").set_value(per_cent).run()
        assert not app.exception
        expected = expected_threshold(bench, run, "confidence", per_cent / 100)
        assert threshold(app) == float(number(expected))


def test_impossible_target_says_why(bench: Bench, text: Text) -> None:
    app = open_run(bench, import_table(bench.store, bare_table(40)))
    app.segmented_control(key="target").set_value("risk").run()
    app.slider(key="target_risk").set_value(0.0).run()
    assert "No threshold does that" in text(app)
    assert not app.exception


def test_wrong_classes_are_counted_as_wrong_answers(bench: Bench, text: Text) -> None:
    app = open_run(bench, import_table(bench.store, nine_of_ten()))
    assert "wrong answers per 100 cases undetected" in text(app)


def test_conventions_change_the_risk_and_the_cases_that_count(bench: Bench, text: Text) -> None:
    app = open_run(bench, outlined_run(bench.store, 40, empty=10))
    assert "40 cases" in text(app)
    table = app.table[0].value
    chosen = table[table["Convention"] == "as chosen"].iloc[0]
    left_out = table[table["Convention"] == "empty masks left out"].iloc[0]
    assert (chosen["n"], left_out["n"]) == ("40", "30")
    # Ten cases of risk 0 leave, so the mean risk of the rest is 4/3 of what it was.
    assert float(plain(left_out["Mean risk"])) == pytest.approx(
        4 / 3 * float(plain(chosen["Mean risk"])), rel=0.01
    )
    app.radio(key="empty").set_value("left out").run()
    assert app.table[0].value.iloc[0]["n"] == "30"
    app.radio(key="risk").set_value("failure").run()
    assert "failures per 100 cases undetected" in text(app)


def test_another_score_decides_with_its_own_threshold(bench: Bench) -> None:
    run = outlined_run(bench.store, 60)
    app = open_run(bench, run)
    app.segmented_control(key="target").set_value("risk").run()
    app.slider(key="target_risk").set_value(15.0).run()
    for score in SOME_SCORES[1:3]:
        app.selectbox(key="score").set_value(score).run()
        assert threshold(app) == float(number(expected_threshold(bench, run, score, 0.15)))


def test_cases_below_the_threshold_are_listed_least_confident_first(bench: Bench) -> None:
    run = import_table(bench.store, bare_table(100))
    app = open_run(bench, run)
    listed = app.dataframe[0].value
    values = unit_table(bench.store, run.id).confidence["confidence"]
    below = np.sort(values[values < threshold(app) - 0.0005])
    assert listed["Confidence"].tolist()[: below.size] == pytest.approx(below.tolist())
    assert app.button(key="open_flagged").disabled


def test_selected_points_become_a_range_of_confidence() -> None:
    points = [{"customdata": ["0.5"]}, {"customdata": ["0.25"]}, {"customdata": ["nan"]}, {"x": 1.0}]
    assert selected_range(points) == (0.25, 0.5)
    assert selected_range([{"x": 1.0}]) is None


def test_single_slices_can_be_counted_instead_of_cases(bench: Bench, text: Text) -> None:
    app = open_run(bench, outlined_run(bench.store, 12))
    app.segmented_control(key="level").set_value("slice").run()
    assert not app.exception
    assert "12 slices of 6 patients" in text(app)


def test_imported_threshold_is_saved_and_listed_but_not_put_in_force(bench: Bench, text: Text) -> None:
    app = open_run(bench, import_table(bench.store, bare_table(40)))
    assert app.checkbox(key="point_active").disabled
    app.text_input(key="point_name").set_value("Night shift").run()
    app.button(key="save_point").click().run()
    assert not app.exception
    assert "**Night shift v1**" in text(app)
    app.button(key="save_point").click().run()
    saved = bench.store.operating_points()
    assert len({each.label for each in saved}) == len(saved)
    assert active_points(bench.store) == ()


def test_threshold_of_a_model_is_put_in_force_and_taken_out(bench: Bench, text: Text) -> None:
    made = outlined_run(bench.store, 40)
    run = made.model_copy(update={"id": "e" * 64, "source": "model", "config": AnalysisConfig()})
    bench.store.put_run(run)
    generator = np.random.default_rng(1)
    bench.store.put_items(run.id, {k: outlined_item(generator) for k in range(40)})
    app = open_run(bench, run)
    app.button(key="save_point").click().run()
    assert ":green-badge[in force]" in text(app)
    (point,) = active_points(bench.store)
    assert (point.name, point.model_id, point.target) == ("Default", AnalysisConfig().model_id, "coverage")
    assert point.threshold == pytest.approx(threshold(app), rel=0.005)
    app.button(key=f"use_{point.id[:16]}").click().run()
    assert active_points(bench.store) == ()


def test_two_runs_that_are_called_the_same_are_told_apart(bench: Bench) -> None:
    # The browser sends back the words of an option, so equal words would lead to the other run.
    made = outlined_run(bench.store, 12)
    other = made.model_copy(update={"id": "e" * 64})
    bench.store.put_run(other)
    generator = np.random.default_rng(1)
    bench.store.put_items(other.id, {k: outlined_item(generator) for k in range(12)})
    app = open_run(bench, other)
    assert app.run().selectbox(key="pick_run").value == other.id
    app.selectbox(key="pick_run").set_value(made.id).run()
    assert app.run().selectbox(key="pick_run").value == made.id


def test_guarantees_name_their_assumptions_or_why_not(bench: Bench, text: Text) -> None:
    app = open_run(bench, outlined_run(bench.store, 8))
    shown = text(app)
    assert "drawn alike and independently" in shown
    assert "not possible with so few cases" in shown
    assert "How far must the mask of lesion grow" in shown


def test_numbers_are_drawn_when_they_are_opened_and_told_with_intervals(bench: Bench) -> None:
    run = import_table(bench.store, bare_table(60))
    app = open_run(bench, run)
    assert [each.title for each in bench.readers.recent()] == []
    app.session_state["numbers"] = True
    app.run()
    assert not app.exception
    assert [each.title for each in bench.readers.recent()] == ["Drawing patients for the intervals"]
    areas = app.table[len(app.table) - 1].value
    assert re.fullmatch(r"0\.[0-9]+ \[0\.[0-9]+–0\.[0-9]+\]", plain(areas["AUGRC"][0]))


def test_half_done_run_says_so(bench: Bench) -> None:
    app = open_run(bench, outlined_run(bench.store, 20, done=15, failed=1))
    assert any("15 of 20 cases are done so far" in each.value for each in app.warning)


def test_hostile_names_stay_text(bench: Bench, text: Text) -> None:
    name = "![x](http://evil.example/a.png)"
    rows = [f"{name}{k},=1+{k},0.{k}5,{1 - k / 10:.2f}" for k in range(10)]
    file = csv_file("a.csv", "case,group,confidence,risk", rows)
    app = open_run(bench, import_table(bench.store, file, "<img src=x onerror=alert(1)>"))
    app.slider(key="target_coverage").set_value(40.0).run()
    shown = text(app)
    assert "![x](http" not in shown
    assert not re.search(r"(?<!\\)<img", shown)
    # A table cell is no Markdown: there the name stands as it is.
    assert app.dataframe[0].value["Case"][0].startswith("![x]")


def test_files_to_take_along_hold_no_formula_and_what_is_on_screen(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: dict[str, tuple[dict[str, object], str]] = {}
    original = tables.downloads

    def kept(stem: str, record: dict[str, object], rows: list[dict[str, object]]) -> None:
        taken[stem] = (json.loads(json.dumps(record)), csv_text(rows))
        original(stem, record, rows)

    monkeypatch.setattr(tables, "downloads", kept)
    run = import_table(bench.store, bare_table(40))
    app = open_run(bench, run)
    app.session_state["numbers"] = True
    app.run()
    ((record, _),) = taken.values()
    point = record["operating_point"]
    assert isinstance(point, dict)
    assert float(number(point["threshold"])) == threshold(app)
    assert (point["target"], point["target_value"]) == ("coverage", 0.8)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_exported_cells_are_never_formulas(sign: str) -> None:
    text = csv_text([{"case": f"{sign}1+1", "value": -1.5}])
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row == {"case": f"'{sign}1+1", "value": "-1.5"}


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
    app = open_run(bench, run)

    def shown() -> tuple[str, str]:
        """The words without how long they took, and the curve, which is told by the picture alone."""
        return re.sub(r"\d+ ms", "", text(app)), app.segmented_control(key="curve").value

    said = [shown()]
    changes: tuple[Callable[[], AppTest], ...] = (
        lambda: app.slider(key="target_coverage").set_value(60.0).run(),
        lambda: app.segmented_control(key="target").set_value("risk").run(),
        lambda: app.slider(key="target_risk").set_value(15.0).run(),
        lambda: app.segmented_control(key="curve").set_value("selective_risk").run(),
        lambda: app.selectbox(key="score").set_value(SOME_SCORES[1]).run(),
        lambda: app.radio(key="risk").set_value("failure").run(),
        lambda: app.slider(key="failure_below").set_value(0.7).run(),
    )
    for change in changes:
        change()
        assert not app.exception
        footer = next(each.value for each in app.caption if each.value.startswith("Made from run"))
        assert footer.endswith(READ_NOTHING)
        said.append(shown())
    assert len(set(said)) == len(said)
    assert reads == ["case"]
