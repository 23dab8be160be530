"""Answers of the Stress lab: from memory, computed now, or computed ahead while nobody waits."""

from __future__ import annotations

import streamlit as st

from core.config import AnalysisConfig, digest
from core.engine import JobStatus, Shelf
from core.pipeline.lab import SEVERITIES, Reading, around, place_of, reading_of, weight_of
from core.pipeline.stress import Stressed, stress
from core.store import Store
from core.types import Case, Progress
from pages.ui import outcomes, ready, resources
from pages.ui.lab_choices import Choices, point_id

LARGEST_BYTES = 512 * 2**20
MOST_READINGS = 20_000

SHOWN, AHEAD = "lab_shown", "lab_ahead"
"""Session keys: what is on screen, and the job that computes ahead."""


class Memory:
    """Answers with their arrays, bounded in bytes, and their numbers, which outlive them."""

    def __init__(self) -> None:
        self.answers: Shelf[Stressed] = Shelf(resources.share_of(LARGEST_BYTES), weight_of)
        self.readings: Shelf[Reading] = Shelf(MOST_READINGS)

    def computed(
        self,
        store: Store,
        case: Case,
        config: AnalysisConfig,
        severity: float,
        place: str,
        progress: Progress,
    ) -> Stressed:
        """The answer that lies there, computed if need be."""
        found = self.answers.get(place) or stress(store, case, config, progress=progress)
        self.answers.put(place, found)
        self.readings.put(place, reading_of(severity, found))
        return found


def look(
    store: Store, choices: Choices, severity: float, config: AnalysisConfig | None = None
) -> Stressed | None:
    """The answer at a severity; None while it is computed, failed or was cancelled, and that is drawn."""
    memory, key = _memory(), _key(store, choices, severity, config)
    place = ready.place_of(key)
    found = memory.answers.get(place)
    if found is not None:
        return found
    _stop_ahead()
    case, settings = choices.case, choices.at(severity, config)
    return ready.ready(
        "lab", "Corrupting the picture and asking the model", key,
        lambda progress: memory.computed(store, case, settings, severity, place, progress),
        shelf=memory.answers, manager=resources.jobs(),
    )  # fmt: skip


def shown(store: Store, choices: Choices, now: Stressed | None) -> tuple[tuple[float, Stressed] | None, bool]:
    """What is on screen with its severity, and whether it is an earlier answer in place of the asked one.

    An earlier answer is shown only if it differs in nothing but the severity.
    """
    chain = _chain(choices)
    if now is not None:
        st.session_state[SHOWN] = chain, choices.severity
        return (choices.severity, now), False
    held_chain, severity = st.session_state.get(SHOWN, ("", 0.0))
    if held_chain != chain:
        return None, False
    earlier = _memory().answers.get(ready.place_of(_key(store, choices, severity)))
    return (None, False) if earlier is None else ((severity, earlier), True)


def readings(store: Store, choices: Choices, config: AnalysisConfig | None = None) -> tuple[Reading, ...]:
    """The numbers known so far along the severities, in order."""
    places = (ready.place_of(_key(store, choices, severity, config)) for severity in SEVERITIES)
    found = (_memory().readings.get(place) for place in places)
    return tuple(each for each in found if each is not None)


def fetch_ahead(store: Store, choices: Choices) -> None:
    """Compute the other severities in the background, nearest first, unless that goes on already."""
    memory, case = _memory(), choices.case
    configs = [None] if choices.compared is None else [None, choices.compared]
    wanted = [
        (severity, choices.at(severity, config), ready.place_of(_key(store, choices, severity, config)))
        for config in configs
        for severity in around(choices.severity)
    ]
    todo = [each for each in wanted if memory.readings.get(each[2]) is None]
    chain = digest([_chain(choices), choices.compared])
    held, status = _ahead()
    if not todo or (status is not None and held == chain and status.state != "done"):
        return
    _stop_ahead()

    def work(progress: Progress) -> str:
        for count, (severity, settings, place) in enumerate(todo):
            progress(count / len(todo), f"Severity {severity:g}")
            memory.computed(store, case, settings, severity, place, _quiet(progress))
        return chain

    key = f"ahead:{chain}{resources.visitor()}"
    job = resources.prefetchers().submit("Computing other severities", work, key=key)
    st.session_state[AHEAD] = chain, job


def going_on() -> JobStatus | None:
    """The job that computes ahead for this session, None when none does."""
    _, status = _ahead()
    return status if status is not None and not status.finished else None


def _key(
    store: Store, choices: Choices, severity: float, config: AnalysisConfig | None = None
) -> tuple[object, ...]:
    return (
        place_of(choices.case, choices.at(severity, config), point_id(store, choices)),
        outcomes.deletions(),
    )


def _chain(choices: Choices) -> str:
    """Everything that an answer depends on but the severity."""
    return digest([choices.case.id, choices.at(0.0), outcomes.deletions()])


def _ahead() -> tuple[str, JobStatus | None]:
    chain, job = st.session_state.get(AHEAD, ("", ""))
    return chain, resources.prefetchers().status(job) if job else None


def _stop_ahead() -> None:
    """What somebody waits for goes first."""
    _, job = st.session_state.get(AHEAD, ("", ""))
    if job:
        resources.prefetchers().cancel(job)
        st.session_state.pop(AHEAD, None)


def _quiet(progress: Progress) -> Progress:
    """Lets itself be cancelled, and leaves the share to the one who counts severities."""
    return lambda share, sentence: progress(0.0, sentence)


def _memory() -> Memory:
    return _memory_since(outcomes.deletions())


@st.cache_resource(max_entries=1, show_spinner=False, scope=resources.SCOPE)
def _memory_since(deletions: int) -> Memory:
    """A deletion lets go of everything: pictures of a deleted case must not stay."""
    return Memory()
