"""What can be taken along: mask, overlay of what is shown, everything as JSON, and a link."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import streamlit as st

from core.pipeline import ClassOutcome, Outcome, Result
from core.report import (
    class_json_file,
    class_overlay_file,
    dicom_seg_file,
    json_file,
    mask_file,
    overlay_file,
)
from core.types import NamedBytes
from core.view.bag_payload import most_attended
from pages.ui import selection, uploads
from pages.ui.frame import boundary
from pages.ui.save import save_button
from pages.ui.viewer import shown_view


@st.fragment
def downloads(result: Result, view_key: str) -> None:
    """The files are made when the menu is opened, for the slice that the viewer then shows."""
    menu = st.popover("Downloads", key="downloads", on_change="rerun", width="stretch")
    if not menu.open:
        return
    with menu, boundary():
        if isinstance(result, ClassOutcome):
            top = most_attended(result.classification)
            what = (
                "Picture with what the decision rests on"
                if top is None
                else f"Slice {top + 1}, most attended"
            )
            _button(f"{what} (PNG)", class_overlay_file(result))
            _button("Everything shown (JSON)", class_json_file(result))
        else:
            shown = shown_view(view_key, result.analysis, result.verdict).slice or 0
            _button("Mask, in the geometry of the input", mask_file(result))
            if result.case.format == "dicom":
                _segmentation(result)
            _button(f"Overlay of slice {shown + 1} (PNG)", overlay_file(result, shown))
            _button("Everything shown (JSON)", json_file(result))
        st.caption("Names carry a hash of the content. Research use only, not a medical device.")


def _segmentation(outcome: Outcome) -> None:
    """The mask as DICOM; it needs the original files, which are read again, so it is made when asked for."""
    source = uploads.source_of(outcome.case.id)
    if source is None:
        st.caption("As a DICOM segmentation: upload the original files again, they are not kept.")
        return
    names = "It takes over the patient's name and study from the files."
    if st.button("Mask as DICOM segmentation", key="dicom_seg", width="stretch", help=names):
        with st.spinner("Writing the segmentation"):
            _button("Save the DICOM segmentation",
                    dicom_seg_file(outcome, source.files, datetime.now(UTC), source.references))  # fmt: skip
        st.caption(f"{names} Do not share it where they must not go.")


def link() -> None:
    """The address of what is shown, to copy."""
    with st.popover("Copy link", key="link", width="stretch"):
        address = selection.address_of(selection.current())
        st.code(f"{(st.context.url or '').rstrip('/')}?{urlencode(address)}", language=None, wrap_lines=True)
        st.caption("Opens this result on this server, for as long as the case is kept. It names no patient.")


def _button(label: str, file: NamedBytes) -> None:
    save_button(label, file, key=f"download_{label[:7]}")
