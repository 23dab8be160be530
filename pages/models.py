"""Models: what each is, where it came from, how it was split, and adding or removing one."""

import streamlit as st

from pages.ui import frame, models

frame.begin("Models")
st.title("What can answer, and where did it come from?")
with frame.boundary():
    models.show()
