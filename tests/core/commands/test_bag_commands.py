"""A bag model on the command line: one volume, a run that counts slabs, and what is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from core.cli import main
from core.store import Store
from tests.core.io.io_files import nifti
from tests.core.toy_bags import MODEL, make_volume, put_bag_model
from tests.core.toy_runs import SETTINGS, put_cohort

PATIENTS = 8


def call(*arguments: object) -> Result:
    done = CliRunner().invoke(main, [str(each) for each in arguments])
    assert done.exit_code == 0, done.stderr
    return done


@pytest.fixture
def cohort(home: Path) -> Path:
    """The toy cohort; the first slab of every other volume is marked, and the second of every third."""
    put_bag_model(home)
    cases = [
        make_volume(seed, marked=(*((0,) if seed % 2 else ()), *((6,) if seed % 3 else ())))
        for seed in range(PATIENTS)
    ]
    with Store.open(settings=SETTINGS) as store:
        put_cohort(store, cases)
    return home


def test_analyse_prints_every_slab_and_the_one_that_decides(home: Path, tmp_path: Path) -> None:
    put_bag_model(home)
    path = tmp_path / "head.nii"
    path.write_bytes(nifti(np.random.default_rng(0).random((32, 32, 7)).astype(np.float32)))
    said = call("analyse", path, "--model", MODEL).stdout
    assert "  slab 1, slices 1 to 4: yes 0." in said and "  slab 2, slices 4 to 7: yes 0." in said
    assert said.count(", decides") == 1 and "most attention on slice" in said
    record = json.loads(call("analyse", path, "--model", MODEL, "--json").stdout)
    assert record["cached"] and len(record["bags"]) == 2
    assert record["classes"][1]["samples"] == record["bags"][record["deciding_bag"]]["samples"]


def test_run_evaluate_coverage_and_reliability_count_slabs_and_on_demand_volumes(cohort: Path) -> None:
    ran = json.loads(call("run", "toys", "--model", MODEL, "--device", "cpu", "--json").stdout)
    assert (ran["done"], ran["failed"], ran["parts"]) == (PATIENTS, 0, True)
    evaluated = json.loads(call("evaluate", "toys", "--replicates", 100, "--json").stdout)
    assert (evaluated["level"], evaluated["n"]) == ("slab", 2 * PATIENTS)
    covered = call("coverage", "toys", "--replicates", 100).stdout
    assert f"{2 * PATIENTS} units of {PATIENTS} groups" in covered and "attention_slices: aurc" in covered
    whole = call("coverage", "toys", "--level", "case", "--replicates", 100).stdout
    assert f"{PATIENTS} units of {PATIENTS} groups" in whole
    assert json.loads(call("reliability", "toys", "--json").stdout)["n"] == 2 * PATIENTS


def test_a_point_chosen_on_slabs_judges_the_slabs_of_a_volume(cohort: Path) -> None:
    call("run", "toys", "--model", MODEL, "--device", "cpu")
    saved = call("points", "save", "toys", "--name", "P", "--target-coverage", 0.5, "--activate", "--json")
    point = json.loads(saved.stdout)
    assert point["conventions"]["level"] == "slab" and point["model_id"] == MODEL
    ran = call("run", "toys", "--model", MODEL, "--device", "cpu").stdout
    assert f"{PATIENTS} of {PATIENTS} cases done" in ran


def test_level_that_a_run_does_not_have_is_refused(cohort: Path) -> None:
    call("run", "toys", "--model", MODEL, "--device", "cpu")
    done = CliRunner().invoke(main, ["evaluate", "toys", "--level", "slice"])
    assert done.exit_code == 2 and "nothing to judge by slice" in done.stderr
