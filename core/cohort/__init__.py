"""Sets of cases with references; so far the synthetic sample cohort."""

from core.cohort.samples import make_sample
from core.cohort.synthetic import SampleSpec, sample_cases, sample_spec

__all__ = ["SampleSpec", "make_sample", "sample_cases", "sample_spec"]
