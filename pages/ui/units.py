"""One unit of a run: a case or a slice of it, its place among the others, and the way to its neighbours."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.errors import SettingsProblem
from core.metrics.selective.class_scores import with_confidence
from core.metrics.selective.standing import Standing, standing
from core.store import Store
from core.types import Level, UnitTable
from core.view.words import count, percent
from pages.ui import run_tables, selection
from pages.ui.menu import COVERAGE
from pages.ui.run_tables import Loaded
from pages.ui.text import safe_text

LETTERS: dict[Level, str] = {"case": "", "slice": "s", "slab": "b"}
"""What the address of a unit begins with."""
_ADDRESS = re.compile(r"([sb]?)([0-9]{1,9})")


@dataclass(frozen=True, eq=False)
class Unit:
    """A row of a run's table. table: with the confidences of its probabilities where it has none of its own.

    place: where its default confidence stands among the others.
    """

    loaded: Loaded
    table: UnitTable
    row: int
    place: Standing

    @property
    def score(self) -> str:
        """Key of the confidence that the cases are ranked by."""
        return self.table.default_confidence

    @property
    def slice(self) -> int | None:
        """Index of the slice where the unit is one, of a slab that of its first; None for a whole case."""
        return int(self.table.slice[self.row]) if self.table.level != "case" else None


def address(row: int, level: Level) -> str:
    """How the address bar names a unit.

    >>> address(12, "case"), address(12, "slice")
    ('12', 's12')
    """
    return f"{LETTERS[level]}{row}"


def selected(store: Store) -> Unit | None:
    """The unit of the selected run that the address names, None when it names none that is there."""
    found = _ADDRESS.fullmatch(selection.current().unit)
    if found is None:
        return None
    level = next(level for level, letter in LETTERS.items() if letter == found[1])
    return _unit(store, level, int(found[2]))


def of_result(store: Store, key: str) -> Unit | None:
    """The unit of the selected run that is this result: the one in the address, else its whole case."""
    named = selected(store)
    if named is not None and named.table.analysis_key[named.row] == key:
        return named
    loaded = _load(store, "case")
    rows = [k for k, each in enumerate(loaded.table.analysis_key) if each == key] if loaded else []
    return _unit(store, "case", rows[0]) if rows else None


def place_words(unit: Unit) -> str:
    """Where its confidence stands among the units of its run, in half a sentence."""
    place, level = unit.place, unit.table.level
    if np.isnan(unit.table.confidence.get(unit.score, np.full(unit.table.units, np.nan))[unit.row]):
        return f"undefined, as in {place.undefined} of {count(unit.table.units, level)}"
    if place.lower_than is None:
        return f"the only {level} with one"
    equal = f", equal to {place.equal} more" if place.equal else ""
    return f"lower than that of {percent(place.lower_than)} of the other {count(place.n - 1, level)}{equal}"


def answer(sentence: str, unit: Unit | None) -> None:
    """The answer of a Case page, and under it the place in the selected run where the case has one."""
    with st.container(key="answer"):
        st.markdown(sentence)
    if unit is not None:
        place_line(unit)


def place_line(unit: Unit) -> None:
    """The place of the shown case in its run, the way back to the curve, and its neighbours."""
    row = st.container(horizontal=True, vertical_alignment="center", key="place")
    what = "this case"
    if unit.slice is not None:
        part = "slice" if unit.table.level == "slice" else "the slab from slice"
        what = f"{part} {unit.slice + 1} of this case"
    row.markdown(
        f"In **{safe_text(unit.loaded.cohort.name, 60)}** the confidence of {what} is {place_words(unit)}.",
        width="stretch",
    )
    links(unit, row)


def links(unit: Unit, row: st.delta_generator.DeltaGenerator) -> None:
    """Back to the curve, and to the neighbours by confidence."""
    address_there = selection.address_of(selection.current())
    if unit.slice is not None:
        address_there[run_tables.level_key(unit.table.level)] = unit.table.level
    row.page_link(COVERAGE, label="Show the curve", query_params=address_there, width="content")
    for name, words, target in (
        ("less", "Less confident", unit.place.less), ("more", "More confident", unit.place.more),
    ):  # fmt: skip
        row.button(
            words, key=f"unit_{name}", disabled=target is None, on_click=_go, args=(unit, target),
            help=f"The next {words.lower()} {unit.table.level} of this run",
        )  # fmt: skip


def _go(unit: Unit, row: int) -> None:
    table = unit.table
    selection.choose(
        case=table.case_id[row] or "", analysis=table.analysis_key[row] or "", job="",
        unit=address(row, table.level),
    )  # fmt: skip


def _load(store: Store, level: Level) -> Loaded | None:
    run = store.run(selection.current().run) if selection.current().run else None
    if run is None or not run.done:
        return None
    try:
        return run_tables.load(run, level)
    except SettingsProblem:
        return None


def _unit(store: Store, level: Level, row: int) -> Unit | None:
    loaded = _load(store, level)
    if loaded is None or row >= loaded.table.units:
        return None
    table = with_confidence(loaded.table)
    values = table.confidence.get(table.default_confidence, np.full(table.units, np.nan))
    return Unit(loaded, table, row, standing(values, row))
