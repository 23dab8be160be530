"""One door to every model: a segmenter and a classifier through the same call, page and command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from core.cli import main
from core.config import AnalysisConfig, EstimatorConfig, digest
from core.detector import with_limit
from core.errors import SettingsProblem
from core.models.registry import write_record
from core.pipeline import (
    ClassOutcome,
    Outcome,
    decide_again,
    in_force_now,
    key_like,
    maker,
    named_by,
    open_case,
    results_of,
    run_model,
    stored_result,
)
from core.pipeline.points import point_of_run, save_operating_point
from core.store import Store
from core.types import Case, CohortItem, CohortRecord
from tests.core.inference.conftest import make_record
from tests.core.inference.test_classifier import tiny_record
from tests.core.store.run_examples import make_cohort, make_point, make_run
from tests.core.test_classify import png

MASKS = AnalysisConfig(model_id="masks", backend="torch", device="cpu")
CLASSES = AnalysisConfig(
    model_id="classes", estimator=EstimatorConfig(kind="ensemble"), backend="torch", device="cpu"
)


@pytest.fixture
def models(home: Path) -> None:
    """A segmenter and a classifier among the user's own models."""
    for key, make in (("masks", make_record), ("classes", tiny_record)):
        folder = home / "models" / key
        folder.mkdir(parents=True)
        write_record(make(folder).model_copy(update={"id": key}), folder)


@pytest.fixture
def store(models: None) -> Iterator[Store]:
    with Store.open() as opened:
        yield opened


def film(store: Store, seed: int = 0) -> Case:
    return open_case(store, [png(seed)])


def test_the_task_of_the_model_decides_what_comes_back(store: Store) -> None:
    case = film(store)
    mask, named = run_model(store, case, MASKS), run_model(store, case, CLASSES)
    assert isinstance(mask, Outcome)
    assert isinstance(named, ClassOutcome)
    assert maker(mask).config.model_id == "masks"
    assert maker(named).key == named.classification.key


def test_stored_results_of_both_kinds_are_found_and_listed(store: Store) -> None:
    case = film(store)
    keys = [maker(run_model(store, case, each)).key for each in (MASKS, CLASSES)]
    for key, kind in zip(keys, (Outcome, ClassOutcome), strict=True):
        found = stored_result(store, key)
        assert isinstance(found, kind)
        assert (found.cached, maker(found).key) == (True, key)
    assert {each.key for each in results_of(store, case.id)} == set(keys)
    assert [each.analyses for each in store.case_summaries()] == [2]
    assert stored_result(store, "0" * 64) is None


def test_another_point_and_other_limits_decide_again(store: Store) -> None:
    named = run_model(store, film(store), CLASSES)
    assert isinstance(named, ClassOutcome)
    certain = make_point(name="strict", model_id="classes", score="max_softmax", threshold=1.0)
    kept = save_operating_point(store, certain, activate=True)
    assert in_force_now(store, named) == kept
    again = decide_again(named, named.limits, kept)
    assert (again.verdict.answer, again.verdict.operating_point) == ("review", "strict v1")
    assert again.operating_point == kept
    off = with_limit(again.limits, "low-class-confidence", active=False)
    assert decide_again(again, off, kept).verdict.operating_point is None


def put_labels(store: Store, case: Case, labels: tuple[str, ...] | None, name: str) -> None:
    record = CohortRecord(
        id=digest([name, case.id]), name=name, task="classification", layout="made up",
        class_names=labels or (), items=1, groups=1,
    )  # fmt: skip
    item = CohortItem(position=0, case_id=case.id, name=case.name, group="p", labels=labels)
    store.put_cohort(record, [item])


def test_reference_comes_from_the_newest_cohort_that_knows_the_classes(store: Store) -> None:
    case = film(store)
    assert named_by(store, case.id, ("normal", "viral")) is None
    put_labels(store, case, ("viral",), "films")
    put_labels(store, case, ("benign",), "other question")
    put_labels(store, case, None, "unknown")
    cohort, items = make_cohort("masks", [case])
    store.put_cohort(cohort, items)
    found = named_by(store, case.id, ("normal", "viral"))
    assert found is not None
    assert (found[0], found[1].labels) == ("films", ("viral",))


def test_point_of_a_run_is_the_one_in_force_or_the_newest_of_an_import(store: Store) -> None:
    cohort, items = make_cohort("films", [film(store)])
    store.put_cohort(cohort, items)
    own = make_run(cohort)
    elsewhere = own.model_copy(update={"id": digest("elsewhere"), "source": "imported", "config": None})
    assert point_of_run(store, own) is None
    in_force = save_operating_point(store, make_point(estimator="ensemble"), activate=True)
    first = make_point(name="import", run_id=elsewhere.id, model_id=None, estimator=None)
    save_operating_point(store, first)
    newest = save_operating_point(store, first.model_copy(update={"threshold": 0.8}))
    assert point_of_run(store, own) == in_force
    assert point_of_run(store, elsewhere) == newest
    assert point_of_run(store, elsewhere.model_copy(update={"id": digest("third")})) is None


def test_analyse_on_the_command_line_takes_a_classifier(models: None, tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(png().data)
    arguments = ["analyse", str(path), "--model", "classes", "--backend", "torch", "--json"]
    answer = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "out")])
    assert answer.exit_code == 0, answer.output
    record = json.loads(answer.stdout)
    assert record["predicted"] == [max(record["classes"], key=lambda each: each["prob"])["name"]]
    assert sum(each["prob"] for each in record["classes"]) == pytest.approx(1.0)
    kinds = sorted(each.name.rpartition(".")[2] for each in (tmp_path / "out").iterdir())
    assert kinds == ["json", "png"]


def test_the_beginning_of_several_keys_is_refused() -> None:
    keys = [SimpleNamespace(key=f"abcdefab{k}", created_utc="") for k in range(2)]
    few: Any = SimpleNamespace(
        case_summaries=lambda: [SimpleNamespace(id="case")],
        analyses_of=lambda case_id: keys[:1],
        classifications_of=lambda case_id: keys[1:],
    )
    assert key_like(few, "ABCDEFAB1") == "abcdefab1"
    assert key_like(few, "another-cohort") is None
    assert key_like(few, "abcdefa") is None  # seven digits are too few to stand for a key
    with pytest.raises(SettingsProblem, match="Several results begin with these digits"):
        key_like(few, "abcdefab")
