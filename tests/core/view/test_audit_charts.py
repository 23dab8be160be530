"""Figures of a training audit draw what the audit says, and nothing is drawn of what is not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.audit import AttentionPoint, Audit, Curve, audit_study, read_study, read_study_paths
from core.types import NamedBytes
from core.view.audit_charts import (
    attention_chart,
    confusion_chart,
    fold_table,
    loss_chart,
    score_chart,
    threshold_chart,
)

GOLDEN = Path(__file__).resolve().parents[3] / "assets" / "audit" / "golden_two_class_mil.json"


@pytest.fixture(scope="module")
def golden() -> Audit:
    return audit_study(read_study_paths([GOLDEN]))


def test_fold_table_has_a_row_per_fold_then_the_summary(golden: Audit) -> None:
    rows = fold_table(golden)
    assert [row["fold"] for row in rows] == [
        *("01234"), "mean [95 %]", "SD (n-1)", "SD (n)", "minimum", "maximum", "reported mean", "reported SD",
    ]  # fmt: skip
    assert len({tuple(row) for row in rows}) == 1
    assert rows[0]["loss best → final"] == "0.451 → 0.586" and rows[0]["best epoch"] == "12"
    assert (rows[6]["AUC"], rows[7]["AUC"], rows[-1]["accuracy"]) == ("0.0288", "0.0257", "0.1130")
    assert rows[0]["AUC"] == "0.9095 [0.835–0.984]"


def test_matrix_shows_counts_and_shares(golden: Audit) -> None:
    figure = confusion_chart(golden.folds[0], golden.classes)
    assert figure is not None
    assert [list(line) for line in figure.data[0].text] == [["15", "0"], ["39", "3"]]
    assert figure.data[0].z[1][1] == pytest.approx(3 / 42)


def test_two_losses_are_two_points_and_what_is_not_logged_is_not_drawn(golden: Audit) -> None:
    row = golden.folds[0]
    figure = loss_chart(row)
    assert figure is not None and list(figure.data[0].y) == [0.451, 0.586]
    assert score_chart(row) is None and attention_chart(row) is None and threshold_chart(golden) is None
    assert confusion_chart(row.model_copy(update={"confusion": None}), golden.classes) is None


def test_curves_mark_best_and_final_epoch(golden: Audit) -> None:
    curves = (
        Curve(split="validation", key="loss", epochs=(0, 1, 2), values=(0.9, 0.5, 0.7)),
        Curve(split="validation", key="auc", epochs=(0, 1, 2), values=(0.6, 0.9, 0.8)),
    )
    row = golden.folds[0].model_copy(update={"curves": curves, "best_epoch": 1, "final_epoch": 2})
    loss, score = loss_chart(row), score_chart(row)
    assert loss is not None and score is not None
    assert list(loss.data[0].y) == [0.9, 0.5, 0.7] and list(score.data[0].y) == [0.6, 0.9, 0.8]
    assert [shape.x0 for shape in loss.layout.shapes] == [1, 2]
    assert [each.text for each in loss.layout.annotations] == ["best", "final"]


def test_attention_draws_what_is_logged(golden: Audit) -> None:
    points = (AttentionPoint(epoch=0, top1=0.2, effective_exp=5.0), AttentionPoint(epoch=1, top1=0.9))
    figure = attention_chart(golden.folds[0].model_copy(update={"attention": points}))
    assert figure is not None
    assert [each.name for each in figure.data] == ["top-1 weight", "effective instances exp(H)"]
    assert [each.yaxis for each in figure.data] == ["y", "y2"]


def test_thresholds_are_two_bars_per_fold() -> None:
    rows = "".join(f"{fold},{k},{k % 2},{0.2 + 0.1 * (k % 2)}\n" for fold in "12" for k in range(20))
    found = audit_study(read_study([NamedBytes("p.csv", f"fold,case,label,prob\n{rows}".encode())]))
    figure = threshold_chart(found)
    assert figure is not None
    assert [list(each.y) for each in figure.data] == [[0.5, 0.5], [1.0, 1.0]]


def test_names_that_begin_alike_stay_apart_and_markup_stays_text(golden: Audit) -> None:
    names = ("<b>" + "x" * 40 + "1", "<b>" + "x" * 40 + "2")
    figure = confusion_chart(golden.folds[0].model_copy(update={"fold": names[0]}), names)
    assert figure is not None and list(figure.data[0].x) == [0, 1]
    drawn = figure.to_plotly_json()
    assert "<b>" not in str(drawn) and "&lt;b&gt;xx" in str(drawn)
    assert figure.layout.height > 0 and len(figure.layout.xaxis.ticktext[0]) < len(names[0])
