"""The cases of a run in the order of their risk, and which of them a reader wants to see."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import streamlit as st
from pydantic import Field, ValidationError

from core.config import Frozen
from core.pipeline.points import point_of_run
from core.pipeline.reviews import judged_item, judged_result
from core.pipeline.worklist import WorkItem, worklist
from core.review import ReviewState, Standing
from core.store import Store
from core.types import Cause, OperatingPoint
from core.types.reviews import Judged
from pages.ui import outcomes, resources, run_tables, selection, units
from pages.ui.reader import Reader
from pages.ui.run_tables import Loaded

TEXT = "review_text"
"""Session key of what was searched for: it may name a patient, so it stays out of the address."""


class Filters(Frozen):
    """Which cases are listed. causes: any of these, none = all. low, high: confidence."""

    causes: tuple[Cause, ...] = ()
    verdict: Literal["all", "review", "consistent"] = "all"
    state: Literal["all", "open", "decided"] = "all"
    low: float = Field(default=0.0, ge=0.0, le=1.0)
    high: float = Field(default=1.0, ge=0.0, le=1.0)


@dataclass(frozen=True, eq=False)
class Queue:
    """What a reader goes through. items: every case of the run in order. listed: those that pass the filters.

    standing: the reader's own decisions by subject.
    """

    loaded: Loaded
    reader: Reader
    point: OperatingPoint | None
    items: tuple[WorkItem, ...]
    listed: tuple[WorkItem, ...]
    standing: dict[str, Standing]

    def decided(self, item: WorkItem) -> bool:
        """Whether this reader has decided the case."""
        return item.subject in self.standing

    @property
    def done(self) -> int:
        """How many of the listed cases this reader has decided."""
        return sum(self.decided(each) for each in self.listed)

    def next_open(self, after: WorkItem | None) -> WorkItem | None:
        """The next listed case without a decision, going round; None when all are done."""
        at = -1 if after is None else self.place(after)
        turned = (*self.listed[at + 1 :], *self.listed[: at + 1])
        return next((each for each in turned if not self.decided(each)), None)

    def place(self, item: WorkItem) -> int:
        """Position of a case among the listed ones, -1 when it is not among them."""
        return next((k for k, each in enumerate(self.listed) if each.row == item.row), -1)


def queue_of(store: Store, reader: Reader, *, by_state: bool) -> Queue | None:
    """The queue of the selected run; None when none is selected. by_state: filter by decided or open too."""
    run = store.run(selection.current().run) if selection.current().run else None
    if run is None or not run.done:
        return None
    loaded = run_tables.load(run, "case")
    point = point_of_run(store, loaded.run)
    items = _items(store, loaded, run.id, run.done, run.failed, outcomes.deletions(), point)
    if reader.alone:
        items = tuple(sorted(items, key=lambda each: each.row))
    state: ReviewState = store.reviews.state()
    standing = dict(state.of_reader(reader.name, [each.subject for each in items]))
    chosen, text = filters(), searched().casefold()
    listed = [each for each in items if _passes(each, chosen, text, reader.alone)]
    if by_state and chosen.state != "all":
        listed = [each for each in listed if (each.subject in standing) == (chosen.state == "decided")]
    return Queue(loaded, reader, point, items, tuple(listed), standing)


def filters() -> Filters:
    """The filters that the address names; what cannot be read counts as none."""
    try:
        coded = selection.current().queue
        return Filters.model_validate_json(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)) or "{}")
    except (ValueError, ValidationError):
        return Filters()


def choose_filters(chosen: Filters, text: str) -> None:
    """Keep the filters in the address and the searched words in the session."""
    changed = json.dumps(chosen.model_dump(exclude_defaults=True), separators=(",", ":"))
    coded = "" if changed == "{}" else base64.urlsafe_b64encode(changed.encode()).decode().rstrip("=")
    st.session_state[TEXT] = text
    selection.choose(queue=coded)


def searched() -> str:
    """The words that were searched for."""
    return str(st.session_state.get(TEXT, ""))


def go_to(item: WorkItem) -> None:
    """Select a case of the run, for the desk and the Case page."""
    selection.choose(
        case=item.case_id or "",
        analysis=item.analysis_key or "",
        job="",
        unit=units.address(item.row, "case"),
    )


def address() -> dict[str, str]:
    """The query parameters that lead here."""
    return selection.address_of(selection.current())


def current(queue: Queue) -> WorkItem | None:
    """The case that the address names, else the first open one, else the first."""
    unit = selection.current().unit
    named = next((each for each in queue.items if units.address(each.row, "case") == unit), None)
    if named is not None:
        return named
    return queue.next_open(None) or next(iter(queue.listed), None)


def judged(queue: Queue, item: WorkItem) -> Judged:
    """What the reader judges: the kept result with all that made it, else the row of the table."""
    result = outcomes.load_result(item.analysis_key) if item.analysis_key else None
    run = queue.loaded.run
    return judged_item(item, run) if result is None else judged_result(result, run, item.row)


def causes_of(items: Sequence[WorkItem]) -> tuple[Cause, ...]:
    """The causes that occur, most frequent first."""
    found: dict[Cause, int] = {}
    for item in items:
        for cause in item.causes:
            found[cause] = found.get(cause, 0) + 1
    return tuple(sorted(found, key=lambda each: -found[each]))


def _passes(item: WorkItem, chosen: Filters, text: str, alone: bool) -> bool:
    # What the model found is no search word for a reader who is to judge without its opinion.
    words = (item.name, item.group) if alone else (item.name, item.group, item.found)
    if text and text not in "\n".join(words).casefold():
        return False
    if alone:
        return True
    if chosen.causes and not set(chosen.causes) & set(item.causes):
        return False
    if chosen.verdict != "all" and item.to_review != (chosen.verdict == "review"):
        return False
    if (chosen.low, chosen.high) == (0.0, 1.0):
        return True
    return item.confidence is not None and chosen.low <= item.confidence <= chosen.high


@st.cache_resource(
    max_entries=run_tables.KEPT, show_spinner="Putting the cases in order", scope=resources.SCOPE
)
def _items(
    _store: Store, _loaded: Loaded, run_id: str, done: int, failed: int, deletions: int,
    point: OperatingPoint | None,
) -> tuple[WorkItem, ...]:  # fmt: skip
    return worklist(_store, _loaded.run, _loaded.table)
