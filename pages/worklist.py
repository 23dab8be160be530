"""Worklist: the cases of a run by risk, what was decided, and whether readers agree."""

import streamlit as st

from pages.ui import frame, resources, worklist

frame.begin("Worklist")
st.title("Which case first?")
with frame.boundary():
    store = resources.store()
    worklist.show(store, frame.writable(store))
