"""Detection and false alarms per finding, with intervals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from core.audit import audit_study, read_study
from core.audit.codes import CODES
from core.metrics.reliability.calibration import wilson
from tests.audit_studies.clean import Made, clean_study
from tests.audit_studies.faults import FAULTS, Fault, faulty_study

DEVELOPMENT, REPORTING = 0, 1_000_000
"""First seeds: limits were looked at on the first range only, the figures in README come from the second."""


@dataclass(frozen=True)
class Row:
    """One finding: planted and found, clean studies and those with it, other findings of its studies."""

    fault: Fault
    planted: int
    found: int
    clean: int
    alarms: int


@dataclass(frozen=True)
class Measured:
    """rows: one per fault. clean, quiet: studies without a fault, and how many of them gave no finding.

    stray: studies with a fault that also gave a finding that is not true of it, of `planted`.
    """

    rows: tuple[Row, ...]
    clean: int
    quiet: int
    planted: int
    stray: int
    strays: tuple[tuple[str, str, int], ...]


def codes_of(made: Made) -> set[str]:
    """Codes of what the audit finds."""
    return {each.code for each in audit_study(read_study(made.files())).findings}


def measure(studies: int, first: int) -> Measured:
    """`studies` with one fault each, all faults in turn, and as many without."""
    found: Counter[str] = Counter()
    planted: Counter[str] = Counter()
    alarms: Counter[str] = Counter()
    strays: Counter[tuple[str, str]] = Counter()
    quiet = stray = 0
    for number in range(studies):
        fault = FAULTS[number % len(FAULTS)]
        codes = codes_of(faulty_study(fault, first + number))
        planted[fault.code] += 1
        found[fault.code] += fault.code in codes
        other = codes - {fault.code, *fault.also}
        stray += bool(other)
        strays.update((fault.code, each) for each in other)
        clean = codes_of(clean_study(first + studies + number))
        quiet += not clean
        alarms.update(clean)
    rows = tuple(
        Row(fault, planted[fault.code], found[fault.code], studies, alarms[fault.code]) for fault in FAULTS
    )
    named = tuple((fault, code, n) for (fault, code), n in strays.most_common())
    return Measured(rows, studies, quiet, studies, stray, named)


def markdown(measured: Measured) -> str:
    """The table of the documentation."""
    lines = [
        "| finding | severity | planted fault | found [95 %] | false alarms in clean studies [95 %] |",
        "| --- | --- | --- | --- | --- |",
    ]
    severity = {each.code: each.severity for each in CODES}
    for row in measured.rows:
        lines.append(
            f"| `{row.fault.code}` | {severity[row.fault.code]} | {row.fault.words} | "
            f"{rate(row.found, row.planted)} | {rate(row.alarms, row.clean)} |"
        )
    total = sum(row.found for row in measured.rows)
    lines += [
        "",
        f"All together: {rate(total, measured.planted)} of the planted faults are found; "
        f"{rate(measured.clean - measured.quiet, measured.clean)} of the clean studies give any finding; "
        f"{rate(measured.stray, measured.planted)} of the faulty ones "
        "give a finding beside what is true of them.",
    ]
    return "\n".join(lines)


def rate(part: int, whole: int) -> str:
    """A share with Wilson's interval."""
    if not whole:
        return "–"
    low, high = wilson(np.array(float(part)), np.array(float(whole)))
    return f"{part}/{whole} [{low:.3f}, {high:.3f}]"
