"""Back to the page that was asked for, once somebody has signed in."""

from pages.ui.way_back.component import go_back, remember

__all__ = ["go_back", "remember"]
