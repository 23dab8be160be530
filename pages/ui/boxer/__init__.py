"""A slice on which a person draws a box, and the mask that follows it."""

from pages.ui.boxer.component import box_view, parse_box

__all__ = ["box_view", "parse_box"]
