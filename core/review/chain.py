"""The hash chain of the review log: how an entry is written, and what makes a log whole."""

from __future__ import annotations

import json

from pydantic import ValidationError

from core.config import canonical_json, digest
from core.types.reviews import FIRST, LogEntry, LogReport


def sealed(entry: LogEntry) -> LogEntry:
    """The entry with its hash: SHA-256 of the canonical JSON of all its other fields."""
    return entry.model_copy(update={"hash": digest(entry.model_dump(mode="json", exclude={"hash"}))})


def line_of(entry: LogEntry) -> str:
    """One line of the log, without its line break."""
    return canonical_json(entry)


def read_lines(lines: list[str]) -> tuple[tuple[LogEntry, ...], LogReport]:
    """The entries up to the first that breaks the chain, and what is wrong, if anything.

    An entry breaks the chain when it cannot be read, its number is not the next, it does not name the hash of
    the entry before, or its own hash does not fit what it says.
    """
    entries: list[LogEntry] = []
    head = FIRST
    for number, line in enumerate(lines, 1):
        entry, problem = _read(line, number, head)
        if entry is None:
            report = LogReport(entries=len(entries), head=head, problems=(problem,), first_bad=number)
            return tuple(entries), report
        entries.append(entry)
        head = entry.hash
    return tuple(entries), LogReport(entries=len(entries), head=head)


def against_head(report: LogReport, entries: tuple[LogEntry, ...], head: tuple[int, str] | None) -> LogReport:
    """The report compared with the head (number of entries, last hash) that is kept outside the log.

    A log that goes on after its head is whole: the head is written last. None: there is no head, which is
    right for an empty log only.
    """
    if not report.ok:
        return report
    count, last = head or (0, FIRST)
    if head is None and entries:
        problem = f"the log has {len(entries)} entries, but the file with its head is gone"
    elif count < 0:
        problem = "the file with the head of the log cannot be read"
    elif count > len(entries):
        problem = f"the log ends after entry {len(entries)}, but {count} were written: its end is missing"
    elif count and entries[count - 1].hash != last:
        problem = f"entry {count} is not the one that was written last: the log was replaced or written again"
    else:
        return report
    first_bad = min(count, len(entries)) if count > 0 else None
    return report.model_copy(update={"problems": (problem,), "first_bad": first_bad})


def _read(line: str, number: int, head: str) -> tuple[LogEntry | None, str]:
    try:
        written = json.loads(line)
        entry = LogEntry.model_validate_json(line)
        # Of what is written: an entry of an earlier version has fewer fields than this one would write.
        found = digest({name: value for name, value in written.items() if name != "hash"})
    except (ValueError, ValidationError):
        return None, f"entry {number} cannot be read"
    if entry.number != number:
        return None, f"in place of entry {number} stands an entry with the number {entry.number}"
    if entry.previous != head:
        return None, f"entry {number} does not follow the entry before it"
    if entry.hash != found:
        return None, f"entry {number} was changed after it was written: its hash does not fit"
    return entry, ""
