"""Case studies: the two most instructive failures of a run, and a case along a corruption's severities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from core.config import AnalysisConfig
from core.metrics.selective.risk import risk_of
from core.pipeline.case import Outcome, silent
from core.pipeline.lab import Reading, reading_of, step_config
from core.pipeline.stress import stress
from core.pipeline.worklist import WorkItem
from core.types import Case, NamedBytes, Progress, RiskConventions, UnitTable
from core.types.reviews import Decision
from core.view.payload import start_slice

if TYPE_CHECKING:
    from core.report.case_study import Conclusion
    from core.store import Store

DECIDED: dict[Decision, str] = {
    "accept": "Accepted", "reject": "Rejected", "correct": "Needs correction", "unsure": "Unsure",
}  # fmt: skip
WHOLE_SEVERITIES = tuple(float(each) for each in range(6))


@dataclass(frozen=True)
class Proposal:
    """A failure worth showing. kind: what it teaches. why: in words, with its numbers."""

    item: WorkItem
    kind: str
    why: str


def instructive(
    items: Sequence[WorkItem], table: UnitTable, conventions: RiskConventions | None = None
) -> tuple[Proposal, ...]:
    """At most two failures of a run: the one that nothing warned of, and the one with the clearest warning.

    items: of the worklist. table: of the run, by case, with references. A failure is risk 1 under the
    conventions, by default a Dice below 14/17. First: of the failures without a flag the most confident, else
    of all failures the most confident; one that no check could judge, as a row without a mask, is not one
    without a flag. Second: of the flagged ones that whose worst finding lies furthest past its limit. Of
    equals the first row. None without a failure; one where both would be the same case.
    """
    risks = risk_of(table, conventions or RiskConventions(risk="failure"))
    failed = [each for each in items if risks.keep[each.row] and risks.risk[each.row] > 0.5]
    if not failed:
        return ()
    first = _silent(failed, items, table)
    flagged = [each for each in failed if _severity(each) and each.row != first.item.row]
    if not flagged:
        return (first,)
    second = max(flagged, key=lambda each: (_severity(each), -each.row))
    assert second.verdict is not None
    worst = second.verdict.flags[0]
    return first, Proposal(
        second, "A failure with a clear warning",
        f"{_quality(second, table)}, and a check fires {worst.severity - 1.0:.1f} times as far past its "
        f"limit as the limit lies from a typical value: {worst.sentence}",
    )  # fmt: skip


def severity_readings(
    store: Store, case: Case, config: AnalysisConfig, corruption: str, progress: Progress = silent
) -> tuple[Reading, ...]:
    """What a case says at the whole severities of a corruption, 0 to 5. Nothing is kept.

    Raises what `stress` raises: SettingsProblem for a corruption that does not fit the picture, ModelProblem,
    InferenceProblem, Cancelled.
    """
    found = []
    for place, severity in enumerate(WHOLE_SEVERITIES):
        progress(place / len(WHOLE_SEVERITIES), f"Severity {severity:g}")
        found.append(reading_of(severity, stress(store, case, step_config(config, corruption, severity))))
    return tuple(found)


def study_page(
    store: Store,
    outcome: Outcome,
    conclusion: Conclusion,
    corruption: str | None,
    *,
    title: str = "",
    why: str = "",
    progress: Progress = silent,
) -> NamedBytes:
    """The one-page case study of an outline, at the slice that `shown_slice` chooses.

    title, why: in its head. corruption: for the stress curve, which runs the model at six severities; None
    leaves it out. Raises as `severity_readings` does.
    """
    from core.corruptions import corruption_spec
    from core.report.case_study import Curve, case_study

    curve = None
    if corruption is not None:
        config = outcome.analysis.made_by.config
        readings = severity_readings(store, outcome.case, config, corruption, progress)
        curve = Curve(corruption_spec(corruption).label, readings)
    index, note = shown_slice(outcome)
    made_utc = datetime.now(UTC).isoformat()
    return case_study(
        outcome, index, conclusion, curve, made_utc=made_utc, title=title, why=why, slice_note=note
    )


def shown_slice(outcome: Outcome) -> tuple[int, str]:
    """The slice (from 0) of a case study, and why this one, in words.

    With a reference that with the most wrong pixels, the first of equals; without one, or without a wrong
    pixel, where the view starts: the worst finding can lie on a slice on which nothing is to be seen.
    """
    reference, mask_pred = outcome.case.reference, outcome.analysis.mask_pred
    if reference is not None:
        wrong = np.count_nonzero((mask_pred > 0) != (reference.mask_ref > 0), axis=(1, 2))
        if wrong.any():
            return int(wrong.argmax()), "the one with the most wrong pixels"
    return start_slice(outcome.analysis, outcome.verdict), "the one on which the view opens"


def diagnosis_of(store: Store, subject: str, reader: str | None = None) -> str:
    """What readers decided about a subject, one line each; "" where nobody has. reader: of this one alone."""
    state = store.reviews.state()
    labels = {each.key: each.label for each in state.kinds}
    lines = []
    for name in (reader,) if reader else state.readers([subject]):
        standing = state.standing(name, subject)
        if standing is None:
            continue
        opinion = standing.opinion
        kinds = ", ".join(labels.get(each, each) for each in opinion.kinds)
        lines.append(": ".join(each for each in (DECIDED[opinion.decision], kinds, opinion.comment) if each))
    return "\n".join(lines)


def _silent(failed: Sequence[WorkItem], items: Sequence[WorkItem], table: UnitTable) -> Proposal:
    unseen = [each for each in failed if each.verdict is not None and not each.verdict.flags]
    chosen = max(unseen or failed, key=lambda each: (_confidence(each), -each.row))
    others = [_confidence(each) for each in items if each.confidence is not None and each.row != chosen.row]
    told = _quality(chosen, table)
    if chosen.confidence is not None and others:
        lower = 100 * float(np.mean([each < chosen.confidence for each in others]))
        told += (
            f" at a confidence of {chosen.confidence:.3f}, higher than that of {lower:.0f} % of the others"
        )
    if unseen:
        why = f"{told}, and no check fired: nothing warned. One of {len(unseen)} such cases."
        return Proposal(chosen, "A failure that nothing warned of", why)
    unjudged = sum(each.verdict is None for each in failed)
    seen = (
        f"No check judged {unjudged} of the {len(failed)} failures, and the others are flagged"
        if unjudged
        else "Every failure of this run is flagged"
    )
    why = f"{told}. {seen}; this is the most confident one."
    return Proposal(chosen, "The most confident failure", why)


def _confidence(item: WorkItem) -> float:
    return -1.0 if item.confidence is None else item.confidence


def _severity(item: WorkItem) -> float:
    flags = () if item.verdict is None else item.verdict.flags
    return flags[0].severity if flags else 0.0


def _quality(item: WorkItem, table: UnitTable) -> str:
    dice = table.metrics.get("dice")
    if dice is None or np.isnan(dice[item.row]):
        return "A wrong answer"
    return f"Dice {dice[item.row]:.3f}"
