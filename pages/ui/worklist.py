"""The Worklist page below its title: filters, one row per case, and what the readers' decisions say."""

from __future__ import annotations

import base64
import time

import streamlit as st

from core.engine import Shelf
from core.pipeline.studies import DECIDED, instructive
from core.pipeline.worklist import WorkItem, thumbnail_of
from core.store import Store
from core.types import Progress
from core.view import theme
from core.view.words import count, number
from pages.ui import (
    access,
    ready,
    resources,
    review_files,
    review_findings,
    review_kinds,
    review_log,
    review_queue,
    run_tables,
)
from pages.ui.folded import folded
from pages.ui.menu import CASE, REVIEW
from pages.ui.reader import forget, pick_reader
from pages.ui.review_queue import Filters, Queue
from pages.ui.rows import rows
from pages.ui.text import plain_text, safe_text

PAGE = 25
"""Rows at a time."""
LIST, AT = "worklist_rows", "worklist_at"
STATES = {"all": "All", "open": "Open", "decided": "Decided"}
VERDICTS = {"all": "All", "review": "To review", "consistent": "Consistent"}


def show(store: Store, writable: bool) -> None:
    """The page for the selected run."""
    answer_place = st.container(key="answer")
    whole = review_log.banner(store)
    left, right = st.columns([3, 1.4], gap="small", vertical_alignment="bottom")
    with left:
        run = run_tables.pick_run(store)
    if run is None:
        return
    reader = pick_reader()
    if reader is None:
        return
    with right:
        st.button(
            f"Reading as {plain_text(reader.name, 30)}", key="change_reader", icon=":material/person:",
            on_click=forget, width="stretch", help="Choose another reader.",
        )  # fmt: skip
    run_tables.notes(run)
    started = time.perf_counter()
    with store.trace() as trace:
        everything = review_queue.queue_of(store, reader, by_state=False)
        if everything is None:
            return
        _filters(everything)
        queue = review_queue.queue_of(store, reader, by_state=True)
        assert queue is not None
        answer_place.markdown(_answer(everything))
        _list(store, queue)
    seconds = time.perf_counter() - started
    st.caption(_how_to_read(reader.alone))
    review_findings.show(store, everything)
    _more(store, everything, writable and whole)
    run_tables.footer(everything.loaded, seconds, trace.sentence)


def _more(store: Store, queue: Queue, writable: bool) -> None:
    """What is asked for less often, folded away."""
    if not queue.reader.alone and queue.loaded.table.has_ref.any():
        with folded("The two most instructive failures", "instructive") as opened:
            if opened.open:
                _instructive(queue)
    with folded("Kinds of failure", "kinds") as opened:
        if opened.open:
            review_kinds.edit(store, queue.reader, writable and access.may("researcher"))
    with folded("Take decisions, masks and pictures along", "take_reviews") as opened:
        if opened.open:
            review_files.show(store, queue)


def _answer(queue: Queue) -> str:
    items, done = queue.items, len(queue.standing)
    ask = sum(each.to_review for each in items)
    left = f"**{done} of {count(len(items), 'case')}** decided by you"
    if queue.reader.alone:
        return f"{left}. The model's opinion is hidden, and the order is that of the cohort."
    if not ask:
        return f"No check asks for a review; {left}."
    open_ones = sum(each.to_review and not queue.decided(each) for each in items)
    return (
        f"**{count(ask, 'case')} of {len(items)} ask for a review**, {open_ones} of them still open; {left}. "
        f"The riskiest: {_first(queue)}"
    )


def _first(queue: Queue) -> str:
    first = queue.next_open(None) or queue.items[0]
    flags = () if first.verdict is None else first.verdict.flags
    why = f": {safe_text(flags[0].sentence, 200)}" if flags else f", confidence {number(first.confidence)}."
    return f"**{safe_text(first.name, 60)}**{why}"


def _filters(queue: Queue) -> None:
    chosen = review_queue.filters()
    alone = queue.reader.alone
    known = review_queue.causes_of(queue.items)
    words, state, more = st.columns([2, 1.3, 1], gap="small", vertical_alignment="bottom")
    text = words.text_input(
        "Search", value=review_queue.searched(), key="work_text", placeholder="Name or patient",
        icon=":material/search:", help="Part of a case's name, of its patient, or of what was found.",
    )  # fmt: skip
    kept = state.segmented_control(
        "Your decision", list(STATES), default=chosen.state, format_func=STATES.get, key="work_state",
        required=True, help="Which cases are listed, by whether you have decided them.",
    )  # fmt: skip
    causes, verdict, (low, high) = chosen.causes, chosen.verdict, (chosen.low, chosen.high)
    if not alone:
        with more.popover("More filters", key="work_more", width="stretch"):
            verdict = st.segmented_control(
                "Verdict", list(VERDICTS), default=verdict, format_func=VERDICTS.get, key="work_verdict",
                required=True, help="Whether any check asks for a review.",
            )  # fmt: skip
            low, high = st.slider(
                "Confidence", 0.0, 1.0, (low, high), 0.01, key="work_confidence",
                help="Cases without a confidence are listed only with the whole range.",
            )  # fmt: skip
        if known:
            causes = st.pills(
                "Reasons", known, default=[each for each in causes if each in known], selection_mode="multi",
                format_func=_cause_words, key="work_causes",
                help="Cases with any of these; none = all cases.",
            )  # fmt: skip
    review_queue.choose_filters(
        Filters(causes=tuple(causes), verdict=verdict, state=kept, low=low, high=high), text.strip()
    )


