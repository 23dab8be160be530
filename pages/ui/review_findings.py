"""What the decisions say: risk among accepted cases against the promise, and agreement between readers."""

from __future__ import annotations

import streamlit as st

from core.pipeline.reviews import agreements, observed_at
from core.review import Agreement, ObservedRisk
from core.store import Store
from core.types.reviews import DECISIONS
from core.view.words import NOT_AVAILABLE, count, interval, number, percent
from pages.ui import review_queue, tables
from pages.ui.folded import folded
from pages.ui.menu import COVERAGE, REVIEW
from pages.ui.review_queue import Queue
from pages.ui.rows import rows
from pages.ui.text import plain_text, safe_text

WORDS = {"accept": "accept", "reject": "reject", "correct": "needs correction", "unsure": "unsure"}


def show(store: Store, queue: Queue) -> None:
    """Two folded parts; an alarm stands outside."""
    state = store.reviews.state()
    risk = None
    if queue.point is not None:
        risk = observed_at(state, queue.items, queue.point, queue.reader.name)
    if risk is not None and risk.alarm:
        st.warning(f"**What you found contradicts the operating point.** {_risk_words(queue, risk)}")
    with st.expander("What you found, against what was promised", key="observed"):
        _observed(queue, risk)
    with folded("Agreement between readers", "agreement") as opened:
        if not opened.open:
            return
        found = agreements(state, queue.reader.name, queue.items)
        if not found:
            st.markdown(
                "Nobody else has decided a case that you have decided too. What others decided stays hidden "
                "until you have decided the same case."
            )
        for each in found:
            _agreement(store, queue, each)


def _observed(queue: Queue, risk: ObservedRisk | None) -> None:
    if queue.point is None:
        st.markdown("No operating point is in force for this run, so there is no promise to check.")
        st.page_link(COVERAGE, label="Choose one", query_params=review_queue.address())
        return
    if risk is None:
        st.markdown(
            f"The operating point {safe_text(queue.point.label)} is for single slices; decisions are about "
            "cases."
        )
        return
    st.markdown(_risk_words(queue, risk))
    if len(risk.drift) > 1:
        tables.show(
            ("From", "To", "Decided", "Failures", "Observed risk"),
            [
                (
                    _day(each.first_utc),
                    _day(each.last_utc),
                    str(each.n),
                    str(each.failures),
                    _estimate(each.risk),
                )
                for each in risk.drift
            ],
        )
        if risk.drifted:
            st.warning("The risk has grown: the interval of the last part lies above that of the first.")
    st.caption(
        "How to read this: of the cases that the operating point lets pass, the share that you rejected or "
        "found in need of correction; unsure ones are left out. Exact 95 % interval, which takes cases as "
        "independent. It speaks for the cases that you looked at: review a random part of the accepted "
        "ones, or it flatters or blackens."
    )


def _risk_words(queue: Queue, risk: ObservedRisk) -> str:
    assert queue.point is not None
    label = f"**{safe_text(queue.point.label)}** lets {count(risk.passed, 'case')} pass"
    if not risk.n:
        return f"{label}; you have decided none of them yet."
    said = "it makes no promise about failures"
    if risk.promised is not None:
        bound = "" if risk.bound is None else f", at most {percent(risk.bound)}"
        said = f"it promised {percent(risk.promised)}{bound}"
    return (
        f"{label}. Among {count(risk.n, 'decided one')} you found {count(risk.failures, 'failure')}: "
        f"observed risk **{_estimate(risk.risk)}**; {said}."
    )


def _agreement(store: Store, queue: Queue, found: Agreement) -> None:
    kappa = "undefined, as both used one decision throughout"
    if found.kappa.value is not None:
        kappa = _estimate(found.kappa)
    st.markdown(
        f"**You and {safe_text(found.second, 60)}**: {count(found.cases, 'common case')} of "
        f"{count(found.groups, 'patient')}, the same decision in {percent(found.agreed)}, Cohen's κ "
        f"**{kappa}**."
    )
    names = [WORDS[each] for each in DECISIONS]
    tables.show(
        ("You ↓  other →", *names),
        [(name, *(str(n) for n in row)) for name, row in zip(names, found.table, strict=True)],
    )
    if found.kappa.value is not None and found.kappa.low is None:
        st.caption("Too few patients for an interval.")
    by_subject = {each.subject: each for each in queue.items}
    differ = [by_subject[each] for each in found.disagreements]
    st.markdown(f"**{count(len(differ), 'disagreement')}**")
    state = store.reviews.state()
    listed: list[dict[str, object]] = []
    for item in differ:
        own, other = (state.standing(name, item.subject) for name in (queue.reader.name, found.second))
        assert own is not None and other is not None
        said = f"you: {WORDS[own.decision]} · {plain_text(found.second, 30)}: {WORDS[other.decision]}"
        if other.opinion.comment:
            said += f" – {plain_text(other.opinion.comment, 160)}"
        listed.append({
            "row": item.row, "name": plain_text(item.name, 80), "group": plain_text(item.group, 40),
            "chips": [], "found": said,
            "confidence": "", "decision": "differs", "picture": None,
        })  # fmt: skip
    asked = rows(listed, key=f"differ_{found.second}") if listed else None
    if asked is not None:
        review_queue.go_to(next(each for each in differ if each.row == asked))
        st.switch_page(REVIEW, query_params=review_queue.address())


def _estimate(found: object) -> str:
    value, low, high = found.value, found.low, found.high  # type: ignore[attr-defined]
    if value is None:
        return NOT_AVAILABLE
    return interval(value, low, high) if low is not None else number(value)


def _day(when: str) -> str:
    return when[:16].replace("T", " ")
