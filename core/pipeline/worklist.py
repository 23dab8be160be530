"""The cases of a run with what speaks for and against each, the riskiest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.detector import Limits, decide
from core.detector.classes import BagScores, decide_bags, decide_class
from core.metrics.selective.class_scores import with_confidence
from core.pipeline.points import point_of_run
from core.pipeline.profiles import limits_of_run
from core.types import Cause, OperatingPoint, RunRecord, Score, UnitTable, Verdict

if TYPE_CHECKING:
    from core.store import Store


@dataclass(frozen=True)
class WorkItem:
    """One case of a run. row: in the run's table of cases. subject: what reviews of it are kept under.

    found: what the model says, in words. confidence: the default one, None where undefined. verdict: by the
    limits and the operating point in force; None where nothing can decide, as for a row without a model.
    """

    row: int
    subject: str
    name: str
    group: str
    case_id: str | None
    analysis_key: str | None
    found: str
    confidence: float | None
    verdict: Verdict | None

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Causes of the findings, the worst first, each once."""
        return () if self.verdict is None else tuple(dict.fromkeys(flag.cause for flag in self.verdict.flags))

    @property
    def to_review(self) -> bool:
        """Whether anything speaks against accepting the case unseen."""
        return self.verdict is None or self.verdict.answer == "review"

    @property
    def worst_slice(self) -> int | None:
        """Slice of the worst finding that has one."""
        flags = () if self.verdict is None else self.verdict.flags
        return next((flag.slice for flag in flags if flag.slice is not None), None)


def worklist(
    store: Store, run: RunRecord, table: UnitTable, limits: Limits | None = None
) -> tuple[WorkItem, ...]:
    """Every case of a run: first those with a finding, then the others, each by confidence, undefined first.

    table: of the run, by case. limits: None = those in force. No array is read and no network asked. Two
    readers who see no confidence need another order: that of `table`, by `row`.
    """
    table = with_confidence(table)
    verdicts = _verdicts(store, run, table, limits, point_of_run(store, run))
    confidence = table.confidence.get(table.default_confidence, np.full(table.units, np.nan))
    items = [
        WorkItem(
            row=row,
            subject=table.analysis_key[row] or f"{run.id}:{row}",
            name=table.name[row],
            group=table.group[row],
            case_id=table.case_id[row],
            analysis_key=table.analysis_key[row],
            found=_found(table, row),
            confidence=None if np.isnan(confidence[row]) else float(confidence[row]),
            verdict=verdicts[row],
        )
        for row in range(table.units)
    ]
    return tuple(sorted(items, key=_risk))


def thumbnail_of(store: Store, item: WorkItem) -> bytes | None:
    """The slice of the worst finding as a small PNG, of a mask with its outline.

    Where no finding names one: the slice with the largest outline, without a mask the middle one. None for a
    case whose image is not kept.
    """
    from core.view.payload import outline_slice
    from core.view.thumbnails import outlined_thumbnail, thumbnail

    case = store.case(item.case_id) if item.case_id else None
    if case is None:
        return None
    analysis = store.analysis(item.analysis_key) if item.analysis_key else None
    if analysis is None:
        middle = case.image.slices // 2
        return thumbnail(case.image, case.image, middle if item.worst_slice is None else item.worst_slice)
    index = outline_slice(analysis) if item.worst_slice is None else item.worst_slice
    return outlined_thumbnail(case.image, analysis.mask_pred[index] > 0, index)


def _risk(item: WorkItem) -> tuple[bool, float, int]:
    return not item.to_review, -1.0 if item.confidence is None else item.confidence, item.row


def _verdicts(
    store: Store, run: RunRecord, table: UnitTable, limits: Limits | None, point: OperatingPoint | None
) -> list[Verdict | None]:
    in_force = limits or limits_of_run(store, run)
    if run.levels[0] == "slab":
        return _bag_verdicts(store, run, table, in_force, point)
    if table.task != "segmentation":
        return [
            decide_class(_scores(table, row), in_force, point) if table.prob is not None else None
            for row in range(table.units)
        ]
    known = store.judged([key for key in table.analysis_key if key is not None])
    verdicts: list[Verdict | None] = []
    for key in table.analysis_key:
        parts = None if key is None else known.get(key)
        judged = parts is not None and bool(parts.slices)
        verdicts.append(decide(parts.slices, in_force, parts.scores, point) if parts and judged else None)
    return verdicts


def _bag_verdicts(
    store: Store, run: RunRecord, table: UnitTable, limits: Limits, point: OperatingPoint | None
) -> list[Verdict | None]:
    slabs = store.unit_table(run.id, "slab")
    bags: dict[str, list[BagScores]] = {name: [] for name in table.name}
    for row, name in enumerate(slabs.name if slabs else ()):
        assert slabs is not None
        bags[name].append(BagScores(int(slabs.slice[row]), _scores(slabs, row)))
    return [
        decide_bags(bags[name], _scores(table, row), limits, point) if bags[name] else None
        for row, name in enumerate(table.name)
    ]


def _scores(table: UnitTable, row: int) -> tuple[Score, ...]:
    return tuple(
        Score(key=key, value=None if np.isnan(values[row]) else float(values[row]))
        for key, values in table.confidence.items()
    )


def _found(table: UnitTable, row: int) -> str:
    if table.prob is None:
        return "nothing" if table.pred_empty[row] else "a mask"
    if table.task == "multilabel":
        named = [name for name, p in zip(table.class_names, table.prob[row], strict=True) if p > 0.5]
        return ", ".join(named) or "nothing"
    return table.class_names[int(table.prob[row].argmax())]
