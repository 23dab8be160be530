"""Self-test: does this installation read, compute and keep what it should?"""

import streamlit as st

from pages.ui import frame, resources, selftest

frame.begin("Self-test")
st.title("Is this installation sound?")
with frame.boundary():
    selftest.show(resources.store())
