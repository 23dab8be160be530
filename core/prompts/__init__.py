"""Prompts that are a little off: how they are drawn, judged, and what the curve over them says. No torch."""

from core.prompts.curve import JitterRow, JudgedSlice, curve_of, judged, paired_change
from core.prompts.jitter import DRAWS, JITTER_SHARES, jitter_box, jitter_point, jittered, seed_of
from core.prompts.reference import MIN_AREA, innermost, reference_prompt
from core.prompts.study import MaskMaker, SliceJitter, jitter_case, judge_slice, pairwise_agreement

__all__ = [
    "DRAWS",
    "JITTER_SHARES",
    "MIN_AREA",
    "JitterRow",
    "JudgedSlice",
    "MaskMaker",
    "SliceJitter",
    "curve_of",
    "innermost",
    "jitter_box",
    "jitter_case",
    "jitter_point",
    "jittered",
    "judge_slice",
    "judged",
    "paired_change",
    "pairwise_agreement",
    "reference_prompt",
    "seed_of",
]
