"""Sweeps and slices: a model over a cohort under every corruption and severity."""

import streamlit as st

from pages.ui import frame, resources, sweeps

frame.begin("Sweeps and slices")
st.title("Where does the model break?")
with frame.boundary():
    store = resources.store()
    writable = frame.writable(store, "researcher")
    sweeps.show(store, writable)
