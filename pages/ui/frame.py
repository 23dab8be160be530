"""What every page starts with, and the one place where an error becomes a sentence.

`begin(title)` comes first in each page file rather than once in app.py: on a fresh server a deep link
runs the page file alone, so anything drawn in app.py would be missing there.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from core.errors import Cancelled, SecondLookError, StoreProblem, trace_of
from core.mode import check_address, check_forgery, current_mode
from core.store import Store
from core.types.people import Role
from core.view.words import count
from pages.ui import access, resources, selection
from pages.ui.menu import ASSETS, CASE, menu
from pages.ui.text import safe_text

STYLE = Path(__file__).with_name("style.css")
NOTICE = "Research use. Not a medical device."
LONGEST_FACT = 400

_log = logging.getLogger("second_look.pages")


def begin(title: str) -> None:
    """Page configuration, menu, sidebar and selection of a page whose menu entry is `title`."""
    menu(title)
    st.logo(ASSETS / "logo.svg", size="large", icon_image=ASSETS / "icon.png")
    st.html(STYLE)
    _admit()
    resources.warm_up()
    selection.seed()
    with st.sidebar:
        _sidebar()
    _store_banner()


def _admit() -> None:
    """Ends the run, before anything stored is read, where mode, address or person do not allow it."""
    try:
        mode = current_mode()
        check_address(mode, st.get_option("server.address"))
        check_forgery(mode, bool(st.get_option("server.enableXsrfProtection")))
        access.gate()
    except SecondLookError as problem:
        show_problem(problem)
        st.stop()
    if mode.public:
        st.info(
            "**Public demo.** What you do here is yours alone, and gone when you leave. Do not upload or "
            "enter patient data."
        )


def writable(store: Store, role: Role = "reviewer") -> bool:
    """Whether what a page changes can be changed now, by whoever looks at it; says why where not.

    role: what it takes to change it.
    """
    info = store.info()
    if info.mode == "read-only":
        with st.container(border=True, key="read_only"):
            st.warning(
                f"Stored cases can be shown, nothing new can be kept: {safe_text(info.reason, LONGEST_FACT)}"
                ". Make room on the disk or remove the cause, then go on; a comment that was not sent stays "
                "in your browser."
            )
            st.button("Keep things again", key="write_again", on_click=_write_again, args=(store,))
        return False
    if not access.may(role):
        st.info(f"To be read: changing anything here takes the role {role}.", icon=":material/visibility:")
        return False
    return True


@contextmanager
def boundary() -> Iterator[None]:
    """Turns errors into what the reader can act on; anything unforeseen gets an incident id.

    The log gets the id, the error's type and its frames, but not its words: they may hold names from the
    input.
    """
    try:
        yield
    except SecondLookError as problem:
        show_problem(problem)
    except Exception as error:  # noqa: BLE001 - the outermost boundary
        incident = uuid.uuid4().hex[:8]
        _log.error("incident %s: %s", incident, trace_of(error))
        show_incident(incident)


def show_problem(problem: SecondLookError) -> None:
    """The four facts of an error, laid out; a cancelled job is news, not an error."""
    if isinstance(problem, Cancelled):
        st.info("Cancelled. Nothing was changed.")
        return
    with st.container(border=True):
        st.error(safe_text(problem.what[:1].upper() + problem.what[1:], LONGEST_FACT))
        facts = {
            "File": problem.file,
            "Found": problem.found,
            "Expected": problem.expected,
            "What to do": problem.fix,
        }
        lines = [f"**{name}:** {safe_text(fact, LONGEST_FACT)}" for name, fact in facts.items() if fact]
        st.markdown("  \n".join(lines))
        if isinstance(problem, StoreProblem) and _may_go_on_without():
            st.button(
                "Go on without keeping anything", key="in_memory", on_click=resources.go_on_in_memory,
                help="For everybody who uses this server, until it stops or the store is tried again. "
                "What is on disk is not touched.",
            )  # fmt: skip


def _may_go_on_without() -> bool:
    """Whether to offer a store in memory; where people sign in it would know none of them."""
    return not current_mode().sign_in and resources.store_or_none() is None


def show_incident(incident: str) -> None:
    """Something unforeseen: what it means for the reader, and the id under which the log has it."""
    st.error(
        f"Something went wrong that this program did not foresee. Your stored cases are unchanged. "
        f"Reload the page to try again; the log describes it under incident `{incident}`."
    )


def _store_banner() -> None:
    """What is wrong with the store and concerns every page, until somebody has acted on it."""
    if resources.keeps_nothing():
        with st.container(border=True, key="keeps_nothing"):
            st.warning("**Nothing is kept.** The store could not be opened, and all work is in memory only: "
                       "decisions and results are gone when the server stops.")  # fmt: skip
            st.button("Try the store again", key="try_store", on_click=resources.try_the_store_again)
        return
    store = resources.store_or_none()
    if store is None:
        return
    if store.health.lost_writes:
        _losses(store)
    if store.health.damage:
        _damage(store.health.damage)


def _losses(store: Store) -> None:
    with st.container(border=True, key="lost_writes"):
        lost = count(store.health.lost_writes, "write")
        st.error(
            f"**Something that was kept is gone: {lost}.** The database or its log was cut, deleted or "
            "replaced by an older copy while this program was not running. Cases, results, cohorts or "
            "limits of the last session may be missing; decisions lie in a file of their own, which is "
            "checked apart. To get them back, stop the app and restore a backup: "
            "`python -m core store restore DIRECTORY`."
        )
        st.button("I have read this", key="read_losses", on_click=_take_note, args=(store,))


def _damage(found: tuple[str, ...]) -> None:
    with st.container(border=True, key="damage"):
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        st.error(
            f"**Part of what is kept is damaged: {safe_text(found[0], 200)}{more}.** It was found by reading "
            "everything once after the start; the rest can be used. A damaged array counts as not kept: "
            "analyse its case again, or open its file again. A damaged table comes back with a backup: stop "
            "the app and run `python -m core store restore DIRECTORY`; `python -m core store verify` lists "
            "all damage.",
            icon=":material/broken_image:",
        )


def _write_again(store: Store) -> None:
    with boundary():
        access.require("admin")
        store.write_again()


def _take_note(store: Store) -> None:
    with boundary():
        access.require("admin")
        store.take_note_of_losses()


def _sidebar() -> None:
    store = resources.store_or_none()
    case_id = selection.current().case
    known = {case.id: case for case in store.case_summaries()} if store and case_id else {}
    if case_id in known:
        with st.container(border=True, key="selected_case"):
            st.caption("Selected case")
            st.markdown(f"**{safe_text(known[case_id].name, 60)}**")
            st.page_link(CASE, label="Show it", query_params=selection.address_of(selection.current()))
    access.signed_in_line()
    st.caption(f"**{NOTICE}**")
    st.caption("Nothing leaves the machine that runs this page.")
