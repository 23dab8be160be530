"""The areas under the curves with their intervals, and everything to take along.

Drawing patients a thousand times for every score takes seconds, so it is done in the background, and only
for somebody who opens the numbers.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.metrics.selective.coverage_report import CoverageReport, coverage_report
from core.report.coverage import coverage_record
from core.types import Progress
from pages.ui import ready, tables
from pages.ui.coverage_choices import Choices, label
from pages.ui.coverage_words import value
from pages.ui.run_tables import Loaded
from pages.ui.text import safe_text

AREAS = {
    "augrc": "AUGRC",
    "aurc": "AURC",
    "e_aurc": "E-AURC",
    "normalised_aurc": "Normalised AURC",
    "failure_auroc": "AUROC of failure",
}
REPLICATES = 1000


def show(loaded: Loaded, choices: Choices, shown: CoverageReport, state: tuple[object, ...]) -> None:
    """The numbers, folded away until somebody asks for them. shown: what the page says already."""
    opened = st.expander("Numbers: areas under the curves, and files", key="numbers", on_change="rerun")
    if not opened.open:
        return
    table, conventions, scores = loaded.table, choices.conventions, choices.compared

    def work(progress: Progress) -> CoverageReport:
        progress(0.0, "Best possible order")
        return coverage_report(table, conventions, scores, seed=0, replicates=REPLICATES, progress=progress)

    with opened:
        key = (*state, table.level, scores)
        report = ready.ready("areas", "Drawing patients for the intervals", key, work)
        if report is not None:
            _tables(report, loaded)
            _files(report, shown, loaded)


def _tables(report: CoverageReport, loaded: Loaded) -> None:
    tables.show(
        ("Score", *AREAS.values()),
        [(label(key), *(value(score.areas[name]) for name in AREAS)) for key, score in report.scores.items()],
    )
    st.caption(
        "AUGRC, AURC and E-AURC: lower is better, 0 at best; normalised AURC: 1 is the best possible order, "
        "0 a random one; AUROC of failure needs a risk of 0 or 1."
    )
    st.caption(
        f"Mean risk {value(report.mean_risk)}; AURC of the best order {value(report.oracle_aurc)}; "
        f"nothing predicted in {report.predicted_nothing} of {report.n}, of these nothing to find in "
        f"{report.both_empty}. Intervals: 95 %, {report.replicates} draws of whole patients, "
        f"seed {report.seed}."
    )
    for reason, left_out in report.left_out:
        st.caption(f"{left_out} left out: {safe_text(reason)}.")


def _files(report: CoverageReport, shown: CoverageReport, loaded: Loaded) -> None:
    """The operating point in the files is the one on screen, of the score that decides."""
    whole = replace(report, default=shown.default, operating=shown.operating, certified=shown.certified)
    rows: list[dict[str, object]] = []
    for key, score in report.scores.items():
        row: dict[str, object] = {"score": key}
        for name, each in score.areas.items():
            row |= {name: each.value, f"{name}_low": each.low, f"{name}_high": each.high}
        rows.append(row)
    tables.downloads(f"coverage-{loaded.run.id[:8]}", coverage_record(whole), rows)
