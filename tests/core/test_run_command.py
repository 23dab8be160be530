"""`run` and `points` on the command line: one JSON document, messages on stderr, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from core.cli import main
from core.pipeline import runs
from core.store import Store
from tests.core.inference.conftest import make_record
from tests.core.toy_runs import SETTINGS, make_case, put_cohort, write_model

RUN = ("run", "toys", "--model", "tiny", "--backend", "torch", "--device", "cpu")


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def cohort(home: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "made"
    folder.mkdir()
    write_model(home, make_record(folder))
    with Store.open(settings=SETTINGS) as store:
        put_cohort(store, [make_case(k) for k in range(6)])
    return home


def test_run_then_point_then_verdict(cohort: Path) -> None:
    done = call(*RUN, "--json")
    assert done.exit_code == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["items"], record["done"], record["failed"], record["complete"]) == (6, 6, 0, True)
    assert record["failures"] == []
    assert "Case 1 of 6" in done.stderr
    again = call(*RUN)
    assert again.stdout.splitlines()[0] == "Tiny, ensemble: 6 of 6 cases done, 0 failed"

    saved = call("points", "save", "toys", "--name", "ward", "--target-coverage", 0.5, "--activate", "--json")
    assert saved.exit_code == 0, saved.stderr
    point = json.loads(saved.stdout)
    assert (point["label"], point["active"], point["cohort_name"]) == ("ward v1", True, "toys")
    assert (point["model_id"], point["estimator"], point["run_id"]) == ("tiny", "ensemble", record["id"])
    assert point["n_fit"] + point["n_report"] == 6
    listed = json.loads(call("points", "list", "--json").stdout)
    assert [(each["label"], each["active"]) for each in listed] == [("ward v1", True)]
    assert call("points", "list").stdout.startswith("ward v1: in force; tiny, ensemble: review below ")

    cleared = call("points", "clear", "tiny", "ensemble", "--json")
    assert json.loads(cleared.stdout) == {"model": "tiny", "estimator": "ensemble", "active": None}
    assert not json.loads(call("points", "list", "--json").stdout)[0]["active"]
    assert json.loads(call("points", "activate", "ward", "--json").stdout)["active"]


def test_interrupted_run_says_that_it_can_go_on(cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    analyse, asked = runs.analyse, []

    def interrupted(*args: object, **options: object) -> object:
        asked.append(1)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return analyse(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "analyse", interrupted)
    stopped = call(*RUN)
    assert (stopped.exit_code, "goes on where it stopped" in stopped.stderr) == (130, True)
    assert json.loads(call(*RUN, "--json").stdout)["done"] == 6
    # Two, the one that was interrupted, and the four that were left.
    assert len(asked) == 2 + 1 + 4


def test_unknown_cohort_and_point_are_one_message(cohort: Path) -> None:
    unknown = (
        ("run", "boys"),
        ("points", "activate", "ward"),
        ("points", "save", "boys", "--name", "a", "--target-risk", 0.1),
    )
    for arguments in unknown:
        done = call(*arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith("second-look: There is no such")


def test_point_needs_one_target(cohort: Path) -> None:
    done = call("points", "save", "toys", "--name", "ward")
    assert (done.exit_code, "either --target-risk or --target-coverage" in done.stderr) == (2, True)
