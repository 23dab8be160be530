"""From the entries of the log to what stands now: who decided what, and which kinds of failure there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.review.taxonomy import BUILT_IN
from core.types.reviews import Decision, FailureKind, Judged, LogEntry, Opinion


@dataclass(frozen=True)
class Standing:
    """A decision in force. entry: the one that made it."""

    entry: LogEntry

    @property
    def opinion(self) -> Opinion:
        assert self.entry.opinion is not None
        return self.entry.opinion

    @property
    def judged(self) -> Judged:
        assert self.entry.judged is not None
        return self.entry.judged

    @property
    def decision(self) -> Decision:
        return self.opinion.decision


@dataclass(eq=False)
class ReviewState:
    """Everything that follows from a log; grows entry by entry.

    stacks: for each reader and subject the decisions made, the one in force last. order: for each reader the
    subjects in the order of their decisions, for undo.
    """

    stacks: dict[tuple[str, str], list[LogEntry]] = field(default_factory=dict)
    order: dict[str, list[str]] = field(default_factory=dict)
    kinds: tuple[FailureKind, ...] = BUILT_IN

    def add(self, entry: LogEntry) -> None:
        """Take one more entry into account."""
        if entry.action == "taxonomy":
            self.kinds = entry.kinds
        if entry.judged is None:
            return
        subject = entry.judged.subject
        stack = self.stacks.setdefault((entry.reader, subject), [])
        done = self.order.setdefault(entry.reader, [])
        if entry.action == "decide":
            stack.append(entry)
            done.append(subject)
        elif entry.action == "undo" and stack:
            stack.pop()
            done.reverse()
            done.remove(subject)
            done.reverse()

    def standing(self, reader: str, subject: str) -> Standing | None:
        """The decision of a reader in force, None when there is none."""
        stack = self.stacks.get((reader, subject))
        return Standing(stack[-1]) if stack else None

    def of_reader(self, reader: str, subjects: Iterable[str]) -> Mapping[str, Standing]:
        """By subject, the decisions of one reader in force."""
        found = {each: self.standing(reader, each) for each in subjects}
        return {key: each for key, each in found.items() if each is not None}

    def readers(self, subjects: Iterable[str] | None = None) -> tuple[str, ...]:
        """Who has a decision in force, on one of these subjects if given; in alphabetical order."""
        wanted = None if subjects is None else set(subjects)
        found = {
            reader
            for (reader, subject), stack in self.stacks.items()
            if stack and (wanted is None or subject in wanted)
        }
        return tuple(sorted(found))

    def last_of(self, reader: str, subjects: Iterable[str]) -> str | None:
        """The subject, among these, that the reader decided last; what an undo takes back."""
        wanted = set(subjects)
        return next((each for each in reversed(self.order.get(reader, [])) if each in wanted), None)


def state_of(entries: Iterable[LogEntry]) -> ReviewState:
    """The state after these entries."""
    state = ReviewState()
    for entry in entries:
        state.add(entry)
    return state
