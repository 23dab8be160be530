"""The menu: which pages there are, in which section, at which address."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SIDEBAR_PX = 232

OPEN_CASE = "pages/open_case.py"
WORKLIST = "pages/worklist.py"
REVIEW = "pages/review.py"
CASE = "pages/case.py"
RELIABILITY = "pages/reliability.py"
COVERAGE = "pages/coverage.py"
DETECTOR = "pages/detector.py"
STRESS = "pages/stress.py"
SWEEPS = "pages/sweeps.py"
PROMPTS = "pages/prompts.py"
MITIGATIONS = "pages/mitigations.py"
COHORTS = "pages/cohorts.py"
MODELS = "pages/models.py"
AUDIT = "pages/audit.py"
SELFTEST = "pages/selftest.py"
DATA = "pages/data.py"
PEOPLE = "pages/people.py"
ABOUT = "pages/about.py"


def menu(title: str = "") -> Page:
    """Send page configuration and menu to the browser; returns the page that the address asks for.

    Called by app.py and again by every page: on a fresh server a deep link runs the page file alone,
    and this call is what ends Streamlit's old multi-page mode and replaces its labels. The configuration
    comes first: a sidebar that is there already keeps its width.
    """
    st.set_page_config(
        page_title=f"{title} · Second Look" if title else "Second Look",
        page_icon=str(ASSETS / "icon.png"),
        layout="wide",
        initial_sidebar_state=SIDEBAR_PX,
    )
    return st.navigation(
        {
            "Review": [
                st.Page(OPEN_CASE, title="Open a case", url_path="open", default=True),
                st.Page(WORKLIST, title="Worklist"),
                st.Page(REVIEW, title="Review desk"),
                st.Page(CASE, title="Case"),
                # The default page lives at "/" alone; this is its own address, for links to it.
                st.Page(OPEN_CASE, title="Open a case", url_path="open_case", visibility="hidden"),
            ],
            "Trust": [
                st.Page(RELIABILITY, title="Reliability"),
                st.Page(COVERAGE, title="Risk and coverage"),
                st.Page(DETECTOR, title="Detector"),
            ],
            "Stress": [
                st.Page(STRESS, title="Stress lab"),
                st.Page(SWEEPS, title="Sweeps and slices"),
                st.Page(PROMPTS, title="Prompts"),
                st.Page(MITIGATIONS, title="What helps"),
            ],
            "Models and data": [
                st.Page(COHORTS, title="Cohorts"),
                st.Page(MODELS, title="Models"),
                st.Page(AUDIT, title="Training audit"),
            ],
            "System": [
                st.Page(DATA, title="What is kept"),
                st.Page(SELFTEST, title="Self-test"),
                st.Page(PEOPLE, title="People"),
                st.Page(ABOUT, title="About"),
            ],
        },
        expanded=True,
    )
