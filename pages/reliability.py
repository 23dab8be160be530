"""Reliability: whether a stated probability of 0.9 is right nine times in ten."""

import streamlit as st

from pages.ui import frame, reliability, resources

frame.begin("Reliability")
st.title("Does 0.9 mean 0.9?")
with frame.boundary():
    store = resources.store()
    frame.writable(store)
    reliability.show(store)
