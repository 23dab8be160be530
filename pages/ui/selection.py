"""What is selected: a case, one of its analyses, a running job, a cohort, one of its runs and a unit of it.

Choices live in the address bar first (a reload starts a new session, a copied link reaches another
person) and in session keys that belong to no widget second (widget values are dropped when the user
leaves a page).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

import streamlit as st

_SESSION = "selected_{}"
_ADDRESS_VALUE = re.compile(r"[0-9A-Za-z_.~-]{1,1600}")


@dataclass(frozen=True)
class Selection:
    """Ids as the store and the job manager know them, and changes of limits; "" = nothing selected.

    unit: row of a case in the table of the selected run, "s" and the row for a single slice of one.
    queue: filters of the worklist.
    """

    case: str = ""
    analysis: str = ""
    job: str = ""
    limits: str = ""
    cohort: str = ""
    run: str = ""
    unit: str = ""
    queue: str = ""


def current() -> Selection:
    """The selection of this session."""
    return Selection(**{name: st.session_state.get(_SESSION.format(name), "") for name in _names()})


def seed() -> None:
    """Take the selection from the address where it names one, and show the rest there.

    A case in the address without an analysis drops the analysis of another case.
    """
    asked = {name: _valid(st.query_params.get(name, "")) for name in _names()}
    if asked["case"] and asked["case"] != current().case:
        st.session_state[_SESSION.format("analysis")] = ""
    for name, value in asked.items():
        if value:
            st.session_state[_SESSION.format(name)] = value
    _mirror()


def choose(**changes: str) -> None:
    """Select other ids, by field name; "" clears. The address follows."""
    for name, value in changes.items():
        if name not in _names():
            raise KeyError(f"{name!r} is not one of {', '.join(_names())}")
        st.session_state[_SESSION.format(name)] = value
    _mirror()


def address_of(selection: Selection) -> dict[str, str]:
    """The query parameters that lead to a selection."""
    return {name: getattr(selection, name) for name in _names() if getattr(selection, name)}


def _mirror() -> None:
    wanted = address_of(current())
    for name in _names():
        if name in wanted and st.query_params.get(name) != wanted[name]:
            st.query_params[name] = wanted[name]
        elif name not in wanted and name in st.query_params:
            del st.query_params[name]


def _names() -> tuple[str, ...]:
    return tuple(each.name for each in fields(Selection))


def _valid(value: str) -> str:
    return value if _ADDRESS_VALUE.fullmatch(value) else ""
