"""What can be promised about a threshold, under which assumptions, and where it cannot."""

from __future__ import annotations

import streamlit as st

from core.metrics.selective.coverage_report import CoverageReport
from core.metrics.selective.operating import BOUND_ASSUMPTIONS, Answer
from core.view.words import count, number, percent
from pages.ui.text import safe_text


def show(report: CoverageReport, answer: Answer) -> None:
    """Upper bound of the risk, the certified threshold, and the miss rate of the masks."""
    with st.expander("Guarantees, and what they assume", key="guarantees"):
        st.markdown("**How high may the risk of the accepted cases really be?**")
        st.markdown(_bound(answer))
        st.caption(BOUND_ASSUMPTIONS)
        if report.certified is not None:
            st.markdown("**A threshold that is shown to keep the risk**")
            st.markdown(_certified(report))
            st.caption(report.certified.assumptions)
        for name, control in report.miss_rate.items():
            st.markdown(f"**How far must the mask of {safe_text(name)} grow to miss little?**")
            if control.lam is None:
                st.markdown(f"Not possible: {safe_text(control.reason, 300)}")
            else:
                st.markdown(
                    f"Taking every pixel with a probability of at least "
                    f"**{number(control.probability_from)}** misses at most {percent(control.alpha)} of a "
                    f"new patient's reference on average; here it misses {percent(control.miss_rate)} (n = "
                    f"{count(control.n, 'patient')}, {control.left_out} left out without anything to find)."
                )
            st.caption(control.assumptions)


def _bound(answer: Answer) -> str:
    if answer.bound is None:
        return f"Not possible: {safe_text(answer.bound_note or answer.reason, 300)}."
    words = (
        f"At most **{number(answer.bound)}**, with {percent(answer.bound_level)} certainty, averaged over "
        f"patients ({count(answer.patients_accepted, 'patient')} with an accepted case)."
    )
    return f"{words} {safe_text(answer.bound_note, 300)}".strip()


def _certified(report: CoverageReport) -> str:
    found = report.certified
    assert found is not None
    if found.threshold is None:
        return (
            f"None for a risk of {percent(found.target_risk)}: {safe_text(found.reason, 300)}. At least "
            f"{count(found.patients_needed, 'accepted patient')} would be needed."
        )
    return (
        f"Reviewing below **{number(found.threshold)}** keeps the risk at or below "
        f"{percent(found.target_risk)} with {percent(found.level)} certainty; it accepts "
        f"{percent(found.coverage)} of the cases ({count(found.patients, 'patient')})."
    )
