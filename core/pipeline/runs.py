"""Run a cohort: every case once, resumable, one failure at a time; what came out as a table of units."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

from core.config import AnalysisConfig, digest
from core.errors import Cancelled, SecondLookError, SettingsProblem, StoreProblem, trace_of
from core.pipeline.case import LIBRARIES, SCHEMA, analyse, prepare, silent
from core.pipeline.units import classification_item, marked_slices, segmentation_item
from core.types import (
    Analysis,
    Case,
    Classification,
    CohortItem,
    CohortRecord,
    ItemResult,
    Level,
    Origin,
    Progress,
    RunFailure,
    RunRecord,
    UnitTable,
)

if TYPE_CHECKING:
    from core.models import ModelRecord
    from core.store import Store

logger = logging.getLogger("second_look.runs")

UNIT_SCHEMA = 1
"""Version of what a unit holds; a change of meaning makes new runs."""

WORDS_AND_LIMITS = {
    "title", "description", "training", "rule_limits", "modality", "prompt", "volume", "licence", "source",
}  # fmt: skip
"""What a model's record holds that changes no number of a run."""

SHORTEST_PREFIX = 4
"""Characters of an id that are taken for its beginning."""


def run_cohort(
    store: Store,
    cohort_id: str,
    config: AnalysisConfig,
    progress: Progress = silent,
    *,
    retry_failed: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> RunRecord:
    """Run a model over every case of a cohort; what is done already is skipped, so a killed run goes on.

    A training patient of the model is judged only by networks that never saw it, where there are any.
    Raises SettingsProblem when there is no such cohort or the model has another task, ModelProblem when the
    model cannot do what the settings ask, StoreProblem when nothing can be kept, and Cancelled when
    `progress` says so. Whatever else goes wrong with a case is listed and the next one is taken.
    """
    from core.models import any_model, require_promptless

    cohort, record = _cohort(store, cohort_id), any_model(config.model_id)
    require_promptless(record)
    require_task(cohort, record)
    run = new_run(cohort, record, config)
    store.put_run(run)
    left_out = store.done_positions(run.id)
    if not retry_failed:
        left_out |= store.failed_positions(run.id)
    items = store.cohort_items(cohort_id)
    todo = [each for each in items if each.position not in left_out]
    if todo:
        progress(0.0, "Opening the networks")
        prepare(store, config)
    pace = _Pace(len(items), len(items) - len(todo), clock(), clock)
    for count, item in enumerate(todo):
        _run_item(store, run, item, record, config, pace.of(count, len(todo), progress))
    store.finish_run(run.id)
    return _run(store, run.id)


def keep_result(
    store: Store,
    run: RunRecord,
    item: CohortItem,
    case: Case,
    analysis: Analysis,
    *,
    origin: Origin = "unseen",
    seconds: float = 0.0,
) -> bool:
    """Measure a segmented case unit by unit and keep it; False when the run or item was removed meanwhile."""
    result = segmentation_item(case, analysis, origin=origin, seconds=seconds)
    return store.put_item(run.id, item.position, result)


def keep_classification(
    store: Store,
    run: RunRecord,
    item: CohortItem,
    found: Classification,
    *,
    origin: Origin = "unseen",
    seconds: float = 0.0,
) -> bool:
    """Keep a classified case as one unit; False when the run or item was removed meanwhile."""
    result = classification_item(item, found, origin=origin, seconds=seconds)
    return store.put_item(run.id, item.position, result)


def find_cohort(store: Store, name_or_id: str) -> CohortRecord:
    """The cohort with this name (the newest of that name), id or beginning of an id.

    Raises SettingsProblem that lists the known ones.
    """
    known = store.cohorts()
    for fits in (lambda each: each.name == name_or_id, lambda each: _begins(each.id, name_or_id)):
        found = [each for each in known if fits(each)]
        if found:
            return found[0]
    raise _unknown("There is no such cohort", name_or_id, [f"{each.name} ({each.id[:8]})" for each in known])


def latest_run(store: Store, name_or_id: str) -> RunRecord:
    """The newest run of a cohort (by name, id or beginning of an id), or the run with this id or beginning.

    Raises SettingsProblem that lists the known ones.
    """
    every = (*store.runs(), *store.runs(stressed=True))
    own = [each for each in every if _begins(each.id, name_or_id)]
    if own:
        return own[0]
    cohort = find_cohort(store, name_or_id)
    found = store.runs(cohort.id)
    if found:
        return found[0]
    raise SettingsProblem(
        "Nothing has been run on this cohort yet",
        found=f"{cohort.name} without a run",
        expected="a cohort with a run or with imported predictions",
        fix=f"run a model on it: python -m core run {cohort.name}",
    )


def run_of(store: Store, cohort: str | None, run: str | None) -> RunRecord:
    """The named run of a cohort, or its newest; without a cohort the named run alone.

    Raises SettingsProblem when one is unknown, or the run belongs to another cohort.
    """
    chosen = latest_run(store, run or cohort or "")
    if run is None or cohort is None or chosen.cohort_id == find_cohort(store, cohort).id:
        return chosen
    raise SettingsProblem(
        "The run belongs to another cohort",
        found=f"run {run}",
        expected=f"a run of cohort {cohort}",
        fix="leave out --run to use the newest one",
    )


def unit_table(store: Store, run_id: str, level: Level | None = "case") -> UnitTable:
    """What came out of a run, None: at the level to prefer for it.

    Raises SettingsProblem when there is no such run, or nothing at this level.
    """
    run = _run(store, run_id)
    level = level or run.levels[0]
    found = store.unit_table(run_id, level)
    if found is not None:
        return found
    raise SettingsProblem(
        f"This run has nothing to judge by {level}",
        found=f"{run.done} of {run.items} cases done, {run.failed} failed",
        expected="at least one case that is done" + (f" and falls into {level}s" if level != "case" else ""),
        fix="go on with the run, or choose another level",
    )


def run_failures(store: Store, run_id: str) -> tuple[RunFailure, ...]:
    """The items of a run that could not be computed, in order."""
    return store.run_failures(run_id)


@dataclass(frozen=True)
class _Pace:
    """How fast it goes. total: items of the cohort; before: done already; start: reading of the clock."""

    total: int
    before: int
    start: float
    clock: Callable[[], float]

    def of(self, count: int, todo: int, progress: Progress) -> Progress:
        """Progress of the count-th item of this call: its share of the work that was left to do."""
        seconds = self.clock() - self.start
        rate = f", {count / seconds:.2g} cases/s" if count and seconds > 0.0 else ""
        sentence = f"Case {self.before + count + 1} of {self.total}{rate}"

        def tell(share: float, _: str) -> None:
            progress((count + share) / todo, sentence)

        return tell


def _run_item(
    store: Store,
    run: RunRecord,
    item: CohortItem,
    record: ModelRecord,
    config: AnalysisConfig,
    progress: Progress,
) -> None:
    members, origin = members_for(record, item.group, config.members)
    own = config.model_copy(update={"members": members})
    started = time.perf_counter()
    progress(0.0, "")
    result = guarded(lambda: _compute(store, record, item, own, origin, progress), origin)
    store.put_item(run.id, item.position, _timed(result, time.perf_counter() - started))


def guarded(work: Callable[[], ItemResult], origin: Origin) -> ItemResult:
    """What an item brought, or why it could not be computed; stopping and a failing store go on up."""
    try:
        return work()
    except (Cancelled, StoreProblem):
        raise
    except SecondLookError as problem:
        return ItemResult(problem=problem.sentence, origin=origin)
    except Exception as error:  # noqa: BLE001 - the outermost boundary of one item
        incident = secrets.token_hex(4)
        logger.error("incident %s in a run: %s", incident, trace_of(error))
        return ItemResult(problem=f"Something unforeseen went wrong (incident {incident}).", origin=origin)


def _compute(
    store: Store,
    record: ModelRecord,
    item: CohortItem,
    config: AnalysisConfig,
    origin: Origin,
    progress: Progress,
) -> ItemResult:
    from core.models.mil_records import BagRecord

    case = case_of(store, item)
    if record.task == "segmentation":
        outcome = analyse(store, case, config, progress=progress)
        return segmentation_item(case, outcome.analysis, origin=origin)
    if isinstance(record, BagRecord):
        from core.pipeline.bags import judge_volume

        judged = judge_volume(store, case, config, progress=progress).classification
        marked = marked_slices(case) if record.bag == "slab" else None
        return classification_item(item, judged, marked=marked, origin=origin)
    from core.pipeline.classify import classify

    found = classify(store, case, config, progress=progress).classification
    return classification_item(item, found, origin=origin)


def case_of(store: Store, item: CohortItem) -> Case:
    """The stored case of an item. Raises SettingsProblem where its picture is not kept."""
    case = None if item.case_id is None else store.case(item.case_id)
    if case is not None:
        return case
    raise SettingsProblem(
        "The picture of this case is not kept",
        found="a row without an image" if item.case_id is None else "a case that is gone or damaged",
        expected="a case with its image",
        fix="add the cohort again from its files",
    )


def members_for(
    record: ModelRecord, group: str, wanted: tuple[int, ...] | None
) -> tuple[tuple[int, ...] | None, Origin]:
    """Which networks may judge a patient, None for all, and what that makes of the result.

    wanted: the networks that the settings permit, None for all.
    """
    if not any(group in fold for fold in record.folds):
        return wanted, "unseen"
    unseen = tuple(k for k in record.members_unseen(group) if wanted is None or k in wanted)
    return (unseen, "out of fold") if unseen else (wanted, "in training")


def _timed(result: ItemResult, seconds: float) -> ItemResult:
    return replace(result, seconds=seconds)


def new_run(cohort: CohortRecord, record: ModelRecord, config: AnalysisConfig, title: str = "") -> RunRecord:
    """The run that these settings make; the same settings, weights and libraries make the same one.

    title: added to its title.
    """
    key = digest(
        {
            "cohort": cohort.id,
            "config": config,
            "model": record.model_dump(mode="json", exclude=WORDS_AND_LIMITS),
            "versions": [(name, version(name)) for name in LIBRARIES],
            "schema": [SCHEMA, UNIT_SCHEMA],
        }
    )
    return RunRecord(
        id=key,
        cohort_id=cohort.id,
        title=f"{record.title}, {config.estimator.kind}{title}",
        source="model",
        task=record.task,
        class_names=record.class_names,
        config=config,
        items=cohort.items,
    )


def answers(cohort: CohortRecord, record: ModelRecord) -> bool:
    """Whether a model answers what a cohort asks: masks also say which slabs hold what they mark."""
    from core.models.mil_records import BagRecord

    slabs = isinstance(record, BagRecord) and record.bag == "slab"
    return cohort.task == record.task or (slabs and cohort.task == "segmentation")


def require_task(cohort: CohortRecord, record: ModelRecord) -> None:
    """Raises SettingsProblem where a model answers another question than a cohort asks."""
    if answers(cohort, record):
        return
    raise SettingsProblem(
        "This model answers another question than the cohort asks",
        found=f"{record.id} is for {record.task}, {cohort.name} for {cohort.task}",
        expected=f"a model for {cohort.task}",
        fix="choose one with: python -m core models list",
    )


def _cohort(store: Store, cohort_id: str) -> CohortRecord:
    found = store.cohort(cohort_id)
    return find_cohort(store, cohort_id) if found is None else found


def _run(store: Store, run_id: str) -> RunRecord:
    found = store.run(run_id)
    if found is None:
        raise _unknown(
            "There is no such run", run_id, [f"{each.title} ({each.id[:8]})" for each in store.runs()]
        )
    return found


def _begins(key: str, given: str) -> bool:
    return len(given) >= SHORTEST_PREFIX and key.startswith(given)


def _unknown(what: str, given: str, known: list[str]) -> SettingsProblem:
    return SettingsProblem(
        what,
        found=repr(given),
        expected="one of " + ", ".join(known) if known else "an existing one; there is none yet",
        fix="use one of these names" if known else "add a cohort first: python -m core cohort add",
    )
