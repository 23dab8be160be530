"""About: what it is for, what it must not be used for, and what it is made of."""

import streamlit as st

from pages.ui import about, frame

frame.begin("About")
with frame.boundary():
    st.title("What must this not be used for?")
    about.purpose()
    about.reading_the_screen()
with frame.boundary():
    about.models()
with frame.boundary():
    about.sources_and_versions()
