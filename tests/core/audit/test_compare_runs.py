"""Before and after in one table: the run made to collapse, and the same one cured."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.audit import Audit, audit_study, read_study_paths
from core.audit.compare import compare_runs

AUDITS = Path(__file__).parents[3] / "assets" / "audit"
COLUMNS = "epoch,train_loss,val_loss,attention_entropy,attention_top1,attention_effective_exp"
LOG = f"{COLUMNS}\n0,0.7,0.7,0.6,0.5,1.8\n"
PREDICTIONS = "fold,case,group,label,prob\n0,a,p,0,0.2\n0,b,p,0,0.7\n0,c,q,1,0.8\n0,d,q,1,0.9\n"


def audited(folder: Path) -> Audit:
    logs = [folder / "predictions.csv", *sorted(folder.glob("fold_*/metrics.csv"))]
    return audit_study(read_study_paths([str(path) for path in logs]))


def test_a_row_holds_scores_predicted_share_and_the_last_attention(tmp_path: Path) -> None:
    (tmp_path / "fold_0").mkdir()
    (tmp_path / "fold_0" / "metrics.csv").write_text(LOG + "1,0.6,0.6,0.3,0.75,1.35\n")
    (tmp_path / "predictions.csv").write_text(PREDICTIONS)
    (row,) = compare_runs([("toy", audited(tmp_path))])
    # One of two negatives is called positive; both positives are found, above all negatives.
    scores = (row.auc, row.sensitivity, row.specificity, row.balanced_accuracy, row.predicted_positive)
    assert scores == pytest.approx((1.0, 1.0, 0.5, 0.75, 0.75))
    assert (row.top1, row.effective_exp, row.normalised_entropy, row.folds) == (0.75, 1.35, None, 1)


def test_what_is_not_logged_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,train_loss,val_loss\n0,0.7,0.7\n1,0.6,0.6\n")
    (row,) = compare_runs([("bare", audit_study(read_study_paths([str(path)])))])
    assert (row.auc, row.predicted_positive, row.top1) == (None, None, None)


def test_the_cure_undoes_both_collapses() -> None:
    before, after = compare_runs(
        [(kind, audited(AUDITS / f"lgg-mil-{kind}")) for kind in ("collapsed", "cured")]
    )
    assert before.top1 is not None and after.top1 is not None
    assert (before.top1 > 0.9, after.top1 < 0.5) == (True, True)
    assert before.predicted_positive is not None and before.predicted_positive > 0.9
    assert after.predicted_positive is not None and 0.4 < after.predicted_positive < 0.8
    assert before.balanced_accuracy is not None and after.balanced_accuracy is not None
    assert after.balanced_accuracy > before.balanced_accuracy + 0.1
    assert any("From epoch 3" in evidence for severity, _, evidence in before.findings if severity == "error")
    assert not any(severity == "error" for severity, _, _ in after.findings)
