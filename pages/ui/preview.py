"""What was understood of an upload: a picture and the facts, before anything is computed."""

from __future__ import annotations

import streamlit as st

from core.io import write_png
from core.types import Case, Geometry
from core.view.overlay import plain_picture
from core.view.words import NOT_AVAILABLE, count, number
from pages.ui.text import safe_text

PLANE_SOURCES = {
    "file": "read from the file",
    "user": "chosen by you",
    "assumed": "assumed, as the file does not say",
}


def show_case(case: Case) -> None:
    """Thumbnail of the middle slice beside what is known about the case."""
    picture, facts = st.columns([1, 2], gap="medium")
    middle = case.image.slices // 2
    with picture:
        st.image(
            write_png(plain_picture(case, middle)), output_format="PNG", width="stretch", alt="Middle slice"
        )
        st.caption(f"Slice {middle + 1} of {case.image.slices}")
    with facts:
        st.markdown("  \n".join(f"**{name}:** {safe_text(value, 300)}" for name, value in case_facts(case)))
        for note in case.notes:
            st.caption(safe_text(note, 400))


def case_facts(case: Case) -> tuple[tuple[str, str], ...]:
    """(name, value) of everything that a reader should check before trusting the rest."""
    image, reference = case.image, case.reference
    rows, columns = image.slice_shape
    return (
        ("Size", f"{count(image.slices, 'slice')} of {rows} × {columns} pixels, {case.format}"),
        ("Spacing", spacing_words(image.geometry)),
        ("Orientation", orientation_words(image.geometry)),
        ("Channels", ", ".join(f"{n + 1} {name}" for n, name in enumerate(image.channel_names))),
        ("Modality", image.modality or f"{NOT_AVAILABLE} (the file does not say)"),
        ("Reference mask", f"found, {reference.name}" if reference else "none"),
    )


def spacing_words(geometry: Geometry) -> str:
    """Voxel spacing in mm, or why there is none."""
    if geometry.spacing_mm is None:
        return f"{NOT_AVAILABLE} (unknown, so nothing is given in mm)"
    between, rows, columns = (number(each) for each in geometry.spacing_mm)
    return f"{rows} × {columns} mm, slices {between} mm apart"


def orientation_words(geometry: Geometry) -> str:
    """Plane, where that is known from, and the letters at the edges."""
    words = f"{geometry.plane}, {PLANE_SOURCES[geometry.plane_source]}"
    if geometry.edges is None:
        return f"{words}; left and right unknown"
    top, bottom, left, right = geometry.edges
    return f"{words}; top {top}, bottom {bottom}, left {left}, right {right}"
