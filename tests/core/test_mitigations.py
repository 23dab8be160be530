"""Every mitigation on toy cases, before and after, as a document and by the command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from core.cli import main
from core.config import CorruptionStep
from core.errors import SettingsProblem
from core.metrics.agreement.overlap import dice
from core.mitigation import MITIGATIONS, largest_component
from core.pipeline.mitigations import mitigate
from core.pipeline.stress import stress
from core.report.mitigations import gain_sentence, mitigation_markdown
from core.store import Store
from tests.core.inference.conftest import make_record
from tests.core.test_stress import worse
from tests.core.toy_runs import CONFIG, SETTINGS, make_case, put_cohort, write_model

STEP = CorruptionStep(key="gaussian_noise", severity=2.0)
POINT = CONFIG.model_copy(update={"estimator": CONFIG.estimator.model_copy(update={"kind": "point"})})


@pytest.fixture
def store(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    write_model(home, make_record(tmp_path_factory.mktemp("tiny")))
    with Store.open(settings=SETTINGS) as opened:
        yield opened


def test_rows_hold_what_the_models_said_before_and_after(store: Store) -> None:
    cases = [make_case(number, slices=2) for number in (1, 2, 4, 5)]
    cohort = put_cohort(store, cases)
    rows = {row.mitigation: row for row in mitigate(store, cohort.id, "tiny", STEP)}
    assert set(rows) == {spec.key for spec in MITIGATIONS}
    config = worse((STEP.key, STEP.severity), config=POINT)
    base = [stress(store, case, config).result for case in cases]
    refs = [case.reference.mask_ref for case in cases]  # type: ignore[union-attr]
    before = [dice(each.analysis.mask_pred > 0, ref) for each, ref in zip(base, refs, strict=True)]
    after = [
        dice(largest_component(each.analysis.mask_pred > 0), ref)
        for each, ref in zip(base, refs, strict=True)
    ]
    row = rows["largest_component"]
    assert row.before.value == pytest.approx(np.mean(before))
    assert row.after.value == pytest.approx(np.mean(after))
    assert row.gain.value == pytest.approx(np.mean(after) - np.mean(before))
    assert (row.patients, row.units, row.time_ratio) == (4, 4, None)
    assert rows["ensemble"].time_ratio is not None and rows["deferral"].coverage is not None
    assert rows["temperature"].better == "ECE" and rows["temperature"].note.startswith("T = ")


def test_document_has_a_sentence_in_every_row(store: Store) -> None:
    cohort = put_cohort(store, [make_case(number) for number in (1, 2)])
    rows = mitigate(store, cohort.id, "tiny", None, ["fill_holes", "remove_small"])
    text = mitigation_markdown(rows, title="T", places=["on clean pictures"] * 2, introduction="I.")
    assert text.count("| what it says |") == 1
    assert all(gain_sentence(row, "on clean pictures") in text for row in rows)


def test_cohort_without_references_or_an_unknown_mitigation_is_refused(store: Store) -> None:
    cohort = put_cohort(store, [make_case(1, reference=False)])
    with pytest.raises(SettingsProblem, match="reference"):
        mitigate(store, cohort.id, "tiny", None, ["fill_holes"])
    with pytest.raises(SettingsProblem, match="no such mitigation"):
        mitigate(store, cohort.id, "tiny", None, ["prayer"])


def test_command_says_sign_and_sentence(
    home: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write_model(home, make_record(tmp_path_factory.mktemp("tiny")))
    with Store.open(settings=SETTINGS) as store:
        put_cohort(store, [make_case(number) for number in (1, 2)])
    done = CliRunner().invoke(
        main,
        [
            "mitigate", "toys", "--model", "tiny", "--on", "clean,spike:2", "--mitigation", "fill_holes",
            "--out", str(tmp_path / "gains.md"),
        ],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "Holes filled did not help on clean pictures" in done.output
    assert "under k-space spike 2" in (tmp_path / "gains.md").read_text()
    wrong = CliRunner().invoke(main, ["mitigate", "toys", "--on", "spike"])
    assert wrong.exit_code == 2
