"""Decisions over the cases of a run: worklist, agreement, observed risk, exports and the command."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from core.cli import main
from core.errors import SettingsProblem
from core.models import ModelRecord
from core.pipeline import runs, stored_outcome
from core.pipeline.reviews import (
    agreements,
    decide_case,
    edit_kinds,
    exported,
    judged_item,
    judged_result,
    observed_at,
    reader_name,
    undo_last,
)
from core.pipeline.runs import unit_table
from core.pipeline.worklist import WorkItem, worklist
from core.store import Store
from core.store.review_log import LOG_NAME
from core.types import RiskConventions, RunRecord
from core.types.reviews import Opinion
from tests.core.inference.conftest import make_record
from tests.core.store.run_examples import make_point
from tests.core.toy_runs import CONFIG, SETTINGS, make_case, put_cohort, write_model
from tests.pages.many import csv_file, import_table

TABLE = csv_file(
    "ten.csv",
    "case,group,confidence,risk",
    [f"=c{k},p{k % 5},{0.1 * k:.1f},{1 - 0.1 * k:.1f}" for k in range(10)],
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ModelRecord:
    return make_record(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def store(home: object, made: ModelRecord) -> Iterator[Store]:
    write_model(home, made)  # type: ignore[arg-type]
    with Store.open(settings=SETTINGS) as opened:
        yield opened


def listed(store: Store, run: RunRecord) -> tuple[WorkItem, ...]:
    return worklist(store, run, unit_table(store, run.id, "case"))


def toy_run(store: Store) -> RunRecord:
    cohort = put_cohort(store, [make_case(k, slices=2) for k in range(4)])
    return runs.run_cohort(store, cohort.id, CONFIG)


def test_verdicts_of_the_worklist_are_those_of_the_case_page(store: Store) -> None:
    run = toy_run(store)
    for item in listed(store, run):
        assert item.analysis_key is not None
        outcome = stored_outcome(store, item.analysis_key)
        assert outcome is not None
        assert item.verdict is not None
        assert [flag.rule for flag in item.verdict.flags] == [flag.rule for flag in outcome.verdict.flags]
        assert item.verdict.answer == outcome.verdict.answer
        assert item.confidence == pytest.approx(outcome.analysis.scores[0].value)


def test_cases_to_review_come_first_and_then_by_confidence(store: Store) -> None:
    items = listed(store, toy_run(store))
    order = [(not each.to_review, -1.0 if each.confidence is None else each.confidence) for each in items]
    assert order == sorted(order)


def test_rows_of_a_bare_table_are_listed_by_confidence(store: Store) -> None:
    run = import_table(store, TABLE)
    items = listed(store, run)
    assert [each.name for each in items] == [f"=c{k}" for k in range(10)]
    assert items[0].subject == f"{run.id}:0"
    assert items[0].verdict is None


def test_a_decision_names_what_made_and_judged_the_answer(store: Store) -> None:
    run = toy_run(store)
    item = listed(store, run)[0]
    outcome = stored_outcome(store, item.analysis_key)  # type: ignore[arg-type]
    assert outcome is not None
    judged = judged_result(outcome, run, item.row)
    entry = decide_case(store, " Ada  L. ", judged, Opinion(decision="reject", kinds=("missed",)))
    assert entry.reader == "Ada L."
    assert entry.judged is not None
    assert (entry.judged.subject, entry.judged.case_id) == (item.analysis_key, item.case_id)
    assert entry.judged.weights == outcome.analysis.made_by.weights
    assert entry.judged.answer == outcome.verdict.answer
    assert outcome.case.name not in (store.reviews.path or item).read_text()  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(SettingsProblem):
        reader_name(name)


def test_an_unknown_kind_of_failure_is_refused_and_a_new_one_taken(store: Store) -> None:
    run = import_table(store, TABLE)
    judged = judged_item(listed(store, run)[0], run)
    with pytest.raises(SettingsProblem, match="no such kind"):
        decide_case(store, "Ada", judged, Opinion(decision="reject", kinds=("rain",)))
    edit_kinds(store, "Ada", [("data", "Rain")])
    decide_case(store, "Ada", judged, Opinion(decision="reject", kinds=("rain",)))
    with pytest.raises(SettingsProblem):
        decide_case(store, "Ada", judged, Opinion(decision="reject", kinds=("missed",)))


def test_the_same_decision_again_is_not_kept_twice(store: Store) -> None:
    run = import_table(store, TABLE)
    judged = judged_item(listed(store, run)[0], run)
    first = decide_case(store, "Ada", judged, Opinion(decision="accept", seconds=3.0))
    assert decide_case(store, "Ada", judged, Opinion(decision="accept", seconds=9.0)) == first
    decide_case(store, "Ada", judged, Opinion(decision="accept", comment="sure"))
    assert len(store.reviews.entries()) == 2


def test_undo_takes_the_latest_of_this_reader_back(store: Store) -> None:
    run = import_table(store, TABLE)
    items = listed(store, run)
    for item in items[:2]:
        decide_case(store, "Ada", judged_item(item, run), Opinion(decision="accept"))
    decide_case(store, "Ben", judged_item(items[2], run), Opinion(decision="accept"))
    taken = undo_last(store, "Ada", [each.subject for each in items])
    assert taken is not None
    assert taken.judged is not None
    assert taken.judged.subject == items[1].subject
    assert store.reviews.state().standing("Ben", items[2].subject) is not None
    assert undo_last(store, "Cleo", [each.subject for each in items]) is None


def decide_all(store: Store, run: RunRecord, reader: str, words: str) -> None:
    named = {"a": "accept", "r": "reject", "u": "unsure", "c": "correct"}
    for item, letter in zip(listed(store, run), words, strict=False):
        if letter != "-":
            decide_case(store, reader, judged_item(item, run), Opinion(decision=named[letter]))  # type: ignore[arg-type]


def test_agreement_counts_common_cases_only(store: Store) -> None:
    run = import_table(store, TABLE)
    decide_all(store, run, "Ada", "aaarrr----")
    decide_all(store, run, "Ben", "aarrraaaaa")
    (found,) = agreements(store.reviews.state(), "Ada", listed(store, run))
    # Six common cases, four alike: po = 2/3; Ada 3 and 3, Ben 3 and 3: pe = 1/2; kappa = 1/3.
    assert (found.cases, found.second) == (6, "Ben")
    assert found.kappa.value == pytest.approx(1 / 3)
    assert len(found.disagreements) == 2


def test_agreement_tells_nothing_of_cases_that_the_reader_has_not_decided(store: Store) -> None:
    run = import_table(store, TABLE)
    decide_all(store, run, "Ben", "aarrraaaaa")
    assert agreements(store.reviews.state(), "Ada", listed(store, run)) == ()


def test_observed_risk_counts_what_the_point_lets_pass(store: Store) -> None:
    run = import_table(store, TABLE)
    decide_all(store, run, "Ada", "rrrrrraaca")
    point = make_point(
        run_id=run.id, threshold=0.55, score="confidence", conventions=RiskConventions(risk="failure")
    )
    found = observed_at(store.reviews.state(), listed(store, run), point, "Ada")
    assert found is not None
    # Confidence .6 to .9 passes: accept, accept, correct, accept.
    assert (found.passed, found.n, found.failures) == (4, 4, 1)
    assert found.promised == point.selective_risk.value


def test_a_point_for_slices_has_no_observed_risk_of_cases(store: Store) -> None:
    run = import_table(store, TABLE)
    point = make_point(run_id=run.id, conventions=RiskConventions(level="slice"))
    assert observed_at(store.reviews.state(), listed(store, run), point, "Ada") is None


def test_export_says_which_decision_stands(store: Store) -> None:
    run = import_table(store, TABLE)
    decide_all(store, run, "Ada", "ar")
    undo_last(store, "Ada", [each.subject for each in listed(store, run)])
    rows = exported(store)["rows"]
    assert [(each["action"], each["in_force"]) for each in rows] == [
        ("decide", True), ("decide", False), ("undo", False),
    ]  # fmt: skip
    assert len(exported(store, reader="Ben")["rows"]) == 0


def call(*arguments: str):
    return CliRunner().invoke(main, ["reviews", *arguments])


def test_command_verifies_and_exports(home) -> None:
    with Store.open() as store:
        run = import_table(store, TABLE)
        judged = judged_item(listed(store, run)[0], run)
        decide_case(store, "Ada", judged, Opinion(decision="reject", comment="=HYPERLINK(1)"))
        assert json.loads(call("verify", "--json").stdout)["ok"]  # while the store is in use
    (row,) = csv.DictReader(io.StringIO(call("export").stdout))
    assert row["comment"] == "'=HYPERLINK(1)"
    assert json.loads(call("export", "--format", "json").stdout)["rows"][0]["decision"] == "reject"


def test_command_names_the_altered_entry_and_sets_the_log_aside(home) -> None:
    with Store.open() as store:
        decide_all(store, import_table(store, TABLE), "Ada", "aar")
    path = home / LOG_NAME
    lines = path.read_text().split("\n")
    lines[1] = lines[1].replace('"accept"', '"reject"')
    path.write_text("\n".join(lines))
    done = call("verify")
    assert done.exit_code == 2
    assert "entry 2 was changed" in done.stdout
    assert call("export").exit_code == 3
    assert call("set-aside", "--reader", "Ada").exit_code == 0
    assert call("verify").exit_code == 0
    assert call("set-aside", "--reader", "Ada").exit_code == 2


def test_command_without_a_store(home) -> None:
    home.rmdir()
    done = call("verify")
    assert done.exit_code == 2
    assert "no store here" in done.stderr
