"""The Self-test page below its title: the last outcome first, then every check with what it rests on."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

import core
from core.selftest import CHECKS, Finding, SelfTest, keep, kept, run_selftest
from core.store import Store
from core.types import Progress
from core.view.words import count
from pages.ui import jobs
from pages.ui.text import plain_text, safe_text

SIGNS = {
    "passed": ":green[✓ passed]",
    "noted": ":orange[! worth knowing]",
    "failed": ":red[✗ failed]",
}
ORDER = ("failed", "noted", "passed")


def show(store: Store) -> None:
    """The whole page."""
    home = store.info().home
    answer = st.container(key="answer")
    running, fresh = _under_way()
    last = fresh or (kept(Path(home)) if home else None)
    if last is None:
        answer.markdown(
            "**Not known yet.** The self-test reads files of every format, asks the built-in models about "
            "the sample cases and compares their answers with stored ones, and tries the store."
        )
    else:
        answer.markdown(_answer(last))
        answer.caption(_made(last))
    if not running:
        _buttons(store, first=last is None)
    for finding in sorted(last.findings, key=lambda each: ORDER.index(each.state)) if last else ():
        _finding(finding)
    _how_to_read()


def _under_way() -> tuple[bool, SelfTest | None]:
    """Whether a self-test is going on, and the one that has just ended."""
    job = jobs.selected()
    if job is None or jobs.kind_of(job) != jobs.SELFTEST:
        return False, None
    result = jobs.result_of(job)
    return not job.finished, None if result is None else SelfTest.model_validate_json(result)


def _buttons(store: Store, *, first: bool) -> None:
    row = st.container(horizontal=True)
    row.button(
        "Run the self-test", type="primary" if first else "secondary", key="run_selftest",
        on_click=_start, args=(store,), kwargs={"quick": False},
        help="About a minute on one processor core. The app stays usable meanwhile.",
    )  # fmt: skip
    row.button(
        "Quick", key="run_quick_selftest", on_click=_start, args=(store,), kwargs={"quick": True},
        help="Fewer answers of the models, and none of them repeated: some seconds.",
    )  # fmt: skip


def _start(store: Store, *, quick: bool) -> None:
    def work(progress: Progress) -> str:
        found = run_selftest(store, quick=quick, progress=progress)
        info = store.info()
        if info.mode == "read-write":
            keep(Path(info.home), found)
        return found.model_dump_json()

    jobs.start(jobs.SELFTEST, "Testing this installation", work, "quick" if quick else "whole")


def _answer(last: SelfTest) -> str:
    total = len(last.findings)
    if last.failed:
        named = ", ".join(each.title for each in last.failed)
        return f"**{len(last.failed)} of {count(total, 'check')} failed: {named}.** Do not rely on results."
    if last.app_version != core.__version__:
        return (
            f"**Made with version {safe_text(last.app_version)}.** This is {core.__version__}: run it again."
        )
    noted = sum(each.state == "noted" for each in last.findings)
    more = f" {count(noted, 'thing')} worth knowing." if noted else ""
    return f"**Yes: {total} of {count(total, 'check')} passed.**{more}"


def _made(last: SelfTest) -> str:
    kind = "Quick run" if last.quick else "Whole run"
    when = last.created_utc[:16].replace("T", " ")
    return f"{kind}, {when} UTC, {last.seconds:.0f} s, on {safe_text(last.machine)}."


def _finding(finding: Finding) -> None:
    label = f"{SIGNS[finding.state]} · **{finding.title}** · {safe_text(finding.said, 300)}"
    with st.expander(label, key=f"check_{finding.key}", expanded=finding.state == "failed"):
        if finding.fix:
            st.markdown(f"**What to do:** {safe_text(finding.fix, 300)}")
        st.dataframe(
            {
                "what": [plain_text(each.name) for each in finding.details],
                "found": [plain_text(each.found, 300) for each in finding.details],
                "": ["✓" if each.ok else "✗" for each in finding.details],
            },
            hide_index=True,
            key=f"table_{finding.key}",
        )


def _how_to_read() -> None:
    st.caption(
        "On one machine the same question gets the same answer to the last bit. Between machines the last "
        "digits differ: answers are accepted when no mean probability differs by more than 0.001. "
        f"`python -m core selftest` runs the same {len(CHECKS)} checks."
    )
