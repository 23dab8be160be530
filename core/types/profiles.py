"""Saved limits of the checks, with what they catch."""

from __future__ import annotations

from pydantic import Field

from core.config import Frozen
from core.types.cohort import Estimate
from core.types.verdict import Limits


class Tally(Frozen):
    """What a set of limits does on some cases. Shares in [0, 1], the last two per 100 cases.

    caught: failures that ask for a review, of all failures. alarms: good cases that do, of all good ones.
    missed: failures that do not, per 100 cases. workload: cases that ask for a review, per 100 cases.
    None where there is nothing to count.
    """

    n: int = Field(ge=0)
    groups: int = Field(ge=0)
    failures: int = Field(ge=0)
    flagged: int = Field(ge=0)
    caught: Estimate
    alarms: Estimate
    missed: Estimate
    workload: Estimate


class Profile(Frozen):
    """Limits with a name, kept for good. `id`, `version` and `created_utc` are filled in when it is kept.

    failure_below: Dice below which a case was a failure. fitted: on the half of the patients that limits were
    chosen on; reported: on the other half. seed: of the halves.
    """

    name: str
    limits: Limits
    model_id: str | None
    estimator: str | None
    cohort_name: str
    cohort_id: str
    run_id: str
    failure_below: float
    seed: int
    fitted: Tally
    reported: Tally
    id: str = ""
    version: int = 0
    created_utc: str = ""

    @property
    def label(self) -> str:
        """Name and version, as the verdict calls it."""
        return f"{self.name} v{self.version}"

    @property
    def in_force(self) -> Limits:
        """The limits under the name of the profile."""
        return self.limits.model_copy(update={"profile": self.label})
