"""The Review desk below its title: one case, what speaks against it, and the reader's decision."""

from __future__ import annotations

import streamlit as st

from core.pipeline import Outcome, Result, maker
from core.pipeline.reviews import decide_case, undo_last
from core.pipeline.worklist import WorkItem
from core.review import GROUPS
from core.store import Store
from core.types import Progress
from core.types.reviews import Opinion
from core.view import theme
from core.view.overlay import plain_picture
from core.view.payload import HIDDEN
from core.view.words import count, number, seconds
from pages.ui import (
    access,
    answer,
    numbers,
    outcomes,
    ready,
    resources,
    review_log,
    review_queue,
    unit_page,
    units,
)
from pages.ui.desk import Act, desk, parse_act
from pages.ui.frame import boundary
from pages.ui.labels import CASE_SPECS, CLASS_SPECS
from pages.ui.menu import CASE, WORKLIST
from pages.ui.reader import Reader, pick_reader
from pages.ui.review_queue import Queue
from pages.ui.text import plain_text, safe_text
from pages.ui.viewer import case_view, class_view, forget_case, pack_ahead

DESK, VIEW = "desk", "desk_view"
SAVED, UNDONE, ANSWERED = "desk_saved", "desk_undone", "desk_answered"
"""Session keys: subject and nonce of what was kept last, for the browser to let go of its draft; the words of
the decision taken back last; the nonce of the last act, which the browser repeats until it is here."""
ENOUGH_FOR_PACE = 3
ALONE = f"**Judge without the model's opinion.** {HIDDEN}"


def show(store: Store, writable: bool) -> None:
    """The page for the selected case of the selected run."""
    whole = review_log.banner(store)
    reader = pick_reader()
    if reader is None:
        return
    queue = review_queue.queue_of(store, reader, by_state=False)
    item = None if queue is None else review_queue.current(queue)
    if queue is None or item is None:
        st.markdown("Nothing is selected to review. The worklist has the cases, the riskiest first.")
        st.page_link(WORKLIST, label="Go to the worklist", query_params=review_queue.address())
        return
    review_queue.go_to(item)
    result = outcomes.load_result(item.analysis_key) if item.analysis_key else None
    answer_place = st.container(key="answer")
    _finished(queue)
    _desk(store, queue, item, writable and whole)
    if result is None:
        _row(store, queue, item, answer_place)
    else:
        answer_place.markdown(ALONE if reader.alone else _sentence(item))
        _view(result, reader)
        _footer(result, reader)
    _look_ahead(queue, item)


def _desk(store: Store, queue: Queue, item: WorkItem, writable: bool) -> None:
    standing = queue.standing.get(item.subject)
    kinds = store.reviews.state().kinds
    named = () if standing is None else standing.opinion.kinds
    place = queue.place(item)
    desk(
        {
            "subject": item.subject,
            "reader": queue.reader.name,
            "place": _place(queue, item, place),
            "standing": None if standing is None else {
                "decision": standing.decision, "kinds": list(named), "comment": standing.opinion.comment,
                "when": f"{standing.entry.when_utc[:16].replace('T', ' ')} UTC",
            },
            "saved": st.session_state.get(SAVED),
            "undone": st.session_state.get(UNDONE),
            "answered": st.session_state.get(ANSWERED),
            "kinds": [
                {"key": each.key, "group": each.group, "label": plain_text(each.label)}
                for each in kinds if not each.retired or each.key in named
            ],
            "groups": list(GROUPS),
            "writable": writable,
            "why": None if writable else "Nothing can be kept now; the message above says why.",
            "undo": bool(queue.standing),
            "back": place > 0,
            "forth": -1 < place < len(queue.listed) - 1,
        },
        key=DESK,
        on_act=lambda: _on_act(store, queue.reader),
    )  # fmt: skip


def _place(queue: Queue, item: WorkItem, place: int) -> str:
    where = f"{place + 1} of {len(queue.listed)}" if place >= 0 else "not among the listed cases"
    pace = [each.opinion.seconds for each in queue.standing.values() if each.opinion.seconds]
    left = len(queue.listed) - queue.done
    rest = (
        f", about {seconds(left * sum(pace) / len(pace))} at your pace"
        if len(pace) >= ENOUGH_FOR_PACE and left
        else ""
    )
    group = "" if item.group == item.name else f" ({plain_text(item.group, 40)})"
    done = f"{queue.done} decided by {plain_text(queue.reader.name, 30)}"
    return f"{plain_text(item.name, 60)}{group} · {where} · {done}, {left} to go{rest}"


def _finished(queue: Queue) -> None:
    if queue.listed and queue.done == len(queue.listed):
        st.success(f"All {count(len(queue.listed), 'listed case')} are decided by you.")
        st.page_link(WORKLIST, label="Back to the worklist", query_params=review_queue.address())


def _on_act(store: Store, reader: Reader) -> None:
    """Before the page runs: keep what the reader did, then select the case that comes next."""
    act = parse_act((st.session_state.get(DESK) or {}).get("act"))
    if act is None or act.nonce == st.session_state.get(ANSWERED):
        return
    st.session_state[ANSWERED] = act.nonce
    with boundary():
        access.require("reviewer")
        queue = review_queue.queue_of(store, reader, by_state=False)
        items = () if queue is None else queue.items
        item = next((each for each in items if each.subject == act.subject), None)
        if queue is None or item is None:
            st.warning(
                "Nothing was kept: the case is not in the selected run (any more). What you typed lies in "
                "this browser."
            )
            return
        _take(store, queue, item, act)


