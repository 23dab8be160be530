"""Risk and coverage: which cases may go unreviewed, and what a threshold buys."""

import streamlit as st

from pages.ui import coverage, frame, resources

frame.begin("Risk and coverage")
st.title("Which cases may go unreviewed?")
with frame.boundary():
    store = resources.store()
    writable = frame.writable(store, "researcher")
    coverage.show(store, writable)
