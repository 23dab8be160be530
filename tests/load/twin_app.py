"""A page that offers the files of the seed in its address, as every page of the app offers files."""

import streamlit as st

from tests.load.twin_files import SUFFIXES, twin_file

given = "raw" not in st.query_params
for suffix in SUFFIXES:
    file = twin_file(int(st.query_params["seed"]), suffix, given)
    st.download_button(suffix, file.data, file_name=file.name, mime="application/octet-stream", key=suffix)
