"""Case: one analysed case, its verdict and everything behind it."""

import streamlit as st

from pages.ui import analysing, frame, resources, result

frame.begin("Case")
st.title("May I trust this one?")
with frame.boundary():
    store = resources.store()
    writable = frame.writable(store)
    step = analysing.go_on()
    result.show_selected(store, writable, step.running)
