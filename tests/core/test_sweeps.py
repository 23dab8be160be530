"""A sweep computes every case and severity once, whatever happens in between, and tells what it kept."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.config import AnalysisConfig
from core.errors import Cancelled, SettingsProblem
from core.models import ModelRecord
from core.pipeline import sweeps as module
from core.pipeline.runs import run_cohort, unit_table
from core.pipeline.stress import stress
from core.pipeline.sweep_numbers import flags_of, sweep_numbers, sweep_rows
from core.pipeline.sweeps import Sweep, chosen_keys, plan_sweep, run_sweep, sweeps_of
from core.report.sweeps import sweep_files, sweep_record
from core.store import Store
from core.types import Case
from tests.core.inference.conftest import make_record
from tests.core.toy_runs import CONFIG, SETTINGS, make_case, put_cohort, write_model

ROOT = Path(__file__).resolve().parents[2]
KEYS = ("gaussian_noise", "ghosting")
SEVERITIES = (0.0, 2.0, 4.0)
CASES = (1, 2, 4)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ModelRecord:
    return make_record(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def store(home: Path, made: ModelRecord) -> Iterator[Store]:
    write_model(home, made)
    with Store.open(settings=SETTINGS) as opened:
        yield opened


def toys() -> list[Case]:
    return [make_case(number, slices=2) for number in CASES]


def plan(store: Store, keys: tuple[str, ...] = KEYS, config: AnalysisConfig = CONFIG) -> Sweep:
    return plan_sweep(store, put_cohort(store, toys()).id, config, keys, SEVERITIES)


def numbers(store: Store, sweep: Sweep) -> list[str]:
    """Everything that is kept of every severity, for comparison to the last bit."""
    found = []
    for cell in sweep.cells:
        for level in ("case", "slice"):
            table = unit_table(store, cell.run_id, level)
            found.append(repr((table.name, table.slice.tolist(), table.metrics, table.confidence)))
            found.append("" if table.histograms is None else table.histograms.tobytes().hex()[:2000])
    return found


def test_every_severity_is_a_run_and_the_clean_one_is_shared(store: Store) -> None:
    sweep = plan(store)
    assert [(cell.key, cell.severity) for cell in sweep.cells] == [
        ("", 0.0), ("gaussian_noise", 2.0), ("gaussian_noise", 4.0), ("ghosting", 2.0), ("ghosting", 4.0),
    ]  # fmt: skip
    runs = run_sweep(store, sweep)
    assert [(run.done, run.failed) for run in runs] == [(3, 0)] * 5
    table = unit_table(store, sweep.cells[2].run_id)
    case = toys()[0]
    config = runs[2].config
    assert config is not None
    alone = stress(store, case, config)
    assert table.confidence["agreement"][0] == alone.result.analysis.scores[0].value
    assert table.metrics["dice"][0] == alone.result.overlap.whole.dice
    assert table.metrics["damage"][0] == alone.corrupted.damage
    assert table.analysis_key == (None,) * 3
    assert all(store.analyses_of(each.id) == () for each in toys()), "no map is kept"


def test_runs_of_a_sweep_stay_out_of_the_ordinary_lists(store: Store) -> None:
    sweep = plan(store)
    run_sweep(store, sweep)
    plain = run_cohort(store, sweep.cohort_id, CONFIG)
    assert [run.id for run in store.runs()] == [plain.id]
    assert [run.id for run in store.runs(sweep.cohort_id)] == [plain.id]
    assert {run.id for run in store.runs(stressed=True)} == {cell.run_id for cell in sweep.cells}
    assert store.run(sweep.cells[1].run_id) is not None
    (found,) = sweeps_of(store, sweep.cohort_id)
    assert found.cells == sweep.cells and found.config == sweep.config


def test_cancelled_sweep_goes_on_where_it_stopped(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = plan(store)

    def stop(share: float, sentence: str) -> None:
        if share > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_sweep(store, sweep, stop)
    before = sum(len(store.done_positions(cell.run_id)) for cell in sweep.cells)
    assert 0 < before < 15
    asked: list[str] = []
    compute = module.stress
    monkeypatch.setattr(module, "stress", lambda s, c, config: asked.append(c.id) or compute(s, c, config))
    run_sweep(store, sweep)
    assert len(asked) == 15 - before
    asked.clear()
    run_sweep(store, sweep)
    assert asked == []


def test_killed_sweep_loses_nothing_and_ends_with_the_same_numbers(
    home: Path, made: ModelRecord, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write_model(home, made)
    with Store.open(settings=SETTINGS) as store:
        cohort = put_cohort(store, toys())
    code = (
        "import os, signal, sys; sys.path.insert(0, '.')\n"
        "from core.store import Store; from core.pipeline.sweeps import *\n"
        "from tests.core.toy_runs import CONFIG, SETTINGS\n"
        "def tell(share, sentence):\n"
        "    share > 0.4 and os.kill(os.getpid(), signal.SIGKILL)\n"
        "with Store.open(settings=SETTINGS) as store:\n"
        f"    run_sweep(store, plan_sweep(store, {cohort.id!r}, CONFIG, {KEYS!r}, {SEVERITIES!r}), tell)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    with Store.open(settings=SETTINGS) as store:
        sweep = plan(store)
        kept = sum(len(store.done_positions(cell.run_id)) for cell in sweep.cells)
        assert 0 < kept < 15
        run_sweep(store, sweep)
        resumed = numbers(store, sweep)
    with Store.open(mode="memory") as fresh:
        whole = plan(fresh)
        run_sweep(fresh, whole)
        assert numbers(fresh, whole) == resumed


def test_numbers_are_the_same_for_any_number_of_workers(store: Store) -> None:
    sweep = plan(store)
    run_sweep(store, sweep, workers=2)
    with Store.open(mode="memory") as other:
        alone = plan(other)
        run_sweep(other, alone)
        assert numbers(other, alone) == numbers(store, sweep)


def test_severity_that_is_not_finished_is_left_out_of_the_report(store: Store) -> None:
    sweep = plan(store)

    def stop(share: float, sentence: str) -> None:
        # The first case has all five severities then, the second the clean one and two more.
        if share > 7.5 / 15:
            raise Cancelled

    run_sweep(store, plan(store, ("spike",)))
    with pytest.raises(Cancelled):
        run_sweep(store, sweep, stop)
    report, tables = sweep_numbers(store, sweep)
    assert report.units == 3
    assert [each.key for each in tables] == [""]


def test_case_that_fails_is_listed_and_the_others_go_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = plan(store)
    compute = module.stress

    def broken(where: Store, case: Case, config: AnalysisConfig) -> object:
        if case.id == toys()[1].id:
            raise ZeroDivisionError("secret words")
        return compute(where, case, config)

    monkeypatch.setattr(module, "stress", broken)
    runs = run_sweep(store, sweep)
    assert [(run.done, run.failed) for run in runs] == [(2, 1)] * 5
    assert "secret" not in store.run_failures(runs[0].id)[0].sentence
    monkeypatch.setattr(module, "stress", compute)
    again = run_sweep(store, sweep, retry_failed=True)
    assert [(run.done, run.failed) for run in again] == [(3, 0)] * 5


def test_flags_are_those_of_the_verdict(store: Store) -> None:
    sweep = plan(store)
    run_sweep(store, sweep)
    for cell in sweep.cells:
        whole, slices = unit_table(store, cell.run_id), unit_table(store, cell.run_id, "slice")
        run = store.run(cell.run_id)
        assert run is not None and run.config is not None
        verdicts = [stress(store, case, run.config).result.verdict for case in toys()]
        flagged = flags_of(store, CONFIG, whole, slices, "case")
        assert flagged.tolist() == [each.answer == "review" for each in verdicts]
        by_slice = flags_of(store, CONFIG, whole, slices, "slice")
        expected = [index in {flag.slice for flag in each.flags} for each in verdicts for index in range(2)]
        assert by_slice.tolist() == expected


def test_report_and_files_hold_what_it_takes_to_make_it_again(store: Store) -> None:
    import io

    import pandas as pd

    sweep = plan(store)
    run_sweep(store, sweep)
    report, tables = sweep_numbers(store, sweep)
    rows = sweep_rows(sweep, report, tables)
    noise = next(row for row in rows if row["corruption"] == "gaussian_noise" and row["severity"] == 4.0)
    assert noise["suite"] == "second-look-1" and noise["parameters"] == "sigma=0.18 of the range"
    assert noise["damage"] == pytest.approx(np.mean(tables[2].table.metrics["damage"]))
    assert "numpy" in str(noise["libraries"]) and noise["seed"] == 0
    csv, parquet = sweep_files(sweep, report, tables)
    assert (
        len(pd.read_csv(io.BytesIO(csv.data))) == len(pd.read_parquet(io.BytesIO(parquet.data))) == len(rows)
    )
    record = sweep_record(sweep, report, 0)
    assert record["refused"] == [] and len(record["rows"]) == len(rows)


def test_names_groups_and_all_choose_corruptions() -> None:
    assert chosen_keys(["spike", "gaussian_noise", "spike"]) == ("gaussian_noise", "spike")
    assert chosen_keys(["adversarial"]) == ("fgsm", "pgd")
    assert "fgsm" not in chosen_keys(["all"]) and {"rotation", "collimator"} <= set(chosen_keys(["all"]))
    with pytest.raises(SettingsProblem, match="gaussian_noise"):
        chosen_keys(["fog"])


def test_corruption_that_makes_no_sense_is_refused_with_its_reason(store: Store) -> None:
    sweep = plan(store, ("spike", "window_level"))
    assert dict(sweep.refused).keys() == {"window_level"}
    with pytest.raises(SettingsProblem, match="Hounsfield"):
        plan(store, ("window_level",))
