"""A case study of the shown case: what a person concluded, and the page to print."""

from __future__ import annotations

import streamlit as st

from core.corruptions import applicable
from core.models import list_models
from core.pipeline import Outcome
from core.pipeline.stress import modality_of
from core.pipeline.studies import diagnosis_of, study_page
from core.report.case_study import Conclusion
from core.store import Store
from core.types import NamedBytes, Progress
from pages.ui import outcomes, ready
from pages.ui.reader.component import current_reader
from pages.ui.save import save_button
from pages.ui.text import plain_text

WITHOUT = ""


def show(store: Store, outcome: Outcome) -> None:
    """Three texts, a corruption for the curve, and the page as a file."""
    key = outcome.analysis.key
    reader = current_reader()
    known = diagnosis_of(store, key, reader.name) if reader else ""
    st.caption(
        "One page to print: pictures, what fired, the curve under stress, and what you concluded. It names "
        "the case by its id. The texts go into the page alone and are not kept here."
    )
    columns = st.columns(3)
    texts = [
        column.text_area(label, value=value, max_chars=600, key=f"study_{label[:5]}_{key[:12]}", help=words)
        for column, (label, value, words) in zip(
            columns,
            (
                (
                    "Diagnosis",
                    known,
                    "What went wrong here, and why. Filled with your own decision.",
                ),
                ("Mitigation", "", "What would prevent it or catch it."),
                ("Residual risk", "", "What remains even so."),
            ),
            strict=True,
        )
    ]
    corruption = _corruption(outcome)
    if not st.toggle("Make the page", key=f"study_make_{key[:12]}", help="Made again when a text changes."):
        return
    conclusion = Conclusion(*texts)

    def work(progress: Progress) -> NamedBytes:
        return study_page(store, outcome, conclusion, corruption or None, progress=progress)

    made_of = (key, outcome.limits, outcome.operating_point, conclusion, corruption, outcomes.deletions())
    page = ready.ready("study", "Making the page", made_of, work)
    if page is not None:
        label = "Case study (HTML, one page)"
        save_button(label, page, key=f"study_take_{key[:12]}", kind="primary", width="content")


def _corruption(outcome: Outcome) -> str:
    model_id = outcome.analysis.made_by.config.model_id
    record = next((each for each in list_models() if each.id == model_id), None)
    if record is None or outcome.analysis.made_by.imported:
        st.caption("The model is not installed here, so there is no curve under stress.")
        return WITHOUT
    possible = applicable(outcome.case.image, modality_of(outcome.case, record.modality))
    labels = {WITHOUT: "None: leave the curve out"}
    labels |= {each.key: plain_text(each.label) for each in possible if not each.adversarial}
    return st.selectbox(
        "Curve under stress", list(labels), format_func=labels.get, key="study_corruption",
        help="Runs the model at six severities of this corruption when the page is made.",
    )  # fmt: skip
