"""What groups are told by, on lesions small enough to draw; the command; one model on several cohorts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from core.cli import main
from core.errors import InputProblem
from core.io.columns import read_columns
from core.pipeline.attributes import attributes_of
from core.pipeline.runs import run_cohort, unit_table
from core.pipeline.shift import OUTSIDE, compare_runs
from core.store import Store
from core.types import Case, NamedBytes, Reference
from tests.core.inference.conftest import make_record
from tests.core.toy_runs import CONFIG, SETTINGS, make_case, put_cohort, write_model

SIDE = 60


@pytest.fixture
def store(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    write_model(home, make_record(tmp_path_factory.mktemp("tiny")))
    with Store.open(settings=SETTINGS) as opened:
        yield opened


def study(*lesions: tuple[slice, slice] | None, hole: bool = False, seed: int = 0) -> Case:
    """A round head of radius 25 in a frame of 60, a lesion per slice; with a hole in it if wanted."""
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    inside = np.hypot(rows, columns) < 25
    shape = (len(lesions), SIDE, SIDE)
    values = np.random.default_rng(seed).uniform(0.5, 1.0, (3, *shape)).astype(np.float32) * inside
    mask = np.zeros(shape, np.bool_)
    for index, place in enumerate(lesions):
        if place is not None:
            mask[index][place] = True
            if hole:
                middle = tuple(slice(each.start + 2, each.stop - 2) for each in place)
                mask[index][middle] = False
    base = make_case(1, slices=len(lesions))
    image = replace(base.image, values=values, geometry=replace(base.image.geometry, source_shape=shape))
    return replace(base, id=f"{seed:064d}", name=f"TCGA_{'AB'[seed % 2]}_{seed}", image=image,
                   reference=Reference(mask, "mask", (0.0, 1.0)))  # fmt: skip


def box(top: int, left: int, size: int) -> tuple[slice, slice]:
    return slice(top, top + size), slice(left, left + size)


def told(
    store: Store, cases: list[Case], level: str = "slice", **more: object
) -> dict[str, tuple[str | None, ...]]:
    run = run_cohort(store, put_cohort(store, cases).id, CONFIG)
    found = attributes_of(store, unit_table(store, run.id, level), **more)  # type: ignore[arg-type]
    return {each.key: each.categories for each in found}


def test_place_build_midline_and_position_of_drawn_lesions(store: Store) -> None:
    whole = study(box(27, 27, 6), box(27, 8, 6), box(20, 31, 5), None, None, None)
    hollow = study(box(20, 8, 12), box(20, 8, 12), box(20, 8, 12), hole=True, seed=1)
    found = told(store, [whole, hollow])
    assert found["place"][:4] == ("central", "peripheral", "central", None)
    assert found["midline"][:3] == ("crossing", "away", "touching")
    assert found["build"][0] == "solid" and set(found["build"][6:]) == {"hollow"}
    assert found["position"][:6] == ("first third",) * 2 + ("middle third",) * 2 + ("last third",) * 2
    assert found["empty"][2:4] == ("a lesion", "nothing to find")
    assert found["site"] == ("TCGA_A",) * 6 + ("TCGA_B",) * 3


def test_size_is_told_in_thirds_of_the_lesions_of_the_cohort(store: Store) -> None:
    found = told(store, [study(*(box(10, 10, size) for size in (2, 3, 4, 5, 6, 7)), None)])
    assert found["size"] == ("small", "small", "medium", "medium", "large", "large", None)


def test_column_is_looked_up_by_case_patient_or_the_beginning_of_its_name(store: Store) -> None:
    cases = [study(None, seed=seed) for seed in range(4)]
    columns = {"grade": {"TCGA_A_0": "2", "TCGA_B": "3", "TCGA_A": "4"}, "empty": {}}
    found = told(store, cases, "case", columns=columns)
    assert found["column grade"] == ("2", "3", "4", "3")
    assert "column empty" not in found


def test_command_prints_groups_and_takes_a_table(
    home: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write_model(home, make_record(tmp_path_factory.mktemp("tiny")))
    cases = [study(box(27, 27, 6), None, seed=seed) for seed in range(6)]
    with Store.open(settings=SETTINGS) as store:
        run_cohort(store, put_cohort(store, cases).id, CONFIG)
    path = tmp_path / "columns.csv"
    path.write_text("case,scanner\n" + "".join(f"{case.name},{k % 2}\n" for k, case in enumerate(cases)))
    done = CliRunner().invoke(
        main, ["slices", "toys", "--attributes", str(path), "--min-patients", "2", "--json"]
    )
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    names = {tuple(each["attributes"]) for each in report["groups"]}
    assert {("column scanner",), ("empty",)} <= names
    assert report["level"] == "slice" and report["units"] == 12


@pytest.mark.parametrize("data", [b"case\na\n", b"", b"case,x\n", b"\x00\xff"])
def test_bad_table_of_attributes_is_refused(data: bytes) -> None:
    with pytest.raises(InputProblem, match="attributes"):
        read_columns(NamedBytes("bad.csv", data))


def test_runs_are_set_side_by_side_with_differences_to_the_first(store: Store) -> None:
    first = run_cohort(store, put_cohort(store, [make_case(k) for k in (1, 2, 4)]).id, CONFIG)
    second = run_cohort(store, put_cohort(store, [make_case(5)]).id, CONFIG)
    base, other = compare_runs(store, [first.id, second.id])
    dice = (
        {each.key: each for each in base.numbers}["dice"],
        {each.key: each for each in other.numbers}["dice"],
    )
    assert dice[0].difference.value is None
    assert dice[1].difference.value == pytest.approx(dice[1].value.value - dice[0].value.value)
    assert (dice[1].value.low, dice[1].difference.low) == (None, None), "one patient has no interval"
    assert OUTSIDE not in {each.key for each in base.numbers}, "the toy model knows no training pictures"
