"""What is kept: where, how long, and how it goes."""

import streamlit as st

from pages.ui import frame, kept_data, resources

frame.begin("What is kept")
st.title("What is kept here, where, and for how long?")
with frame.boundary():
    store = resources.store()
    writable = frame.writable(store, "admin")
    kept_data.show(store, writable)
