"""Reviews without a store or a screen: the hash chain, what stands now, agreement, observed risk."""

from core.review.agreement import Agreement, agreement
from core.review.chain import against_head, line_of, read_lines, sealed
from core.review.observed import Found, ObservedRisk, observed_risk
from core.review.state import ReviewState, Standing, state_of
from core.review.taxonomy import BUILT_IN, GROUPS, edited_kinds

__all__ = [
    "BUILT_IN",
    "GROUPS",
    "Agreement",
    "Found",
    "ObservedRisk",
    "ReviewState",
    "Standing",
    "against_head",
    "agreement",
    "edited_kinds",
    "line_of",
    "observed_risk",
    "read_lines",
    "sealed",
    "state_of",
]
