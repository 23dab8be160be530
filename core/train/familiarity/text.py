"""FAMILIARITY.md beside a model's card: the report as tables with how to read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.models.records import ModelRecord
from core.train.common.numbers import percent

if TYPE_CHECKING:
    from core.train.familiarity.report import FamiliarityReport, FamiliarityRow

FILE = "FAMILIARITY.md"
TEMPLATE = Path(__file__).with_name("template.md")


def write_text(report: FamiliarityReport, record: ModelRecord) -> Path:
    """Write the report in words and tables into the model's folder and return its path."""
    text = TEMPLATE.read_text(encoding="utf-8")
    fields = {
        "$title": record.title,
        "$patients": str(report.patients),
        "$kilobytes": f"{report.file_bytes / 1000:.0f}",
        "$model": record.id,
        "$own": "\n".join(_line(each, own=True) for each in report.own),
        "$foreign": "\n".join(_line(each, own=False) for each in report.foreign),
    }
    for name, value in fields.items():
        text = text.replace(name, value)
    path = record.folder / FILE
    path.write_text(text, encoding="utf-8")
    return path


def _line(row: FamiliarityRow, *, own: bool) -> str:
    cells = [row.label, str(row.pictures), f"{row.median:.2f}", percent(row.flagged)]
    if not own:
        cells.append("" if row.auroc is None else f"{row.auroc:.3f}")
    return "| " + " | ".join(cells) + " |"
