"""Where a reader decides: buttons with keys, kinds of failure, comment, time; a draft survives a reload."""

from pages.ui.desk.component import Act, desk, parse_act

__all__ = ["Act", "desk", "parse_act"]
