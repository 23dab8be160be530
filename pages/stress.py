"""Stress lab: the selected case under worse and worse pictures."""

import streamlit as st

from pages.ui import frame, lab, resources

frame.begin("Stress lab")
st.title("What would a worse scan have done?")
with frame.boundary():
    lab.show(resources.store())
