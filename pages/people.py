"""People: who may do what on a server where people sign in."""

import streamlit as st

from pages.ui import frame, people, resources

frame.begin("People")
st.title("Who may do what here?")
with frame.boundary():
    store = resources.store()
    people.show(store, frame.writable(store, "admin"))
