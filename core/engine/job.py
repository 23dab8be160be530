"""One job and what happens to it; every change is made under the manager's lock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.engine.status import JobState, JobStatus
from core.errors import SecondLookError
from core.types import Progress

Work = Callable[[Progress], str]


@dataclass(eq=False)
class Job:
    """Mutable on purpose: the manager's own record, never handed out."""

    id: str
    title: str
    key: str | None
    work: Work
    state: JobState = "queued"
    share: float = 0.0
    sentence: str = "Waiting"
    cancel_asked: bool = False
    started: float | None = None
    ended: float | None = None
    result: str | None = None
    problem: SecondLookError | None = None
    incident: str | None = None

    def begin(self, now: float) -> None:
        """The worker takes it up."""
        self.state, self.sentence, self.started = "running", "Starting", now

    def advance(self, share: float, sentence: str) -> None:
        """The work tells how far it is; the share never goes back."""
        self.share = max(self.share, min(1.0, max(0.0, share)))
        self.sentence = sentence

    def end(self, state: JobState, now: float) -> None:
        """It is over. The work is let go, with everything it holds on to."""
        self.state, self.sentence, self.ended, self.work = state, state.capitalize(), now, _nothing
        self.share = 1.0 if state == "done" else self.share

    def status(self, position: int, now: float) -> JobStatus:
        """A picture of it at `now`."""
        until = now if self.ended is None else self.ended
        return JobStatus(
            id=self.id,
            title=self.title,
            key=self.key,
            state=self.state,
            share=self.share,
            sentence=self.sentence,
            position=position,
            started=self.started,
            seconds=0.0 if self.started is None else until - self.started,
            result=self.result,
            problem=self.problem,
            incident=self.incident,
        )


def _nothing(progress: Progress) -> str:
    return ""
