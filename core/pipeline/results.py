"""One door to a model, whatever it answers: run it, load what it found, decide again, list what is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from core.config import AnalysisConfig
from core.detector import decide
from core.errors import SettingsProblem
from core.pipeline.bags import judge_volume
from core.pipeline.case import Outcome, analyse, point_in_force, silent, stored_outcome
from core.pipeline.classify import ClassOutcome, classify, stored_classification, verdict_over
from core.pipeline.profiles import limits_over
from core.types import Case, CohortItem, Limits, MadeBy, OperatingPoint, Progress

if TYPE_CHECKING:
    from core.store import AnalysisSummary, Store

Result = Outcome | ClassOutcome
"""What a model said about a case, with the verdict: a mask, or a class."""

R = TypeVar("R", Outcome, ClassOutcome)

SHORTEST_KEY = 8
"""Digits of a key that may stand for the whole of it."""


def run_model(
    store: Store,
    case: Case,
    config: AnalysisConfig,
    *,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> Result:
    """The answer of the model that the settings name: `analyse` for a segmenter, `classify` for a classifier,
    `judge_volume` for a bag model.

    Raises what these raise: ModelProblem, InferenceProblem, Cancelled.
    """
    from core.models import any_model
    from core.models.mil_records import BagRecord

    record = any_model(config.model_id)
    if isinstance(record, BagRecord):
        return judge_volume(store, case, config, limits=limits, progress=progress)
    if record.task == "segmentation":
        return analyse(store, case, config, limits=limits, progress=progress)
    return classify(store, case, config, limits=limits, progress=progress)


def stored_result(store: Store, key: str, limits: Limits | None = None) -> Result | None:
    """What an earlier run found under this key, without loading any network; None when it is not kept."""
    return stored_outcome(store, key, limits) or stored_classification(store, key, limits)


def results_of(store: Store, case_id: str) -> tuple[AnalysisSummary, ...]:
    """Every kept result of a case, masks and classes alike, newest first."""
    found = (*store.analyses_of(case_id), *store.classifications_of(case_id))
    return tuple(sorted(found, key=lambda each: each.created_utc, reverse=True))


def key_like(store: Store, start: str) -> str | None:
    """The one kept result whose key begins so, in at least `SHORTEST_KEY` digits; None when there is none.

    Raises SettingsProblem when several begin so.
    """
    if len(start) < SHORTEST_KEY:
        return None
    cases, wanted = store.case_summaries(), start.lower()
    found = [each.key for case in cases for each in results_of(store, case.id) if each.key.startswith(wanted)]
    if len(found) > 1:
        raise SettingsProblem(
            "Several results begin with these digits",
            found=f"{len(found)} results for {start!r}",
            expected="one",
            fix="give more digits of the key",
        )
    return found[0] if found else None


def decide_again(result: R, limits: Limits, point: OperatingPoint | None) -> R:
    """The same result judged by other limits and another operating point; no network is asked."""
    if isinstance(result, ClassOutcome):
        verdict = verdict_over(result.classification, limits, point)
    else:
        verdict = decide(result.analysis.slices, limits, result.analysis.scores, point)
    return replace(result, limits=limits, verdict=verdict, operating_point=point)


def in_force_now(store: Store, result: Result) -> OperatingPoint | None:
    """The operating point that judges this result as of now, None when the fixed limit does."""
    return point_in_force(store, maker(result))


def limits_for(store: Store, result: Result) -> Limits:
    """The limits in force as of now for what made this result."""
    classes = isinstance(result, ClassOutcome)
    bags = isinstance(result, ClassOutcome) and bool(result.classification.bags)
    return limits_over(store, maker(result), classes=classes, bags=bags)


def maker(result: Result) -> MadeBy:
    """What made a result; its key is the key of the result."""
    return result.classification.made_by if isinstance(result, ClassOutcome) else result.analysis.made_by


def named_by(store: Store, case_id: str, class_names: tuple[str, ...]) -> tuple[str, CohortItem] | None:
    """(cohort name, item) of the newest cohort that names the reference classes of a case, None without one.

    A cohort with a class that the model does not know asks another question and is passed over.
    """
    names = {each.id: each.name for each in store.cohorts() if each.task != "segmentation"}
    for cohort_id, item in store.places_of(case_id):
        if cohort_id in names and item.labels is not None and set(item.labels) <= set(class_names):
            return names[cohort_id], item
    return None