def _cause_words(cause: str) -> str:
    mark = theme.mark_of(cause)
    return f"{mark.letter} · {mark.label}"


def _list(store: Store, queue: Queue) -> None:
    listed = queue.listed
    if not listed:
        st.info("No case passes these filters.")
        return
    last = (len(listed) - 1) // PAGE
    at = min(st.session_state.get(AT, 0), last)
    shown = listed[at * PAGE : (at + 1) * PAGE]
    place, before, after, start = st.columns([2.4, 0.8, 0.8, 1.4], vertical_alignment="center")
    place.markdown(f"**{at * PAGE + 1} to {at * PAGE + len(shown)}** of {count(len(listed), 'listed case')}")
    for column, step, label in ((before, -1, "Previous"), (after, 1, "Next")):
        column.button(
            label, key=f"work_page_{step}", disabled=not 0 <= at + step <= last, width="stretch",
            on_click=st.session_state.__setitem__, args=(AT, at + step), help=f"{PAGE} cases at a time.",
        )  # fmt: skip
    first = queue.next_open(None)
    if start.button(
        "Start reviewing", type="primary", key="start_review", disabled=first is None, width="stretch",
        help="Opens the review desk at the first listed case that you have not decided.",
    ):  # fmt: skip
        assert first is not None
        _open(first)
    pictures = _pictures(store, shown, listed[(at + 1) * PAGE : (at + 2) * PAGE])
    asked = rows([_row(queue, each, pictures.get(each.row)) for each in shown], key=LIST)
    if asked is not None:
        _open(next(each for each in shown if each.row == asked))


def _instructive(queue: Queue) -> None:
    found = instructive(queue.items, queue.loaded.table)
    if not found:
        st.markdown("No case of this run failed (Dice below 0.824, or a wrong class).")
        return
    listed: list[dict[str, object]] = [
        _row(queue, each.item, None)
        | {"name": f"{each.kind}: {plain_text(each.item.name, 60)}"}
        | {"chips": [], "found": plain_text(each.why, 400)}
        for each in found
    ]
    asked = rows(listed, key="instructive_rows")
    st.caption("A row opens its case; under “Case study” there, it becomes a page to print.")
    if asked is not None:
        item = next(each.item for each in found if each.item.row == asked)
        review_queue.go_to(item)
        st.switch_page(CASE, query_params=review_queue.address())


def _open(item: WorkItem) -> None:
    review_queue.go_to(item)
    st.switch_page(REVIEW, query_params=review_queue.address())


def _row(queue: Queue, item: WorkItem, picture: bytes | None) -> dict[str, object]:
    standing, alone = queue.standing.get(item.subject), queue.reader.alone
    marks = [] if alone else [theme.mark_of(cause) for cause in item.causes]
    return {
        "row": item.row,
        "name": plain_text(item.name, 80),
        "group": plain_text(item.group, 40) if item.group != item.name else "",
        "found": "" if alone else plain_text(item.found, 60),
        "confidence": "" if alone else number(item.confidence),
        "chips": [
            {
                "letter": mark.letter,
                "label": mark.label,
                "dark": mark.chip("dark"),
                "light": mark.chip("light"),
            }
            for mark in marks
        ],
        "decision": "" if standing is None else DECIDED[standing.decision],
        "picture": None if picture is None else f"data:image/png;base64,{base64.b64encode(picture).decode()}",
    }


def _pictures(store: Store, shown: tuple[WorkItem, ...], following: tuple[WorkItem, ...]) -> dict[int, bytes]:
    """Small pictures of the shown cases; those that are not made yet come with the next rerun.

    following: the next page, whose pictures are drawn while nobody waits.
    """
    shelf = _shelf()
    missing = _missing(shelf, shown)
    if missing:
        key = tuple(each.subject for each in missing)
        ready.ready(
            "pictures", "Drawing small pictures", key, lambda progress: _draw(store, shelf, missing, progress)
        )
    ahead = _missing(shelf, following)
    if ahead:
        ready.ahead(
            "Drawing small pictures ahead", f"pictures:{ahead[0].subject}",
            lambda progress: _draw(store, shelf, ahead, progress),
        )  # fmt: skip
    return {each.row: picture for each in shown if (picture := shelf.get(each.subject))}


def _missing(shelf: Shelf[bytes], items: tuple[WorkItem, ...]) -> list[WorkItem]:
    return [each for each in items if each.case_id is not None and shelf.get(each.subject) is None]


def _draw(store: Store, shelf: Shelf[bytes], items: list[WorkItem], progress: Progress) -> str:
    for place, item in enumerate(items):
        progress(place / len(items), f"Picture {place + 1} of {len(items)}")
        shelf.put(item.subject, thumbnail_of(store, item) or b"")
    return items[0].subject


@st.cache_resource(show_spinner=False, scope=resources.SCOPE)
def _shelf() -> Shelf[bytes]:
    return Shelf(4000)


def _how_to_read(alone: bool) -> str:
    if alone:
        return (
            "How to read this: cases in the order of the cohort, with nothing of what the model thinks "
            "of them."
        )
    return (
        "How to read this: cases that a check asks to review come first, then the rest, each by confidence, "
        "undefined first. The order ranks; it does not say how often a case like this is wrong."
    )
