"""Limits of the rules on screen: the changes live in the address, so a link decides the same way."""

from __future__ import annotations

import re

import streamlit as st

from core.detector import RULES, RuleSpec, limit_of, with_limit
from core.errors import SettingsProblem
from core.types import Limits
from core.view.words import count
from pages.ui import selection
from pages.ui.text import safe_text

OFF = "off"
_CHANGE = re.compile(r"([a-z-]+)_(off|[0-9.e-]+)")
_SEPARATOR = "~"
_ROUND = "limits_round"


def in_force(defaults: Limits) -> Limits:
    """The model's limits with the changes that the address names; unknown or impossible ones are left out."""
    limits = defaults
    for rule, value in _changes().items():
        try:
            limits = with_limit(limits, rule, **_setting(value))
        except (SettingsProblem, ValueError):
            continue
    return limits


def limit_form(defaults: Limits, limits: Limits) -> None:
    """One field and one switch per rule, with its source and default, and a way back."""
    changed = sum(a != b for a, b in zip(defaults.rules, limits.rules, strict=True))
    note, button = st.columns([3, 1], vertical_alignment="center")
    note.markdown(
        f"**{count(changed, 'limit')} changed.** The verdict above follows them; the model was not run again."
        if changed
        else "All limits are the model's own. Changing one decides this case again at once."
    )
    button.button("Reset all", key="limits_reset", disabled=not changed, on_click=_reset, width="stretch")
    for spec in RULES:
        _rule(spec, defaults, limits)
    st.caption(
        f"Defaults: {safe_text(limits.cohort)}, {count(limits.slices, 'reference slice')} of "
        f"{count(limits.patients, 'patient')}; each fitted limit leaves at most "
        f"{100 * limits.share:.3g} % of them outside."
    )


def _rule(spec: RuleSpec, defaults: Limits, limits: Limits) -> None:
    default, now = limit_of(defaults, spec.key), limit_of(limits, spec.key)
    scale, unit = (100.0, " %") if spec.percent else (1.0, "")
    suffix = f"{spec.key}_{st.session_state.get(_ROUND, 0)}"
    name, field, switch = st.columns([5, 3, 2], vertical_alignment="center")
    mark = "" if now == default else " :orange-badge[changed]"
    name.markdown(
        f"**{spec.letter}** {spec.label}{mark}  \n:gray[fires {spec.side} the limit{unit and ', in %'}; "
        f"default {spec.text(default.limit)}, {spec.source}]"
    )
    field.number_input(
        f"{spec.label}, limit{unit}",
        min_value=spec.low * scale,
        max_value=spec.high * scale,
        value=now.limit * scale,
        step=_step(spec) * scale,
        format="%.4g",
        key=f"limit_{suffix}",
        help=spec.help,
        disabled=not now.active,
        label_visibility="collapsed",
        on_change=_moved,
        args=(spec, f"limit_{suffix}", scale),
    )
    switch.toggle(
        "On", value=now.active, key=f"active_{suffix}", help=f"Whether “{spec.label}” may ask for a review.",
        on_change=_switched, args=(spec, f"active_{suffix}"),
    )  # fmt: skip


def _step(spec: RuleSpec) -> float:
    if spec.high > 1.0:
        return 1.0
    return 0.0005 if spec.scale == "log" and spec.high <= 0.05 else 0.005 if spec.percent else 0.01


def _moved(spec: RuleSpec, key: str, scale: float) -> None:
    value = min(max(st.session_state[key] / scale, spec.low), spec.high)
    _change(spec.key, f"{value:.6g}")


def _switched(spec: RuleSpec, key: str) -> None:
    _change(spec.key, "" if st.session_state[key] else OFF)


def _change(rule: str, value: str) -> None:
    changes = {**_changes(), rule: value}
    selection.choose(limits=_SEPARATOR.join(f"{name}_{each}" for name, each in changes.items() if each))


def _reset() -> None:
    # New widget keys: a field keeps what was typed for as long as its key lives.
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    selection.choose(limits="")


def _changes() -> dict[str, str]:
    found = (_CHANGE.fullmatch(each) for each in selection.current().limits.split(_SEPARATOR))
    return {each[1]: each[2] for each in found if each}


def _setting(value: str) -> dict[str, float | bool]:
    return {"active": False} if value == OFF else {"limit": float(value)}
