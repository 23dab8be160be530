"""A sweep: a model over a cohort under every corruption and severity, resumable case by case.

Every severity of a corruption is a run of its own over the cohort, so tables, metrics and exports work on it
as on any run; severity 0 is one run, shared by all corruptions. Scores, measures and one histogram per case
are kept, no maps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing import get_context
from typing import TYPE_CHECKING

from core.config import AnalysisConfig, CorruptionConfig, CorruptionStep, Frozen
from core.corruptions import CORRUPTIONS, GROUPS, SUITE, CorruptionSpec, corruption_spec, refusal
from core.errors import SettingsProblem
from core.pipeline.case import prepare, silent
from core.pipeline.runs import case_of, find_cohort, guarded, members_for, new_run, require_task
from core.pipeline.stress import modality_of, stress, stressed_item
from core.types import Case, CohortItem, CohortRecord, ItemResult, Origin, Progress, RunRecord

if TYPE_CHECKING:
    from core.models import ModelRecord
    from core.store import Store

ALL = "all"
LEVELS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)


class SweepCell(Frozen):
    """One corruption at one severity, and the run that holds it; key "" and severity 0: clean pictures."""

    key: str
    severity: float
    run_id: str


class Sweep(Frozen):
    """A model over a cohort under some corruptions. cells: the clean one first.

    refused: (corruption, why it makes no sense for these pictures). config: without a corruption.
    """

    cohort_id: str
    config: AnalysisConfig
    seed: int
    suite: str
    cells: tuple[SweepCell, ...]
    refused: tuple[tuple[str, str], ...] = ()


def chosen_keys(wanted: Sequence[str]) -> tuple[str, ...]:
    """Corruptions by name, by group, or "all"; in the order of the table, each once.

    "all" means all that happen in the world: worst cases against the model ("adversarial") have to be named,
    as they are no physics and cost a dozen passes each. Raises SettingsProblem for an unknown name.
    """
    keys: set[str] = set()
    for name in wanted:
        if name == ALL:
            keys |= {spec.key for spec in CORRUPTIONS if not spec.adversarial}
        elif name in GROUPS:
            keys |= {spec.key for spec in CORRUPTIONS if spec.group == name}
        else:
            keys.add(corruption_spec(name).key)
    return tuple(spec.key for spec in CORRUPTIONS if spec.key in keys)


def plan_sweep(
    store: Store,
    cohort_id: str,
    config: AnalysisConfig,
    keys: Sequence[str],
    severities: Sequence[float] = LEVELS,
    *,
    seed: int = 0,
) -> Sweep:
    """What a sweep will hold; its runs are put into the store, and stay as they are where they are known.

    A corruption that makes no sense for the first case with a picture is refused with the reason. Raises
    SettingsProblem for an unknown cohort or corruption, a model with another task, or when nothing is left.
    """
    from core.models import get_model

    cohort, record = store.cohort(cohort_id) or find_cohort(store, cohort_id), get_model(config.model_id)
    require_task(cohort, record)
    specs = [corruption_spec(key) for key in keys]
    refused = _refused(store, cohort, record, specs)
    cells = []
    for step in _steps([each for each in specs if each.key not in dict(refused)], severities):
        run = new_run(cohort, record, _at(config, step, seed), _title(step))
        cells.append(
            SweepCell(key=step.key if step else "", severity=step.severity if step else 0.0, run_id=run.id)
        )
        if store.run(run.id) is None:
            store.put_run(run)
    if len(cells) == 1 and refused:
        raise SettingsProblem(
            "None of these corruptions makes sense for this cohort",
            found="; ".join(f"{key}: {reason}" for key, reason in refused),
            expected="at least one that does",
            fix="choose others; assets/docs/CORRUPTIONS.md lists them",
        )
    return Sweep(
        cohort_id=cohort.id, config=config, seed=seed, suite=SUITE, cells=tuple(cells), refused=refused
    )


def run_sweep(
    store: Store,
    sweep: Sweep,
    progress: Progress = silent,
    *,
    workers: int = 1,
    retry_failed: bool = False,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[RunRecord, ...]:
    """Compute what is not there yet, case by case; a killed sweep goes on. The runs, in the cells' order.

    workers: processes that compute, 1 = this one; the numbers are the same for any number of them. Failures
    are listed in their runs and the others go on. Raises ModelProblem when the model cannot do what the
    settings ask, StoreProblem when nothing can be kept, Cancelled when `progress` says so.
    """
    from core.models import get_model

    record = get_model(sweep.config.model_id)
    items = store.cohort_items(sweep.cohort_id)
    todo = _todo(store, sweep, items, retry_failed)
    total = len(items) * len(sweep.cells)
    left = sum(len(cells) for _, cells in todo)
    if todo:
        progress(0.0, "Opening the networks")
        prepare(store, sweep.config)
    started = clock()
    compute = _in_processes if workers > 1 else _in_turn
    for done, (item, cell, result) in enumerate(compute(store, sweep, record, todo, workers), 1):
        store.put_item(cell.run_id, item.position, result)
        seconds = clock() - started
        rate = f", {done / seconds:.2g} per second" if seconds > 0.0 else ""
        progress(done / left, f"{total - left + done} of {total} cases and severities{rate}")
    found = [store.run(cell.run_id) for cell in sweep.cells]
    return tuple(each for each in found if each is not None)


def sweeps_of(store: Store, cohort_id: str) -> tuple[Sweep, ...]:
    """The sweeps that are kept of a cohort, newest first: runs that differ in their corruption alone."""
    groups: dict[tuple[str, int], list[RunRecord]] = {}
    for run in store.runs(cohort_id, stressed=True):
        if run.config is None or run.config.corruption is None or len(run.config.corruption.steps) > 1:
            continue
        base = run.config.model_copy(update={"corruption": None})
        groups.setdefault((base.model_dump_json(), run.config.corruption.seed), []).append(run)
    return tuple(_kept_sweep(cohort_id, seed, runs) for (_, seed), runs in groups.items())


def _kept_sweep(cohort_id: str, seed: int, runs: Sequence[RunRecord]) -> Sweep:
    order = {"": -1} | {spec.key: place for place, spec in enumerate(CORRUPTIONS)}
    cells = []
    for run in runs:
        assert run.config is not None and run.config.corruption is not None
        step = next(iter(run.config.corruption.steps), None)
        if run.done:
            cells.append(
                SweepCell(
                    key=step.key if step else "", severity=step.severity if step else 0.0, run_id=run.id
                )
            )
    cells.sort(key=lambda cell: (order.get(cell.key, len(order)), cell.severity))
    config = runs[0].config
    assert config is not None
    return Sweep(
        cohort_id=cohort_id, config=config.model_copy(update={"corruption": None}), seed=seed, suite=SUITE,
        cells=tuple(cells),
    )  # fmt: skip


def _steps(specs: Sequence[CorruptionSpec], severities: Sequence[float]) -> list[CorruptionStep | None]:
    """None for the clean pictures, then every corruption at every severity above 0."""
    levels = sorted({each for each in severities if each > 0.0})
    return [None, *(CorruptionStep(key=spec.key, severity=level) for spec in specs for level in levels)]


def _at(config: AnalysisConfig, step: CorruptionStep | None, seed: int) -> AnalysisConfig:
    corruption = CorruptionConfig(steps=() if step is None else (step,), seed=seed)
    return config.model_copy(update={"corruption": corruption})


def _title(step: CorruptionStep | None) -> str:
    return "; clean" if step is None else f"; {corruption_spec(step.key).label.lower()} {step.severity:g}"


def _refused(
    store: Store, cohort: CohortRecord, record: ModelRecord, specs: Sequence[CorruptionSpec]
) -> tuple[tuple[str, str], ...]:
    cases = (
        None if each.case_id is None else store.case(each.case_id) for each in store.cohort_items(cohort.id)
    )
    case = next((each for each in cases if each is not None), None)
    if case is None:
        raise SettingsProblem(
            "This cohort has no pictures that could be corrupted",
            found="rows of a table",
            expected="cases with their images",
            fix="add a cohort from its images",
        )
    modality = modality_of(case, record.modality)
    found = [(spec.key, refusal(spec, case.image, modality)) for spec in specs]
    return tuple((key, reason) for key, reason in found if reason is not None)


Todo = list[tuple[CohortItem, list[SweepCell]]]
Results = Iterator[tuple[CohortItem, SweepCell, ItemResult]]


def _todo(store: Store, sweep: Sweep, items: Sequence[CohortItem], retry_failed: bool) -> Todo:
    known = {cell.run_id: store.done_positions(cell.run_id) for cell in sweep.cells}
    if not retry_failed:
        known = {run_id: done | store.failed_positions(run_id) for run_id, done in known.items()}
    pairs = [
        (item, [cell for cell in sweep.cells if item.position not in known[cell.run_id]]) for item in items
    ]
    return [(item, cells) for item, cells in pairs if cells]


def _settings(
    sweep: Sweep, record: ModelRecord, item: CohortItem, cell: SweepCell
) -> tuple[AnalysisConfig, Origin]:
    members, origin = members_for(record, item.group, sweep.config.members)
    step = CorruptionStep(key=cell.key, severity=cell.severity) if cell.key else None
    return _at(sweep.config, step, sweep.seed).model_copy(update={"members": members}), origin


def _in_turn(store: Store, sweep: Sweep, record: ModelRecord, todo: Todo, workers: int) -> Results:
    """Case after case in this process; a case is read once for all its severities."""
    for item, cells in todo:
        case = None if item.case_id is None else store.case(item.case_id)
        for cell in cells:
            config, origin = _settings(sweep, record, item, cell)
            yield item, cell, _computed(store, item, case, config, origin)


def _in_processes(store: Store, sweep: Sweep, record: ModelRecord, todo: Todo, workers: int) -> Results:
    """Cases side by side in processes of their own; the store is read and written by this one alone."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: dict[Future[list[ItemResult]], tuple[CohortItem, list[SweepCell]]] = {}
        left = _batches(todo)
        try:
            while True:
                # One more than there are workers, so that none of them waits and few cases lie in memory.
                while len(waiting) <= workers and (batch := next(left, None)) is not None:
                    item, cells = batch
                    settings = [_settings(sweep, record, item, cell) for cell in cells]
                    case = None if item.case_id is None else store.case(item.case_id)
                    waiting[pool.submit(_batch, item, case, settings)] = batch
                if not waiting:
                    return
                ended, _ = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in ended:
                    item, cells = waiting.pop(future)
                    for cell, result in zip(cells, future.result(), strict=True):
                        yield item, cell, result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


BATCH = 8
"""Severities of a case that one process computes at a time."""


def _batches(todo: Todo) -> Iterator[tuple[CohortItem, list[SweepCell]]]:
    for item, cells in todo:
        for first in range(0, len(cells), BATCH):
            yield item, cells[first : first + BATCH]


def _batch(
    item: CohortItem, case: Case | None, settings: Sequence[tuple[AnalysisConfig, Origin]]
) -> list[ItemResult]:
    """Runs in a process of its own, on a store in memory: nothing is read from it or kept in it."""
    from core.store import Store

    with Store.open(mode="memory") as store:
        return [_computed(store, item, case, config, origin) for config, origin in settings]


def _computed(
    store: Store, item: CohortItem, case: Case | None, config: AnalysisConfig, origin: Origin
) -> ItemResult:
    def work() -> ItemResult:
        own = case_of(store, item) if case is None else case
        return stressed_item(item, stress(store, own, config), origin)

    started = time.perf_counter()
    result = guarded(work, origin)
    return replace(result, seconds=time.perf_counter() - started)
