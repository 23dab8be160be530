"""The page of a case, and which two failures of a run are proposed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from core.cli import main
from core.models import ModelRecord
from core.pipeline import runs, stored_outcome
from core.pipeline.lab import Reading
from core.pipeline.reviews import decide_case
from core.pipeline.runs import unit_table
from core.pipeline.studies import diagnosis_of, instructive, severity_readings, shown_slice
from core.pipeline.worklist import WorkItem
from core.report.case_study import Conclusion, Curve, case_study
from core.store import Store
from core.types import Flag, RiskConventions, Verdict
from core.types.reviews import Judged, Opinion
from tests.core.inference.conftest import make_record
from tests.core.toy_runs import CONFIG, SETTINGS, make_case, put_cohort, write_model
from tests.pages.many import csv_file, import_table

NOW = "2026-01-02T03:04:05+00:00"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ModelRecord:
    return make_record(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def store(home: object, made: ModelRecord) -> Iterator[Store]:
    write_model(home, made)  # type: ignore[arg-type]
    with Store.open(settings=SETTINGS) as opened:
        yield opened


def toy_run(store: Store):
    cohort = put_cohort(store, [make_case(k, slices=3) for k in range(3)])
    return runs.run_cohort(store, cohort.id, CONFIG)


def outcome_of(store: Store, row: int = 1):
    key = unit_table(store, toy_run(store).id, "case").analysis_key[row]
    found = stored_outcome(store, key)
    assert found is not None
    return found


def page_of(store: Store, conclusion: Conclusion = Conclusion(), curve: Curve | None = None) -> str:  # noqa: B008
    return case_study(outcome_of(store), 1, conclusion, curve, made_utc=NOW).data.decode()


def test_the_page_holds_everything_and_fetches_nothing(store: Store) -> None:
    page = page_of(store, Conclusion("Edge too wide", "Second reader", "Small lesions"))
    for words in ("What fired", "Under stress", "Edge too wide", "Second reader", "Small lesions", "Dice"):
        assert words in page
    assert page.count("data:image/png;base64,") == 4
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    assert "<script" not in page
    assert "Research use only. Not a medical device." in page


def test_what_was_typed_stays_text(store: Store) -> None:
    page = page_of(store, Conclusion('<img src=x onerror="alert(1)">', "a & b", "</body>"))
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page
    assert "a &amp; b" in page


def test_the_name_of_the_upload_is_not_on_the_page(store: Store) -> None:
    outcome = outcome_of(store)
    named = replace(outcome, case=replace(outcome.case, name="Mustermann_Max.png"))
    assert b"Mustermann" not in case_study(named, 0, Conclusion(), None, made_utc=NOW).data


def test_without_a_reference_there_are_three_pictures(store: Store) -> None:
    outcome = outcome_of(store)
    bare = replace(outcome, case=replace(outcome.case, reference=None), overlap=None)
    page = case_study(bare, 0, Conclusion(), None, made_utc=NOW).data.decode()
    assert page.count("data:image/png;base64,") == 3
    assert "no reference" in page


def test_without_a_curve_the_page_says_so_and_with_one_it_is_drawn(store: Store) -> None:
    assert "Not computed for this page" in page_of(store)
    readings = tuple(
        Reading(severity=float(k), key="k", confidence=1 - k / 10, answer="review" if k > 2 else "consistent",
                rules=(), reasons=(), dice=1 - k / 5)
        for k in range(6)
    )  # fmt: skip
    page = page_of(store, curve=Curve("Gaussian noise", readings))
    assert len(re.findall("<polyline", page)) == 2
    assert page.count(" ●</text>") == 3


def test_the_slice_with_the_most_wrong_pixels_is_shown(store: Store) -> None:
    outcome = outcome_of(store)
    assert outcome.case.reference is not None
    right = outcome.analysis.mask_pred > 0
    wrong = right.copy()
    wrong[0, 0, 0] ^= True  # one wrong pixel on the first slice, two on the last
    wrong[2, 0, :2] ^= True

    def shown(mask_ref: np.ndarray | None) -> tuple[int, str]:
        reference = None if mask_ref is None else replace(outcome.case.reference, mask_ref=mask_ref)
        return shown_slice(replace(outcome, case=replace(outcome.case, reference=reference)))

    assert shown(wrong) == (2, "the one with the most wrong pixels")
    assert "view opens" in shown(right)[1]
    assert "view opens" in shown(None)[1]


def test_same_input_same_bytes(store: Store) -> None:
    outcome = outcome_of(store)
    pages = [case_study(outcome, 0, Conclusion("a"), None, made_utc=NOW) for _ in range(2)]
    assert pages[0] == pages[1]


def test_readings_along_the_whole_severities(store: Store) -> None:
    outcome = outcome_of(store)
    found = severity_readings(store, outcome.case, outcome.analysis.made_by.config, "gaussian_noise")
    assert [each.severity for each in found] == [0, 1, 2, 3, 4, 5]
    assert all(each.dice is not None for each in found)


def test_diagnosis_is_what_readers_decided(store: Store) -> None:
    judged = Judged(subject="k")
    decide_case(store, "Ada", judged, Opinion(decision="reject", kinds=("missed",), comment="left"))
    decide_case(store, "Ben", judged, Opinion(decision="accept"))
    assert diagnosis_of(store, "k") == "Rejected: Finding missed: left\nAccepted"
    assert diagnosis_of(store, "k", "Ben") == "Accepted"
    assert diagnosis_of(store, "other") == ""


ROWS = [("a", 0.9, 0.8), ("b", 0.8, 0.1), ("c", 0.7, 0.9), ("d", 0.6, 0.9), ("e", 0.5, 0.0)]
"""(case, confidence, risk): a, c and d have failed."""


def items(severity: dict[str, float]) -> list[WorkItem]:
    """One per row; those named have one flag of that severity."""
    found = []
    for row, (name, confidence, _) in enumerate(ROWS):
        flags = ()
        if name in severity:
            fired = Flag(
                rule="pieces", cause="fragmentation", slice=None, box=None, measured=9, limit=3,
                side="above", severity=severity[name], sentence=f"{name} is in pieces",
            )  # fmt: skip
            flags = (fired,)
        verdict = Verdict(answer="review" if flags else "consistent", flags=flags)
        found.append(WorkItem(row, name, name, name, None, None, "a mask", confidence, verdict))
    return found


def proposed(store: Store, severity: dict[str, float]):
    file = csv_file("five.csv", "case,confidence,risk", [f"{n},{c},{r}" for n, c, r in ROWS])
    table = unit_table(store, import_table(store, file).id, "case")
    found = instructive(items(severity), table, RiskConventions(risk="failure", failure_below=0.5))
    return [(each.item.name, each.why) for each in found]


def test_the_most_confident_unflagged_failure_and_the_clearest_warning(store: Store) -> None:
    (first, why), (second, other) = proposed(store, {"a": 1.5, "d": 4.0, "b": 9.0})
    # c failed without a flag; of the flagged failures a and d the latter lies further past its limit.
    assert (first, second) == ("c", "d")
    assert "higher than that of 50 % of the others" in why
    assert "nothing warned" in why
    assert "d is in pieces" in other


def test_when_every_failure_is_flagged_the_most_confident_comes_first(store: Store) -> None:
    (first, why), (second, _) = proposed(store, {"a": 1.5, "c": 3.0, "d": 2.0})
    assert (first, second) == ("a", "c")
    assert "Every failure of this run is flagged" in why


def test_when_no_failure_is_flagged_there_is_one_proposal(store: Store) -> None:
    assert [name for name, _ in proposed(store, {})] == ["a"]


def test_how_far_past_the_limit_starts_at_zero(store: Store) -> None:
    # A severity of 4 is a distance of 3 past the limit, by the definition of a flag.
    _, (_, why) = proposed(store, {"a": 1.5, "d": 4.0})
    assert "3.0 times as far past its limit" in why


def test_a_failure_that_no_check_could_judge_is_not_called_flagged(store: Store) -> None:
    file = csv_file("five.csv", "case,confidence,risk", [f"{n},{c},{r}" for n, c, r in ROWS])
    table = unit_table(store, import_table(store, file).id, "case")
    unjudged = [replace(each, verdict=None) for each in items({})]
    (only,) = instructive(unjudged, table, RiskConventions(risk="failure", failure_below=0.5))
    assert only.item.name == "a"
    assert "No check judged 3 of the 3 failures" in only.why
    assert "Every failure" not in only.why


def test_of_equals_the_first_row_is_proposed(store: Store) -> None:
    rows = ["a,0.9,1.0", "b,0.9,1.0", "c,0.9,1.0", "d,0.9,1.0"]
    table = unit_table(store, import_table(store, csv_file("t.csv", "case,confidence,risk", rows)).id, "case")
    level = [replace(each, confidence=0.9) for each in items({"c": 2.0, "d": 2.0})[:4]]
    found = instructive(level[::-1], table, RiskConventions(risk="failure", failure_below=0.5))
    assert [each.item.name for each in found] == ["a", "c"]


def test_a_curve_stops_where_a_value_is_undefined(store: Store) -> None:
    readings = tuple(
        Reading(severity=float(k), key="k", confidence=None if k == 2 else 0.5, answer="consistent",
                rules=(), reasons=(), dice=None)
        for k in range(6)
    )  # fmt: skip
    page = page_of(store, curve=Curve("Gaussian noise", readings))
    assert len(re.findall("<polyline", page)) == 2  # 0 to 1, and 3 to 5
    assert len(re.findall("<circle", page)) == 5


def test_without_a_failure_there_is_none(store: Store) -> None:
    file = csv_file("good.csv", "case,confidence,risk", ["a,0.9,0.0", "b,0.1,0.1"])
    table = unit_table(store, import_table(store, file).id, "case")
    assert instructive(items({})[:2], table) == ()


def test_command_writes_pages(home, made: ModelRecord, tmp_path) -> None:
    write_model(home, made)
    with Store.open(settings=SETTINGS) as store:
        run = toy_run(store)
        key = unit_table(store, run.id, "case").analysis_key[0]
    done = CliRunner().invoke(main, ["study", key[:12], "--out", str(tmp_path / "a"), "--json"])
    assert done.exit_code == 0, done.output
    (written,) = json.loads(done.stdout)
    assert (tmp_path / "a").glob("*.html")
    assert written["analysis"] == key
    done = CliRunner().invoke(main, ["study", "toys", "--out", str(tmp_path / "b")])
    assert done.exit_code == 0, done.output
    pages = list((tmp_path / "b").glob("*.html"))
    assert 1 <= len(pages) <= 2
    assert "Dice 0." in pages[0].read_text()
    assert CliRunner().invoke(main, ["study", "nobody-knows-this"]).exit_code == 2
