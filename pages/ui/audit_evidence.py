"""What one finding rests on: matrix, curves, attention, thresholds, tables or facts of the study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import streamlit as st

from core.audit import Audit, Evidence, Finding, FoldRow
from core.view.audit_charts import (
    attention_chart,
    confusion_chart,
    fold_table,
    loss_chart,
    score_chart,
    threshold_chart,
)
from core.view.charts import CONFIG
from core.view.words import NOT_AVAILABLE, count, number
from pages.ui import tables
from pages.ui.audit_source import Source
from pages.ui.audit_words import files_words, fold_words
from pages.ui.text import plain_text, safe_text

HERE = "Here"
"""Column that marks the rows that a finding speaks of."""
MARKED = "▶"
NOT_LOGGED = (
    "No file holds anything of attention here. Log the entropy, the largest weight and the effective number "
    "of instances at each epoch; the names that are understood stand under “What the files must look like”."
)
CHARACTER_PX, CELL_PADDING_PX = 7, 22
WHOLE_ROWS = 20
"""Rows of a table that is shown in full; a longer one scrolls."""


def show(source: Source, audit: Audit, place: int) -> None:
    """The evidence of the finding at that place."""
    finding = audit.findings[place]
    with st.container(key=f"rests_on_{source.key}_{place}"):
        DRAWN[finding.rests_on](audit, finding, f"evidence_{source.key}_{place}")


def scores_of_folds(audit: Audit, key: str, marked: Iterable[str] = ()) -> None:
    """The table of folds and of what follows from them; marked: names of folds to point at."""
    named = set(marked)
    rows = [
        {HERE: MARKED if place < len(audit.folds) and row["fold"] in named else ""} | row
        for place, row in enumerate(fold_table(audit))
    ]
    _frame(rows if named else [_without(row, HERE) for row in rows], f"{key}_folds", "Scores of each fold")


def matrix(audit: Audit, row: FoldRow, key: str) -> bool:
    """The confusion matrix of a fold; whether there is one."""
    figure = confusion_chart(row, audit.classes)
    if figure is None:
        return False
    words = f"Confusion matrix of fold {plain_text(row.fold, 40)}"
    st.plotly_chart(figure, key=f"{key}_matrix", config=CONFIG, alt=words)
    return True


def curves(row: FoldRow, key: str) -> bool:
    """Loss and scores over the epochs of a fold; whether there are any."""
    drawn = [
        (figure, name)
        for figure, name in ((loss_chart(row), "Loss"), (score_chart(row), "Scores"))
        if figure is not None
    ]
    if not drawn:
        return False
    columns = st.columns(2, gap="medium")
    for column, (figure, name) in zip(columns, drawn, strict=False):
        words = f"{name} of fold {plain_text(row.fold, 40)} over the epochs"
        column.plotly_chart(figure, key=f"{key}_{name}", config=CONFIG, alt=words)
    if len(drawn) == 1:
        with columns[1]:
            _scores(row)
    st.caption(_epochs(row))
    return True


def attention(row: FoldRow, key: str) -> bool:
    """Diagnostics of attention over the epochs of a fold; whether they were logged."""
    figure = attention_chart(row)
    if figure is None:
        return False
    words = f"Attention of fold {plain_text(row.fold, 40)} over the epochs"
    st.plotly_chart(figure, key=f"{key}_attention", config=CONFIG, alt=words)
    st.caption(
        "How to read this: shares are drawn against the left axis, instances and nats against the right one. "
        "A top-1 weight near 1 looks at one instance; a normalised entropy near 1 is a plain mean."
    )
    return True


def thresholds(audit: Audit, key: str, marked: Iterable[str] = ()) -> bool:
    """Balanced accuracy at 0.5 and at the threshold fitted elsewhere; whether predictions allowed it."""
    figure = threshold_chart(audit)
    if figure is None:
        return False
    named = set(marked)
    st.plotly_chart(figure, key=f"{key}_threshold", config=CONFIG, alt="Balanced accuracy at two thresholds")
    rows: list[dict[str, str]] = [
        {
            HERE: MARKED if each.fold in named else "", "fold": each.fold,
            "threshold": number(each.threshold), "fitted on": each.fitted_on,
            "at 0.5": number(each.before), "at the threshold": number(each.after),
            "gain [99 %]": f"{each.gain:+.3f} [{each.low:+.3f}, {each.high:+.3f}]",
        }
        for each in audit.thresholds
    ]  # fmt: skip
    _frame(rows if named else [_without(row, HERE) for row in rows], f"{key}_gains", "Gain of each fold")
    st.caption(
        "How to read this: balanced accuracy on the fold. The threshold was fitted on other cases, so the "
        "gain is what could be had; an interval that holds 0 may be chance."
    )
    return True


def _confusion(audit: Audit, finding: Finding, key: str) -> None:
    for row in _rows(audit, finding, key):
        left, right = st.columns([2, 3], gap="large")
        with left:
            if not matrix(audit, row, key):
                st.caption("No matrix is given for this fold, and no predictions to count one from.")
        with right:
            _scores(row)


def _scores(row: FoldRow) -> None:
    if not row.scores:
        st.caption("No score is given for this fold.")
        return
    tables.show(
        ("Score", "Value", "95 %", "Source"),
        [
            (
                each.label,
                NOT_AVAILABLE if each.value is None else f"{each.value:.4f}",
                NOT_AVAILABLE if each.low is None else f"{each.low:.3f} to {each.high:.3f}",
                "given" if each.reported else "computed",
            )
            for each in row.scores
        ],
    )
    if row.f1_fits:
        st.caption(f"The reported F1 fits: {safe_text(', '.join(row.f1_fits))}.")


def _curves(audit: Audit, finding: Finding, key: str) -> None:
    for row in _rows(audit, finding, key):
        if not curves(row, key):
            st.caption("No curve is given for this fold; the figures stand in the table.")
    scores_of_folds(audit, key, finding.folds)


def _attention(audit: Audit, finding: Finding, key: str) -> None:
    if not any(each.attention for each in audit.folds):
        st.caption(NOT_LOGGED)
        return
    for row in _rows(audit, finding, key):
        if not attention(row, key):
            st.caption(NOT_LOGGED)


def _threshold(audit: Audit, finding: Finding, key: str) -> None:
    if not thresholds(audit, key, finding.folds):
        st.caption("There are no predictions to fit a threshold on.")
    _confusion(audit, finding, key)


def _fold_table(audit: Audit, finding: Finding, key: str) -> None:
    scores_of_folds(audit, key, finding.folds)
    _sizes(audit, finding, key)


def _cases(audit: Audit, finding: Finding, key: str) -> None:
    st.caption(
        f"Counted in the predictions ({safe_text(files_words(audit.sources), 200)}), which are not kept: "
        "look there for what is named above."
    )
    _sizes(audit, finding, key)
    scores_of_folds(audit, key, finding.folds)


def _sizes(audit: Audit, finding: Finding, key: str) -> None:
    """Cases of each class in each fold."""
    named = set(finding.folds)
    rows: list[dict[str, str]] = []
    for row in audit.folds:
        counts = row.counts or (None,) * len(audit.classes)
        cells: dict[str, str] = {HERE: MARKED if row.fold in named else "", "fold": row.fold}
        cells["cases"] = NOT_AVAILABLE if row.cases is None else str(row.cases)
        for name, n in zip(audit.classes, counts, strict=True):
            cells[f"cases of {name}"] = NOT_AVAILABLE if n is None else str(n)
        rows.append(cells)
    _frame(rows if named else [_without(row, HERE) for row in rows], f"{key}_sizes", "Cases of each class")


def _summary(audit: Audit, finding: Finding, key: str) -> None:
    rows: list[dict[str, str]] = [
        {
            HERE: MARKED if finding.where.endswith(f", {each.label}") else "", "score": each.label,
            "mean of the folds": _four(each.mean), "reported mean": _four(each.reported_mean),
            "SD (n-1)": _four(each.sd), "SD (n)": _four(each.sd_n), "reported SD": _four(each.reported_sd),
            "minimum": _four(each.minimum), "maximum": _four(each.maximum),
        }
        for each in audit.summary
    ]  # fmt: skip
    _frame(rows, f"{key}_summary", "Each score over the folds")
    scores_of_folds(audit, key)


def _study(audit: Audit, finding: Finding, key: str) -> None:
    tables.show(
        ("What", "Given"),
        [
            ("Title", plain_text(audit.title or NOT_AVAILABLE)),
            ("Classes", plain_text(", ".join(audit.classes), 200)),
            ("Folds", count(len(audit.folds), "fold")),
            ("Files", plain_text(files_words(audit.sources), 200)),
        ],
    )


def _rows(audit: Audit, finding: Finding, key: str) -> tuple[FoldRow, ...]:
    """The fold that is shown, chosen where the finding is about several; none without folds."""
    by_name = {each.fold: each for each in audit.folds}
    names = [each for each in finding.folds or by_name if each in by_name]
    if len(names) > 1:
        words = fold_words(audit)
        chosen = st.selectbox("Fold", names, format_func=words.get, key=f"{key}_fold", width=260)
        names = [chosen or names[0]]
    return tuple(by_name[each] for each in names)


def _epochs(row: FoldRow) -> str:
    said = []
    if row.best_epoch is not None:
        known = "as given" if row.best_from == "given" else "where the smoothed validation loss is lowest"
        said.append(f"best epoch {row.best_epoch} ({known})")
    if row.final_epoch is not None:
        said.append(f"final epoch {row.final_epoch}")
    if row.loss_best is not None and row.loss_final is not None:
        curve = any((each.split, each.key) == ("validation", "loss") for each in row.curves)
        means = " (means over a tenth of the epochs)" if curve else ""
        said.append(f"validation loss {number(row.loss_best)} → {number(row.loss_final)}{means}")
    return f"How to read this: {', '.join(said)}." if said else "Neither a best nor a final epoch is known."


def _frame(rows: Sequence[Mapping[str, str]], key: str, alt: str) -> None:
    """A table that scrolls by itself; names and cells come from files."""
    names = dict(zip(rows[0], _headings(rows[0]), strict=True)) if rows else {}
    data = {head: [plain_text(each[name], 80) for each in rows] for name, head in names.items()}
    columns = {
        head: st.column_config.Column(
            pinned=head in (HERE, "fold", "score"),
            width=CELL_PADDING_PX + CHARACTER_PX * max(len(each) for each in (head, *cells)),
        )
        for head, cells in data.items()
    }
    height = "content" if len(rows) <= WHOLE_ROWS else "auto"
    st.dataframe(data, hide_index=True, column_config=columns, height=height, key=key, alt=alt)


def _headings(names: Iterable[str]) -> list[str]:
    """Column heads that differ from each other once they are cut."""
    heads: list[str] = []
    for name in names:
        head = plain_text(name, 40) or NOT_AVAILABLE
        heads.append(head if head not in heads else f"{head} ({len(heads)})")
    return heads


def _without(row: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in row.items() if key != name}


def _four(value: float | None) -> str:
    return NOT_AVAILABLE if value is None else f"{value:.4f}"


DRAWN: dict[Evidence, Callable[[Audit, Finding, str], None]] = {
    "fold table": _fold_table,
    "confusion": _confusion,
    "curves": _curves,
    "attention": _attention,
    "threshold": _threshold,
    "cases": _cases,
    "summary": _summary,
    "study": _study,
}
