"""What is known about a background job at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.errors import SecondLookError

JobState = Literal["queued", "running", "done", "failed", "cancelled"]

ESTIMATE_FROM_SHARE = 0.02


@dataclass(frozen=True)
class JobStatus:
    """One job, as it was when asked.

    share: done share in [0, 1]; sentence: what it is doing. position: 1 for the next one in the queue, 0
    once it has started. started: reading of the manager's clock, None before; seconds: run time so
    far, 0 before. result: what the work returned. problem: why it failed, for the user; incident: the
    id under which an unexpected error was logged.
    """

    id: str
    title: str
    key: str | None
    state: JobState
    share: float
    sentence: str
    position: int
    started: float | None
    seconds: float
    result: str | None
    problem: SecondLookError | None
    incident: str | None

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("done", "failed", "cancelled")

    @property
    def rate(self) -> float | None:
        """Share done per second, None before there is anything to judge by."""
        if self.state != "running" or self.share < ESTIMATE_FROM_SHARE or self.seconds <= 0.0:
            return None
        return self.share / self.seconds

    @property
    def remaining(self) -> float | None:
        """Seconds left at the rate so far, None while that cannot be told."""
        return None if self.rate is None else (1.0 - self.share) / self.rate
