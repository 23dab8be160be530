"""The cases of a worklist, one row each: picture, name, reasons, confidence, decision."""

from pages.ui.rows.component import rows

__all__ = ["rows"]
