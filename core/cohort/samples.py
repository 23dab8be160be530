"""Samples by key."""

from __future__ import annotations

from core.cohort.synthetic import make_case, sample_spec
from core.types import Case


def make_sample(key: str) -> Case:
    """The sample case with this key, drawn anew: the same bytes every time and in every process.

    Raises InputProblem that lists the known keys.
    """
    return make_case(sample_spec(key))
