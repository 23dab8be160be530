"""Cohorts: sets of cases with references, what was run on them, and adding more."""

import streamlit as st

from pages.ui import cohorts, frame, resources

frame.begin("Cohorts")
st.title("What do we have to judge by?")
with frame.boundary():
    store = resources.store()
    writable = frame.writable(store, "researcher")
    cohorts.show(store, writable)