def _take(store: Store, queue: Queue, item: WorkItem, act: Act) -> None:
    reader, place = queue.reader, queue.place(item)
    if act.act == "decide" and act.decision is not None:
        opinion = Opinion(
            decision=act.decision, kinds=act.kinds, comment=act.comment, seconds=act.seconds,
            confidence_hidden=reader.alone,
        )  # fmt: skip
        decide_case(store, reader.name, review_queue.judged(queue, item), opinion, reader.identity)
        st.session_state[SAVED] = {"subject": item.subject, "nonce": act.nonce}
        after = review_queue.queue_of(store, reader, by_state=False)
        review_queue.go_to((after and after.next_open(item)) or item)
    elif act.act == "skip":
        review_queue.go_to(queue.next_open(item) or item)
    elif act.act == "undo":
        _undo(store, queue)
    elif act.act in ("back", "forth"):
        step = place + (1 if act.act == "forth" else -1)
        if 0 <= step < len(queue.listed):
            review_queue.go_to(queue.listed[step])


def _undo(store: Store, queue: Queue) -> None:
    taken = undo_last(store, queue.reader.name, [each.subject for each in queue.items], queue.reader.identity)
    subject = taken.judged.subject if taken is not None and taken.judged is not None else None
    item = next((each for each in queue.items if each.subject == subject), None)
    if item is None:
        return
    # By its number: another tab may have decided the case again since the queue was made.
    was = None if taken is None else taken.was
    words = next((each.opinion for each in store.reviews.entries() if each.number == was), None)
    if words is not None:
        kept = {"subject": subject, "kinds": list(words.kinds), "comment": words.comment}
        st.session_state[UNDONE] = kept
    review_queue.go_to(item)


def _sentence(item: WorkItem) -> str:
    """The verdict in one line; the view beside the picture has the reasons in full."""
    verdict = item.verdict
    head = "" if verdict is None else f"**{answer.ANSWERS[verdict.answer]}.** "
    reasons = ", ".join(theme.mark_of(cause).label.lower() for cause in item.causes)
    why = f"{reasons[:1].upper()}{reasons[1:]}. " if reasons else ""
    point = ""
    if verdict is not None and verdict.operating_point:
        point = f", judged by {safe_text(verdict.operating_point)}"
    return f"{head}{why}Confidence **{number(item.confidence)}** of 1{point}. Do you agree?"


def _view(result: Result, reader: Reader) -> None:
    before = outcomes.deletions()
    try:
        if isinstance(result, Outcome):
            case_view(
                result.case, result.analysis, result.verdict, key=VIEW,
                score_labels={key: spec.label for key, spec in CASE_SPECS.items()},
                facts=() if reader.alone else numbers.overlap_facts(result), alone=reader.alone,
            )  # fmt: skip
        elif reader.alone:
            given = ", ".join(result.classification.predicted) or "no finding"
            st.markdown(f"The model says **{safe_text(given)}**.")
            if result.classification.bags:
                class_view(result.case, result.classification, result.verdict, key=VIEW, alone=True)
            else:
                st.image(plain_picture(result.case, 0), width=640)
        else:
            class_view(
                result.case, result.classification, result.verdict, key=VIEW,
                score_labels={key: spec.label for key, spec in CLASS_SPECS.items()},
            )  # fmt: skip
    finally:
        if outcomes.deletions() != before:
            forget_case(result.case.id)


def _row(store: Store, queue: Queue, item: WorkItem, answer_place: st.delta_generator.DeltaGenerator) -> None:
    """A case whose image is not kept: the numbers of its row."""
    unit = units.selected(store)
    if unit is None or unit.row != item.row:
        return
    if queue.reader.alone:
        answer_place.markdown(f"{ALONE} {unit_page.WITHOUT_IMAGE}")
        return
    answer_place.markdown(unit_page.answer_sentence(unit, queue.point))
    st.markdown(unit_page.WITHOUT_IMAGE if item.case_id is None else unit_page.IMAGE_GONE)
    st.markdown(
        "  \n".join(f"**{name}:** {safe_text(value, 300)}" for name, value in unit_page.unit_facts(unit))
    )


def _footer(result: Result, reader: Reader) -> None:
    st.caption(
        f"Made by {safe_text(maker(result).config.model_id)}; key {maker(result).key[:12]}. Keys: A accept, "
        "X reject, N needs correction, U unsure, K skip, Z undo, ← → other case, M comment, T kind of "
        "failure, ? keys of the viewer. Each decision is an entry of the review log; a later one replaces "
        "none."
    )
    if not reader.alone:
        st.page_link(CASE, label="Everything about this case", query_params=review_queue.address())


def _look_ahead(queue: Queue, item: WorkItem) -> None:
    """Load and pack the next open case while the reader looks at this one."""
    following = queue.next_open(item)
    if following is None or following.analysis_key is None or following.row == item.row:
        return
    if resources.visitor():
        return  # the thread would be nobody's, and find no store
    key = following.analysis_key

    def work(progress: Progress) -> str:
        progress(0.0, "Loading the next case")
        found = outcomes.load_result(key)
        if isinstance(found, Outcome):
            pack_ahead(found.case, found.analysis)
        return key

    ready.ahead("Loading the next case", f"next:{key}", work)
