"""What the self-test says."""

from __future__ import annotations

from typing import Literal

from core.config import Frozen

State = Literal["passed", "noted", "failed"]


class Detail(Frozen):
    """One thing that was looked at. ok: it is as it should be. noted: it is, and is still worth knowing."""

    name: str
    found: str
    ok: bool = True
    noted: bool = False


class Finding(Frozen):
    """What one check found. noted: nothing is wrong, and there is something to know. said: one sentence."""

    key: str
    title: str
    state: State
    said: str
    details: tuple[Detail, ...] = ()
    fix: str = ""
    seconds: float = 0.0


class SelfTest(Frozen):
    """One run. machine: what decides whether numbers can be equal to the last bit, see `machine_class`."""

    app_version: str
    machine: str
    created_utc: str
    quick: bool
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[Finding, ...]:
        """The checks that failed."""
        return tuple(each for each in self.findings if each.state == "failed")

    @property
    def seconds(self) -> float:
        """Time of all checks together."""
        return sum(each.seconds for each in self.findings)
