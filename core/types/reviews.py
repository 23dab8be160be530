"""What people decided about a model's answers: the entries of the review log and what they rest on.

Nothing here names a patient: cases are known by the digest of their input. Comments are free text and stay as
they were typed.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.config import Frozen
from core.types.people import Identity

Decision = Literal["accept", "reject", "correct", "unsure"]
"""accept: the answer may be used. reject: it may not. correct: usable once corrected. unsure: this reader
cannot say."""

DECISIONS: tuple[Decision, ...] = ("accept", "reject", "correct", "unsure")

Action = Literal["decide", "undo", "taxonomy", "set aside", "role"]
"""decide: a reader judged a subject. undo: a reader took a decision back. taxonomy: the kinds of failure were
edited. set aside: an earlier, damaged log was put away; its digest is the entry's note. role: somebody was
given a role, or lost it."""

FIRST = "0" * 64
"""What stands in place of an earlier entry's hash in the first entry of a log."""


class Judged(Frozen):
    """What the reader was asked to judge, and what made it.

    subject: key of the analysis; "RUN:POSITION" for a row of a table without one. case_id: digest of the
    input, None without an image. answer, causes, confidence: of the verdict in force, with limits (digest),
    operating point and profile; None or empty where nothing decides. weights: SHA-256 of each network.
    settings: digest of the model's settings, None for imported predictions.
    """

    subject: str
    run_id: str | None = None
    cohort_id: str | None = None
    position: int | None = None
    case_id: str | None = None
    model_id: str | None = None
    estimator: str | None = None
    settings: str | None = None
    weights: tuple[str, ...] = ()
    limits: str | None = None
    operating_point: str | None = None
    profile: str | None = None
    answer: Literal["consistent", "review"] | None = None
    causes: tuple[str, ...] = ()
    confidence: float | None = None


class Opinion(Frozen):
    """What a reader said. kinds: keys of the taxonomy. seconds: how long the case was on the reader's screen.

    confidence_hidden: the reader did not see the model's confidence, reasons and verdict.
    """

    decision: Decision
    kinds: tuple[str, ...] = ()
    comment: str = Field(default="", max_length=4000)
    seconds: float = Field(default=0.0, ge=0.0)
    confidence_hidden: bool = False


FailureGroup = Literal["data", "model", "evaluation", "human factors"]
"""Whose failure it is."""


class FailureKind(Frozen):
    """One kind of failure that a reader can name. retired: kept for old entries."""

    key: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")
    group: FailureGroup
    label: str = Field(min_length=1, max_length=80)
    retired: bool = False


class LogEntry(Frozen):
    """One entry of the review log; a correction is another entry.

    number: counts up from 1 without gaps. previous: hash of the entry before. hash: SHA-256 of everything
    else in canonical JSON. was: number of the entry that stood until now for this reader and subject.
    was_decision: what that one said. judged, opinion: of a decision; an undo has the judged subject alone.
    kinds: of an edit of the taxonomy, all of them. note: anything else, in words. signed_in: who the
    reader is at the sign-in provider, None where nobody has to sign in; of a role, whose it is.
    """

    number: int = Field(ge=1)
    previous: str
    when_utc: str
    reader: str
    action: Action
    judged: Judged | None = None
    opinion: Opinion | None = None
    was: int | None = None
    was_decision: Decision | None = None
    kinds: tuple[FailureKind, ...] = ()
    note: str = ""
    signed_in: Identity | None = None
    app_version: str = ""
    hash: str = ""


class LogReport(Frozen):
    """Whether the review log is whole. problems: one sentence each.

    first_bad: number of the entry at which it breaks, None when it does not.
    """

    entries: int
    head: str
    problems: tuple[str, ...] = ()
    first_bad: int | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems
