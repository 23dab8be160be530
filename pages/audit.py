"""Training audit: can the reported scores be true together, and did anything collapse?"""

import streamlit as st

from pages.ui import audit, frame

frame.begin("Training audit")
st.title("Can these scores be true?")
with frame.boundary():
    audit.show()
