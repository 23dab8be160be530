"""Shape rules: measures of a predicted mask, limits, and the verdict over a study."""

from core.detector.context import CONTEXT_MEASURES
from core.detector.decide import decide, extremes
from core.detector.familiarity import FAMILIARITY, familiarity_of_slices, familiarity_of_study, measure_view
from core.detector.familiarity_file import read_familiarity
from core.detector.limits import built_in_limits, default_limits, fit_limits, limit_of, summarise, with_limit
from core.detector.measures import SLICE_MEASURES, MeasureSpec, measure_slice, value_of
from core.detector.point import chosen_for, point_flags
from core.detector.quality.scores import GOOD_DICE, QUALITY, QUALITY_DICE, QUALITY_SPECS
from core.detector.rules import RULES, RuleSpec, rule_spec
from core.detector.space import StackSpace, stack_space
from core.detector.study import STUDY_MEASURES, measure_study
from core.detector.volume import VOLUME_MEASURES, measure_slices
from core.types import Limits, RuleLimit

__all__ = [
    "CONTEXT_MEASURES",
    "FAMILIARITY",
    "GOOD_DICE",
    "QUALITY",
    "QUALITY_DICE",
    "QUALITY_SPECS",
    "RULES",
    "SLICE_MEASURES",
    "STUDY_MEASURES",
    "VOLUME_MEASURES",
    "Limits",
    "MeasureSpec",
    "RuleLimit",
    "RuleSpec",
    "StackSpace",
    "built_in_limits",
    "chosen_for",
    "decide",
    "default_limits",
    "extremes",
    "familiarity_of_slices",
    "familiarity_of_study",
    "fit_limits",
    "limit_of",
    "measure_slice",
    "measure_slices",
    "measure_study",
    "measure_view",
    "point_flags",
    "read_familiarity",
    "rule_spec",
    "stack_space",
    "summarise",
    "value_of",
    "with_limit",
]
