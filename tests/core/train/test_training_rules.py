"""What each rule catches and costs, on made-up patients with the counts in sight."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.detector import RULES
from core.models.registry import read_record
from core.train.data import TrainingSet, load_training_set
from core.train.rules.report import (
    GROUPS,
    SHAPE_RULES,
    VOLUME_RULES,
    Fired,
    RulesReport,
    Unit,
    fired_on,
    report_of,
)
from core.train.rules.text import text_of
from tests.core.train.toy import write_toy


def unit(
    *rules: str, dice: float = 0.9, patient: str = "a", outlined: bool = True, wanted: bool = True
) -> Unit:
    return Unit(patient, dice, outlined, wanted, frozenset(rules))


REFERENCES = Fired(
    slices=(unit("compactness"), unit(patient="b"), unit(outlined=False, wanted=False)),
    studies=(unit("compactness", "midline"), unit("midline", patient="b")),
)
OUTLINES = Fired(
    slices=(
        unit("jump-place", dice=0.2),
        unit("compactness", dice=0.4),
        unit(dice=0.1, patient="b"),
        unit("jump-place", dice=0.0, outlined=False),
        unit(dice=1.0, outlined=False, wanted=False),
        unit("isolated", "compactness", dice=0.9, patient="b"),
        unit("isolated", dice=0.6, patient="b"),
    ),
    studies=(unit("jump-place", "compactness", dice=0.5), unit("isolated", "compactness", patient="b")),
)


def test_every_rule_of_shape_and_volume_has_a_row_and_the_others_none() -> None:
    assert set(SHAPE_RULES + VOLUME_RULES) == {
        spec.key for spec in RULES if spec.cause not in ("confidence", "ood", "quality")
    }
    report = report_of("toy", REFERENCES, OUTLINES)
    assert {row.rule for row in report.rows} == set(SHAPE_RULES + VOLUME_RULES)
    assert [row.rule for row in report.groups] == [name for name, _ in GROUPS]


def test_shares_are_counted_over_slices_of_each_kind() -> None:
    report = report_of("toy", REFERENCES, OUTLINES)
    rows = {row.rule: row for row in (*report.rows, *report.groups)}
    jump = rows["jump-place"]
    assert (jump.failed.mean, jump.failed.n) == (pytest.approx(1 / 3), 3)
    assert (jump.missed.mean, jump.empty.mean, jump.good.mean) == (1.0, 0.0, 0.0)
    assert (rows["compactness"].references.mean, rows["compactness"].references.n) == (0.5, 2)
    assert (rows["shape"].failed.mean, rows["volume"].failed.mean) == (
        pytest.approx(1 / 3),
        pytest.approx(1 / 3),
    )
    assert rows["both"].failed.mean == pytest.approx(2 / 3)
    assert (rows["both"].failed_studies.mean, rows["both"].good_studies.n) == (1.0, 1)


def test_rule_that_is_off_has_a_row_but_does_not_count_in_a_group() -> None:
    report = report_of("toy", REFERENCES, Fired(OUTLINES.slices, (unit("midline", dice=0.1),)))
    rows = {row.rule: row for row in (*report.rows, *report.groups)}
    assert (rows["midline"].on, rows["midline"].failed_studies.mean) == (False, 1.0)
    assert rows["midline"].reference_studies.mean == 1.0
    assert rows["both"].failed_studies.mean == 0.0


def test_rule_of_whole_studies_is_left_out_of_the_table_of_slices() -> None:
    text = text_of("Toy", report_of("toy", REFERENCES, OUTLINES))
    slices, studies = text.split("## Whole studies")
    assert "Crosses the midline (off)" not in slices
    assert "Crosses the midline (off)" in studies
    assert "$" not in text
    assert "failed (n = 3)" in slices


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    return load_training_set(write_toy(tmp_path_factory.mktemp("toy")))


def references(data: TrainingSet) -> dict[str, np.ndarray]:
    return {name: data.mask[data.patient == name] for name in data.patients}


def test_outline_that_jumps_is_told_by_limits_of_the_other_patients(toy: TrainingSet) -> None:
    outlines = references(toy)
    # Slices are numbered 1, 2, 3, 9, 10, 11; slices 3 and 9 are empty. Slice 2 is moved to another place.
    moved = outlines["p1"].copy()
    moved[1] = np.roll(moved[1], (10, 8), axis=(0, 1))
    outlines["p1"] = moved
    fired = fired_on(toy, outlines)
    assert len(fired.slices) == 24
    second = fired.slices[[each.patient for each in fired.slices].index("p1") + 1]
    assert "jump-place" in second.rules
    assert second.dice < 0.5


def test_limits_of_a_patient_do_not_see_its_own_reference(toy: TrainingSet) -> None:
    # The largest lesion is that of p3: under limits from the others its own reference is too large.
    fired = fired_on(toy, references(toy))
    largest = next(each for each in fired.studies if each.patient == "p3")
    assert "area-large" in largest.rules


def test_shipped_tables_come_from_this_report() -> None:
    folder = Path(__file__).parents[3] / "assets" / "models" / "lgg-unet"
    report = RulesReport.model_validate_json((folder / "rules.json").read_text())
    assert text_of(read_record(folder / "model.json").title, report) == (folder / "RULES.md").read_text()
