"""The findings of a training audit: filters, one card per kind, and each opens what it rests on."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.audit import SEVERITIES, Audit, Finding, finding_spec
from core.view.words import count
from pages.ui import audit_evidence
from pages.ui.audit_source import Source
from pages.ui.audit_words import SIGNS, fold_words, speaks_of
from pages.ui.folded import folded
from pages.ui.text import safe_text

SEVERITY, FOLD, KINDS = "audit_severity", "audit_fold", "audit_kinds"
"""Keys of the filters."""
ALL_FOLDS = ""
FIRST_OF_A_KIND, MOST_OF_A_KIND = 8, 60
"""Findings of one kind drawn at once: beside other kinds, and where kinds were chosen."""


@dataclass(frozen=True)
class Filters:
    """What is to be seen: of each kind of filter, nothing chosen is everything."""

    severities: tuple[str, ...] = ()
    fold: str = ALL_FOLDS
    kinds: tuple[str, ...] = ()


def show(source: Source, audit: Audit) -> frozenset[str]:
    """Filters, then the findings that pass them; the kinds that are in sight."""
    st.header("Findings", anchor=False)
    if not audit.findings:
        st.markdown("None. What was not looked at is listed below.")
        return frozenset()
    filters = _filters(audit)
    found = passing(audit, filters)
    st.caption(_how_many(len(found), len(audit.findings)))
    by_code: dict[str, list[int]] = {}
    for place in found:
        by_code.setdefault(audit.findings[place].code, []).append(place)
    for code, places in by_code.items():
        _kind(source, audit, code, places, MOST_OF_A_KIND if filters.kinds else FIRST_OF_A_KIND)
    return frozenset(by_code)


def _how_many(found: int, known: int) -> str:
    said = f"{found} of {count(known, 'finding')}. "
    if not found:
        return f"{said}Choose less above to see them."
    return f"{said}Open one to see what it rests on."


def passing(audit: Audit, filters: Filters) -> tuple[int, ...]:
    """Places of the findings that pass, in their order."""
    return tuple(
        place
        for place, each in enumerate(audit.findings)
        if (not filters.severities or each.severity in filters.severities)
        and (not filters.kinds or each.code in filters.kinds)
        and (filters.fold == ALL_FOLDS or speaks_of(each, filters.fold))
    )


def chosen_fold(audit: Audit) -> str:
    """The fold that the page is narrowed to, "" for all."""
    fold = st.session_state.get(FOLD, ALL_FOLDS)
    return fold if fold in {each.fold for each in audit.folds} else ALL_FOLDS


def anchor(code: str) -> str:
    """Where on the page the findings of a kind stand."""
    return f"kind-{code}"


def _filters(audit: Audit) -> Filters:
    severity, fold, kinds = st.columns([2.2, 1.2, 2.6], gap="medium", vertical_alignment="bottom")
    with severity:
        severities = st.pills(
            "Severity", [each for each in SEVERITIES if audit.count(each)], selection_mode="multi",
            key=SEVERITY, bind="query-params", persist_state="session",
            format_func=lambda each: f"{SIGNS[each].word.capitalize()}s",
            help="Error: contradicts itself, or must not be used. Warning: read with care.",
        )  # fmt: skip
    words = {ALL_FOLDS: "All folds"} | fold_words(audit)
    with fold:
        # A fold may be named after a patient, so it stays out of the address.
        chosen = st.selectbox(
            "Fold", list(words), format_func=words.get, key=FOLD,
            help="Findings about all folds stay in sight. The charts below follow.",
        )  # fmt: skip
    codes = list(dict.fromkeys(each.code for each in audit.findings))
    with kinds:
        kept = st.multiselect(
            "Kind", codes, key=KINDS, bind="query-params", persist_state="session", placeholder="All kinds",
            format_func=lambda code: finding_spec(code).title, help="What is wrong. Type to search.",
        )  # fmt: skip
    return Filters(tuple(severities or ()), chosen or ALL_FOLDS, tuple(kept))


def _kind(source: Source, audit: Audit, code: str, places: list[int], most: int) -> None:
    spec = finding_spec(code)
    with st.container(border=True, key=f"kind_{code}", gap="xsmall"):
        times = f" :gray[{len(places)} times]" if len(places) > 1 else ""
        st.subheader(f"{SIGNS[spec.severity].badge()} {safe_text(spec.title)}{times}", anchor=anchor(code))
        st.caption(f"What to do: {safe_text(spec.advice, 400)}")
        for place in places[:most]:
            _finding(source, audit, place)
        if len(places) > most:
            st.caption(f"{len(places) - most} more of this kind. Choose a fold above, or this kind alone.")


def _finding(source: Source, audit: Audit, place: int) -> None:
    finding: Finding = audit.findings[place]
    label = f"**{safe_text(finding.where, 80)}** · {safe_text(finding.evidence, 600)}"
    key = f"finding_{source.key}_{place}"
    with folded(label, key, frame=False, in_address=source.sample) as opened:
        if opened.open:
            audit_evidence.show(source, audit, place)
