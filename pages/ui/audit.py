"""The Training audit page below its title: the verdict, what to audit, findings, advice and all material."""

from __future__ import annotations

import streamlit as st

from core.audit import SEVERITIES, Audit
from core.report.audit import audit_html, audit_json
from core.view.words import count
from pages.ui import audit_findings, audit_material, audit_source
from pages.ui.audit_source import Source
from pages.ui.audit_words import SIGNS, files_words
from pages.ui.folded import folded
from pages.ui.frame import boundary
from pages.ui.save import save_button
from pages.ui.text import safe_text

NOTHING_YET = (
    "Nothing is audited yet. **Drop the results, predictions or logs of a cross-validated training**, and "
    "see whether its scores can be true together, and whether a class or the attention collapsed."
)
NO_FINDING = ":green-badge[:material/check: no finding]"


def show() -> None:
    """The whole page."""
    answer_place = st.container(key="answer")
    source = audit_source.current()
    if source is None:
        answer_place.markdown(NOTHING_YET)
        audit_source.choose()
        return
    audit = audit_source.audited(source)
    if audit is None:
        audit_source.choose()
        return
    _answer(answer_place, source, audit)
    with folded("Audit other files, or a sample", audit_source.OTHERS) as others:
        if others.open:
            audit_source.choose()
    in_sight = audit_findings.show(source, audit)
    audit_material.advice(audit, in_sight)
    audit_material.not_checked(audit)
    audit_material.show(source, audit)


def _answer(place: st.delta_generator.DeltaGenerator, source: Source, audit: Audit) -> None:
    place.markdown(f"**{safe_text(audit.verdict, 600)}**")
    found = [(each, audit.count(each)) for each in SEVERITIES]
    counts = " ".join(SIGNS[each].badge(n) for each, n in found if n) or NO_FINDING
    with st.container(key="audit_line"):
        facts, files = st.columns([5, 1], vertical_alignment="center")
        title = audit.title or source.title
        said = [title] if title else []
        said += [count(len(audit.folds), "fold"), files_words(audit.sources)]
        facts.markdown(f"{counts}  \n:gray[{' · '.join(safe_text(each, 200) for each in said)}]")
        with files:
            _downloads(audit)


@st.fragment
def _downloads(audit: Audit) -> None:
    """The files are made when the menu is opened."""
    menu = st.popover("Downloads", key="audit_downloads", on_change="rerun", width="stretch")
    if not menu.open:
        return
    with menu, boundary():
        save_button("Page to print (HTML)", audit_html(audit), key="take_audit_html")
        save_button("Everything (JSON)", audit_json(audit), key="take_audit_json")
        st.caption("Names carry a hash of the content. Research use only, not a medical device.")
