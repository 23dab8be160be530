"""The case view: verdict, image with layers, and slice strip, as one component that holds the volume."""

from pages.ui.viewer.component import case_view, class_view, forget_case, pack_ahead, shown_view
from pages.ui.viewer.state import ViewState

__all__ = ["ViewState", "case_view", "class_view", "forget_case", "pack_ahead", "shown_view"]
