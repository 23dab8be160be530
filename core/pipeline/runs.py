"""Run a cohort: every case once, resumable, one failure at a time; what came out as a table of units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.config import AnalysisConfig
from core.pipeline.case import silent
from core.types import (
    Analysis,
    Case,
    Classification,
    CohortItem,
    CohortRecord,
    Level,
    Progress,
    RunFailure,
    RunRecord,
    UnitTable,
)

if TYPE_CHECKING:
    from core.store import Store


def run_cohort(
    store: Store,
    cohort_id: str,
    config: AnalysisConfig,
    progress: Progress = silent,
    *,
    retry_failed: bool = False,
) -> RunRecord:
    """Run a model over every case of a cohort; what is done already is skipped, so a killed run goes on.

    Raises SettingsProblem when there is no such cohort or the model has another task, ModelProblem when the
    model cannot do what the settings ask, StoreProblem when nothing can be kept, and Cancelled when
    `progress` says so. Whatever else goes wrong with a case is listed and the next one is taken.
    """
    raise NotImplementedError


def keep_result(
    store: Store, run: RunRecord, item: CohortItem, case: Case, analysis: Analysis, seconds: float = 0.0
) -> bool:
    """Measure a segmented case unit by unit and keep it; False when the run or item was removed meanwhile."""
    raise NotImplementedError


def keep_classification(
    store: Store, run: RunRecord, item: CohortItem, found: Classification, seconds: float = 0.0
) -> bool:
    """Keep a classified case as one unit; False when the run or item was removed meanwhile."""
    raise NotImplementedError


def find_cohort(store: Store, name_or_id: str) -> CohortRecord:
    """The cohort with this name (the newest of that name), id or beginning of an id.

    Raises SettingsProblem that lists the known ones.
    """
    raise NotImplementedError


def latest_run(store: Store, name_or_id: str) -> RunRecord:
    """The newest run of a cohort (by name, id or beginning of an id), or the run with this id or beginning.

    Raises SettingsProblem that lists the known ones.
    """
    raise NotImplementedError


def unit_table(store: Store, run_id: str, level: Level = "case") -> UnitTable:
    """What came out of a run. Raises SettingsProblem when there is no such run, or nothing at this level."""
    raise NotImplementedError


def run_failures(store: Store, run_id: str) -> tuple[RunFailure, ...]:
    """The items of a run that could not be computed, in order."""
    raise NotImplementedError
