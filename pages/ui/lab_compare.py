"""Another model on the same corrupted picture, number by number."""

from __future__ import annotations

import streamlit as st

from core.pipeline.lab import Reading, alarm_of, reading_of
from core.store import Store
from core.view.words import NOT_AVAILABLE, number
from pages.ui import lab_work, tables
from pages.ui.answer import ANSWERS
from pages.ui.lab_choices import Choices
from pages.ui.lab_words import alarm_words, named
from pages.ui.text import safe_text


def show(store: Store, choices: Choices) -> None:
    """Two columns of numbers; nothing where no other model was chosen."""
    if choices.compared is None:
        return
    st.header("Two models, the same picture")
    own = lab_work.look(store, choices, choices.severity)
    other = lab_work.look(store, choices, choices.severity, choices.compared)
    if own is None or other is None:
        return
    left, right = (reading_of(choices.severity, each) for each in (own, other))
    names = (choices.config.model_id, choices.compared.model_id)
    st.markdown(f"With {named(choices, choices.severity)}:")
    tables.show(("Number", *(safe_text(each, 60) for each in names)), _rows(left, right))
    for name, config in zip(names, (None, choices.compared), strict=True):
        alarm = alarm_of(lab_work.readings(store, choices, config), choices.loss)
        st.caption(f"{safe_text(name, 60)}: {alarm_words(alarm)}")


def _rows(left: Reading, right: Reading) -> list[tuple[str, str, str]]:
    both = (left, right)
    rows = [
        ("Verdict", *(ANSWERS[each.answer] for each in both)),
        ("Confidence", *(number(each.confidence) for each in both)),
    ]
    if left.predicted is not None:
        rows.append(("Class", *(", ".join(each.predicted or ()) or NOT_AVAILABLE for each in both)))
    else:
        rows += [
            ("Dice", *(number(each.dice) for each in both)),
            ("Jaccard", *(number(each.jaccard) for each in both)),
            ("Boundary F1 at 2 px", *(number(each.boundary_f1) for each in both)),
        ]
    rows.append(("Checks fired", *("; ".join(each.reasons) or NOT_AVAILABLE for each in both)))
    return [(name, first, second) for name, first, second in rows]
