"""Rules that fired, the one answer, and the agreement with a reference."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.config import Frozen

Cause = Literal[
    "area", "shape", "fragmentation", "spurious", "quality", "confidence", "empty", "jump", "ood", "attention"
]


class Flag(Frozen):
    """One fired rule: what fired, where, the measured value against its limit.

    slice None: the whole study. box: (top, left, bottom, right) in pixels. severity: >= 1, how far
    past the limit (1 = at the limit), for ordering only.
    """

    rule: str
    cause: Cause
    slice: int | None
    box: tuple[int, int, int, int] | None
    measured: float
    limit: float
    side: Literal["above", "below"]
    severity: float
    sentence: str


class RuleLimit(Frozen):
    """Where one rule fires. spread: distance of the default limit from the typical value, on the rule's own
    scale; it makes severities comparable. active False: the rule is switched off."""

    rule: str
    limit: float
    spread: float = Field(default=1.0, gt=0.0)
    active: bool = True


class Limits(Frozen):
    """The limits of all shape rules and what they were taken from; stored with a model.

    slices: non-empty reference slices used; share: share of them that each rule leaves outside its limit.
    profile: name and version of the saved profile that they are, None for a model's own and changed ones.
    """

    rules: tuple[RuleLimit, ...]
    cohort: str
    patients: int = Field(ge=0)
    slices: int = Field(ge=0)
    share: float = Field(ge=0.0, lt=0.5)
    profile: str | None = None


class Verdict(Frozen):
    """The one answer: "review" when any rule fired. Flags are ordered by severity, worst first.

    operating_point: name and version of the saved threshold that judged the confidence, None when the fixed
    limit did. profile: name and version of the saved limits, None when they are the model's own or changed.
    """

    answer: Literal["consistent", "review"]
    flags: tuple[Flag, ...]
    operating_point: str | None = None
    profile: str | None = None


class Overlap(Frozen):
    """Agreement of prediction and reference; `state` names the empty-mask convention that applied.

    Both empty = 1 and counted apart, one empty = 0.
    """

    dice: float
    jaccard: float
    boundary_f1_2px: float
    state: Literal["both present", "both empty", "reference empty", "prediction empty"]


class OverlapReport(Frozen):
    """Overlap of the whole study and of each slice."""

    whole: Overlap
    slices: tuple[Overlap, ...]
