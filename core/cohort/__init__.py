"""Sets of cases with references: layouts of folders, what they understood, and the synthetic samples."""

from core.cohort.layouts import LAYOUTS, LayoutSpec, Recognised, layout_spec, recognise
from core.cohort.plan import Plan, PlannedItem
from core.cohort.samples import make_sample
from core.cohort.synthetic import SampleSpec, sample_cases, sample_spec

__all__ = [
    "LAYOUTS",
    "LayoutSpec",
    "Plan",
    "PlannedItem",
    "Recognised",
    "SampleSpec",
    "layout_spec",
    "make_sample",
    "recognise",
    "sample_cases",
    "sample_spec",
]
