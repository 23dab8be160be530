"""What the files of an audit must look like: the documented forms, and a file to start from."""

from __future__ import annotations

import streamlit as st

from core.report import named
from pages.ui.folded import folded
from pages.ui.menu import ASSETS
from pages.ui.save import save_button

DOCUMENT = ASSETS / "docs" / "AUDIT.md"
TEMPLATE = ASSETS / "audit" / "golden_two_class_mil.json"


def show() -> None:
    """Folded away until somebody asks."""
    with folded("What the files must look like", "audit_forms") as opened:
        if not opened.open:
            return
        file = named("training-audit-template", ".json", TEMPLATE.read_bytes())
        save_button("A file to start from (JSON)", file, key="audit_template", width="content")
        st.markdown(forms(DOCUMENT.read_text(encoding="utf-8")))


def forms(document: str) -> str:
    """The sections of the document that describe files, with smaller headings.

    >>> forms("# Audit\\n\\n## Logs\\n\\nText\\n\\n## Findings\\n\\nMore")
    '#### Logs\\n\\nText'
    """
    sections = document.partition("\n## ")[2].partition("\n## Findings")[0].strip()
    return f"#### {sections}".replace("\n## ", "\n#### ")
