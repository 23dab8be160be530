"""Review desk: one case after the other, decided by keyboard."""

import streamlit as st

from pages.ui import frame, resources, review

frame.begin("Review desk")
st.title("What do you decide?")
with frame.boundary():
    store = resources.store()
    review.show(store, frame.writable(store))
