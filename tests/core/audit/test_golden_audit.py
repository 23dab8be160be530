"""The published audit of a two-class MIL study: every true statement, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from core.audit import Audit, audit_study, read_study_paths
from core.cli import main

GOLDEN = Path(__file__).resolve().parents[3] / "assets" / "audit" / "golden_two_class_mil.json"
FOLDS = [f"fold {k}" for k in range(5)]
EXPECTED = {
    *(("accuracy-matrix", fold) for fold in FOLDS),
    # The matrix contradicts F1 in each fold too: the best it could give is 0.83 (fold 2), reported is 0.8507.
    *(("f1-matrix", fold) for fold in FOLDS),
    # 0.8105 is the mean of the folds. Of AUC (0.96094) and F1 (0.79028) the means are right within rounding.
    ("mean-not-from-folds", "summary, accuracy"),
    # 0.8088 * 285 = 230.5: between two possible means.
    ("mean-impossible", "summary, accuracy"),
    *(("sd-not-from-folds", f"summary, {score}") for score in ("AUC", "F1", "accuracy")),
    ("best-epoch-headline", "AUC"),
    *(("class-collapse", f"fold {k}, high-grade") for k in (0, 3, 4)),
    *(("overfitting", fold) for fold in FOLDS),
    # 35 of 57 against 196 of 228.
    ("fold-stands-out", "fold 1"),
    ("attention-not-logged", "study"),
}


@pytest.fixture(scope="module")
def golden() -> Audit:
    return audit_study(read_study_paths([GOLDEN]))


def evidence(audit: Audit, code: str, where: str) -> str:
    (found,) = [each for each in audit.findings if (each.code, each.where) == (code, where)]
    return found.evidence


def test_exactly_the_true_statements_are_found(golden: Audit) -> None:
    found = [(each.code, each.where) for each in golden.findings]
    assert set(found) == EXPECTED
    assert len(found) == len(EXPECTED)


def test_evidence_holds_the_numbers(golden: Audit) -> None:
    # 3 + 15 of 57
    assert "18 of 57 right, 0.3158" in evidence(golden, "accuracy-matrix", "fold 0")
    assert "0.8105, reported is 0.8088" in evidence(golden, "mean-not-from-folds", "summary, accuracy")
    assert "0.0257 (divisor n) or 0.0288 (divisor n-1), reported is 0.0273" in evidence(
        golden, "sd-not-from-folds", "summary, AUC"
    )
    headline = evidence(golden, "best-epoch-headline", "AUC")
    assert "0.8857, 0.9730, 0.9333, 0.8921, 0.9476" in headline
    # (0.8857 + 0.9730 + 0.9333 + 0.8921 + 0.9476) / 5
    assert "0.9609 against 0.9263" in headline and "F1 and accuracy are not given" in headline
    assert "3 of 42 are right" in evidence(golden, "class-collapse", "fold 0, high-grade")
    assert "from 0.451 at its best (epoch 12) to 0.586" in evidence(golden, "overfitting", "fold 0")


def test_accuracy_and_auc_lie_on_their_grids_all_the_same(golden: Audit) -> None:
    assert golden.held == (
        "Every reported accuracy (5) is a multiple of 1/57, as it must be.",
        "Every reported AUC (5) is a multiple of 1/630, as it must be.",
    )


def test_f1_is_macro_and_means_another_matrix(golden: Audit) -> None:
    assert [row.f1_fits for row in golden.folds] == [("macro",)] * 5
    # 45 of 57 = 0.7895; F1 of 31/42 and 14/15: (62/74 + 28/40) / 2 = 0.7689
    assert "31 of 42 high-grade and 14 of 15 low-grade" in evidence(golden, "f1-matrix", "fold 0")


def test_every_finding_is_answered_and_every_answer_is_asked_for(golden: Audit) -> None:
    codes = {each.code for each in golden.findings}
    answered = {code for each in golden.recommendations for code in each.answers}
    assert answered == codes


def test_command_prints_one_document_and_gates() -> None:
    done = CliRunner().invoke(main, ["audit", str(GOLDEN), "--json", "--fail-on", "class-collapse"])
    document = json.loads(done.stdout)
    assert done.exit_code == 3 and "gate not met: class-collapse" in done.stderr
    assert {"verdict", "findings", "folds"} <= set(document) and len(document["folds"]) == 5
    assert all(
        {"code", "severity", "where", "evidence", "advice"} <= set(each)
        and each["evidence"]
        and each["advice"]
        for each in document["findings"]
    )


def test_command_without_a_met_gate_ends_well_and_an_unknown_gate_is_refused() -> None:
    run = CliRunner()
    assert run.invoke(main, ["audit", str(GOLDEN), "--fail-on", "group-leak"]).exit_code == 0
    refused = run.invoke(main, ["audit", str(GOLDEN), "--fail-on", "colour"])
    assert refused.exit_code == 2 and "'colour'" in refused.stderr


def test_command_names_a_missing_file() -> None:
    done = CliRunner().invoke(main, ["audit", "no-such-file.json"])
    assert done.exit_code == 2 and done.stderr.startswith("second-look: no-such-file.json: ")
