"""The synthetic sample cohort: heads that never were, drawn by code on first use."""

from core.cohort.synthetic.make import NOTE, case_id, make_case
from core.cohort.synthetic.records import Head, Lesion, SampleSpec, Scan
from core.cohort.synthetic.table import sample_cases, sample_spec

__all__ = [
    "NOTE",
    "Head",
    "Lesion",
    "SampleSpec",
    "Scan",
    "case_id",
    "make_case",
    "sample_cases",
    "sample_spec",
]
