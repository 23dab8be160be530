"""Detector: the limits of the checks, what they catch and what they cost."""

import streamlit as st

from pages.ui import detector, frame, resources

frame.begin("Detector")
st.title("Which limits catch failures?")
with frame.boundary():
    store = resources.store()
    detector.show(store, frame.writable(store, "researcher"))
