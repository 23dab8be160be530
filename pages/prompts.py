"""Prompts: a network that answers to a box, and how much the answer depends on the box."""

import streamlit as st

from pages.ui import frame, prompts, resources

frame.begin("Prompts")
st.title("What if the box were a little off?")
with frame.boundary():
    prompts.show(resources.store())
