"""Open a case: upload or pick one, check what was understood, run the model."""

import streamlit as st

from pages.ui import analysing, frame, recent, resources, samples, selection, uploads
from pages.ui.menu import CASE

frame.begin("Open a case")
st.title("Which case should we look at?")
st.markdown(
    "Open a case, check below what was understood of it, and press **Analyse**. "
    "The Case page then says whether to trust the result. Do not upload images that name a patient."
)
with frame.boundary():
    store = resources.store()
    writable = frame.writable(store)
    upload, pick = st.columns(2, gap="large")
    with upload:
        st.header("Upload")
        uploads.upload_form(disabled=not writable)
    with pick:
        st.header("Or pick a synthetic sample")
        samples.sample_list(disabled=not writable)

    step = analysing.go_on()
    if step.arrived:
        st.switch_page(CASE, query_params=selection.address_of(selection.current()))
    analysing.case_card(store, writable, step.running)
    st.header("Recent cases")
    recent.recent_cases(store, writable)
