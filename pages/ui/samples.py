"""The built-in synthetic cases to pick from."""

from __future__ import annotations

import streamlit as st

from core.cohort import SampleSpec, sample_cases
from core.pipeline import open_sample
from core.types import Progress
from pages.ui import jobs, resources

GROUPS = {"ordinary": "Ordinary", "no lesion": "No lesion", "hard": "Hard"}
GROUP_HELP = (
    "Ordinary: a lesion that the model should find. No lesion: nothing to find. "
    "Hard: cases on which the model should fail and the checks should notice."
)
LIST_HEIGHT = 268


def sample_list(disabled: bool) -> None:
    """Every sample case with its sentence and a button; a chosen one is drawn in the background."""
    group = st.segmented_control(
        "Difficulty", list(GROUPS), format_func=GROUPS.get, key="sample_group", help=GROUP_HELP,
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    with st.container(height=LIST_HEIGHT, key="sample_list"):
        for spec in sample_cases():
            if group in (None, spec.group):
                _sample(spec, disabled)


def _sample(spec: SampleSpec, disabled: bool) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", wrap=False)
    form = "volume" if spec.volume else "slice"
    words = f"**{spec.title}** :gray[{GROUPS[spec.group].lower()}, {form}]  \n{spec.shows}"
    row.markdown(words, width="stretch")
    row.button(
        "Open",
        key=f"sample_{spec.key}",
        help=f"Open “{spec.title}”",
        disabled=disabled,
        on_click=_start,
        args=(spec.key, spec.title),
    )


def _start(key: str, title: str) -> None:
    store = resources.store()

    def work(progress: Progress) -> str:
        return open_sample(store, key, progress).id

    jobs.start(jobs.READ, f"Drawing “{title}”", work, f"sample:{key}")
