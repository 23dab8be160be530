"""What helps: every mitigation on a cohort under one corruption, before and after."""

import streamlit as st

from pages.ui import frame, mitigations, resources

frame.begin("What helps")
st.title("What helps when the picture is bad?")
with frame.boundary():
    mitigations.show(resources.store())
