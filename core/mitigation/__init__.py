"""What may help when a picture is bad, in one table; nothing in it was tuned on what it is judged by."""

from core.mitigation.masks import clean_up, fill_holes, largest_component, largest_per_side, remove_small
from core.mitigation.table import MITIGATIONS, MitigationSpec, mitigation_spec

__all__ = [
    "MITIGATIONS",
    "MitigationSpec",
    "clean_up",
    "fill_holes",
    "largest_component",
    "largest_per_side",
    "mitigation_spec",
    "remove_small",
]
