"""What an audit has beside its findings: advice, what was not checked, and all tables and charts."""

from __future__ import annotations

import streamlit as st

from core.audit import Audit, FoldRow, finding_spec
from pages.ui import audit_evidence, audit_findings
from pages.ui.audit_source import Source
from pages.ui.audit_words import fold_words
from pages.ui.text import safe_text

VIEWS = {
    "folds": "Folds",
    "matrices": "Confusion matrices",
    "curves": "Loss and scores",
    "attention": "Attention",
    "thresholds": "Thresholds",
}
MOST_MATRICES = 12
PER_ROW = 3


def advice(audit: Audit, in_sight: frozenset[str]) -> None:
    """What to do, each with the findings that it answers; in_sight: kinds that a link can lead to."""
    if not audit.recommendations:
        return
    st.header("What to do", anchor=False)
    for each in audit.recommendations:
        answered = "; ".join(_answered(audit, code, code in in_sight) for code in each.answers)
        st.markdown(f"**{safe_text(each.title)}.** {safe_text(each.text, 300)}  \n:gray[Answers:] {answered}")


def _answered(audit: Audit, code: str, linked: bool) -> str:
    times = sum(each.code == code for each in audit.findings)
    words = f"{safe_text(finding_spec(code).title)} ({times})"
    return f"[{words}](#{audit_findings.anchor(code)})" if linked else f":gray[{words}]"


def not_checked(audit: Audit) -> None:
    """What holds; what could not be looked at, and why."""
    if audit.held:
        st.header("What holds", anchor=False)
        st.markdown("\n".join(f"- {safe_text(each, 300)}" for each in audit.held))
    st.header("What was not checked", anchor=False)
    if not audit.not_checked:
        st.markdown("Everything that an audit looks at was given.")
        return
    st.markdown("\n".join(f"- {safe_text(each, 300)}" for each in audit.not_checked))


def show(source: Source, audit: Audit) -> None:
    """All tables and charts, one kind at a time."""
    st.header("What all of this rests on", anchor=False)
    offered = [each for each in VIEWS if each in _known(audit)]
    view = st.segmented_control(
        "Shown", offered, default=offered[0], format_func=VIEWS.get, key="audit_view", required=True,
        bind="query-params", persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    key = f"material_{source.key}"
    if view == "matrices":
        _matrices(audit, key)
    elif view == "curves":
        row = _pick(audit, [each for each in audit.folds if _has_curves(each)], key)
        audit_evidence.curves(row, key)
    elif view == "attention":
        row = _pick(audit, [each for each in audit.folds if each.attention], key)
        audit_evidence.attention(row, key)
    elif view == "thresholds":
        audit_evidence.thresholds(audit, key)
    else:
        audit_evidence.scores_of_folds(audit, key)
        st.caption(
            "How to read this: intervals are 95 %, Wilson for shares of cases, Hanley and McNeil for AUC; of "
            "the mean Student's t over folds, taken as independent, which they are not quite."
        )


def _known(audit: Audit) -> set[str]:
    known = {"folds"}
    if any(each.confusion is not None for each in audit.folds):
        known.add("matrices")
    if any(_has_curves(each) for each in audit.folds):
        known.add("curves")
    if any(each.attention for each in audit.folds):
        known.add("attention")
    return known | {"thresholds"} if audit.thresholds else known


def _has_curves(row: FoldRow) -> bool:
    return bool(row.curves) or (row.loss_best is not None and row.loss_final is not None)


def _pick(audit: Audit, rows: list[FoldRow], key: str) -> FoldRow:
    """One of these folds: the one that the page is narrowed to, where it is among them."""
    words, by_name = fold_words(audit), {each.fold: each for each in rows}
    narrowed = audit_findings.chosen_fold(audit)
    if narrowed in by_name:
        return by_name[narrowed]
    if len(rows) == 1:
        return rows[0]
    chosen = st.selectbox("Fold", list(by_name), format_func=words.get, key=f"{key}_fold", width=260)
    return by_name[chosen or rows[0].fold]


def _matrices(audit: Audit, key: str) -> None:
    narrowed = audit_findings.chosen_fold(audit)
    rows = [each for each in audit.folds if each.confusion is not None]
    rows = [each for each in rows if each.fold == narrowed] or rows
    for start in range(0, min(len(rows), MOST_MATRICES), PER_ROW):
        for place, column in enumerate(st.columns(PER_ROW), start):
            if place < len(rows):
                with column:
                    audit_evidence.matrix(audit, rows[place], f"{key}_{place}")
    more = f" The first {MOST_MATRICES} of {len(rows)} folds are shown; choose one above for others."
    st.caption(
        "How to read this: rows are the reference, columns what was predicted; the stronger the blue, the "
        f"larger the share of the class.{more if len(rows) > MOST_MATRICES else ''}"
    )
