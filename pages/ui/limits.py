"""Limits of the rules on screen: the changes live in the address, so a link decides the same way."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.detector import RuleSpec, chosen_for, limit_of, rule_spec, with_limit
from core.detector.classes import CLASS_CONFIDENCE
from core.detector.point import POINT_RULE
from core.errors import SettingsProblem
from core.pipeline import ClassOutcome, Result
from core.types import Limits, OperatingPoint, RuleLimit
from core.view.words import count, number
from pages.ui import selection
from pages.ui.menu import COVERAGE
from pages.ui.text import safe_text

OFF, ON = "off", "on"
JUDGED_BY_POINT = (POINT_RULE, CLASS_CONFIDENCE)
"""Rules whose limit an operating point takes the place of."""
_CHANGE = re.compile(r"([a-z-]+)_(off|on|[0-9.e-]+)")
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


def choose(defaults: Limits, limits: Limits) -> None:
    """Put these limits into the address, as changes of the defaults."""
    changes = {
        now.rule: OFF if not now.active else f"{now.limit:.6g}"
        for now, default in zip(limits.rules, defaults.rules, strict=True)
        if now != default
    }
    _new_widgets()
    _write(changes)


def slider(spec: RuleSpec, now: RuleLimit, low: float, high: float) -> None:
    """The limit of one rule as a slider over [low, high]."""
    scale, unit = _scale(spec)
    whole = spec.scale == "linear" and spec.high > 1.0
    low, high = (math.floor(low), math.ceil(high)) if whole else (low, high)
    key = f"slide_{spec.key}_{st.session_state.get(_ROUND, 0)}"
    st.slider(
        f"{spec.label}, limit{unit}", low * scale, high * scale, min(max(now.limit, low), high) * scale,
        step=1.0 if whole else (high - low) * scale / 200, key=key, help=spec.help, disabled=not now.active,
        label_visibility="collapsed", on_change=_moved, args=(spec, key, scale),
        format="%.4g",
    )  # fmt: skip


def limit_form(defaults: Limits, result: Result) -> None:
    """One field and one switch per rule, with its source and default, and a way back.

    Where an operating point is in force for the result, it stands in the place of the confidence limit.
    """
    limits, point = result.limits, result.operating_point
    changed = sum(a != b for a, b in zip(defaults.rules, limits.rules, strict=True))
    own = "the model's own"
    if defaults.profile:
        own = f"those of the profile **{safe_text(defaults.profile)}**"
    note, button = st.columns([3, 1], vertical_alignment="center")
    note.markdown(
        f"**{count(changed, 'limit')} changed.** The verdict above follows them; the model was not run again."
        if changed
        else f"All limits are {own}. Changing one decides this case again at once."
    )
    button.button("Reset all", key="limits_reset", disabled=not changed, on_click=reset, width="stretch")
    for spec in (rule_spec(each.rule) for each in defaults.rules):
        judged = spec.key in JUDGED_BY_POINT
        _rule(spec, defaults, limits, point if judged and result.verdict.operating_point else None)
        if judged and point is not None and not result.verdict.operating_point:
            _unused(point, limit_of(limits, spec.key).active)
    if limits.slices and not defaults.profile:
        st.caption(
            f"Defaults: {safe_text(limits.cohort)}, {count(limits.slices, _taken_from(result))} of "
            f"{count(limits.patients, 'patient')}; each fitted limit leaves at most "
            f"{100 * limits.share:.3g} % of them outside."
        )


def _taken_from(result: Result) -> str:
    """What the limits of its model were fitted to, one of them."""
    if isinstance(result, ClassOutcome):
        return "slab" if result.classification.bags else "picture"
    return "reference slice"


def _rule(spec: RuleSpec, defaults: Limits, limits: Limits, point: OperatingPoint | None) -> None:
    default, now = limit_of(defaults, spec.key), limit_of(limits, spec.key)
    _, unit = _scale(spec)
    suffix = f"{spec.key}_{st.session_state.get(_ROUND, 0)}"
    name, field, switch = st.columns([5, 3, 2], vertical_alignment="center")
    mark = "" if now == default else " :orange-badge[changed]"
    if point is None:
        name.markdown(
            f"**{spec.letter}** {spec.label}{mark}  \n:gray[fires {spec.side} the limit{unit and ', in %'}; "
            f"default {spec.text(default.limit)}, {spec.source}]"
        )
        _field(field, spec, now, suffix)
    else:
        name.markdown(
            f"**{spec.letter}** {spec.label}{mark}  \n:gray[replaced by the operating point "
            f"{safe_text(point.label)}: fires below {number(point.threshold)}, {chosen_for(point)} on "
            f"{safe_text(point.cohort_name)}]"
        )
        field.page_link(COVERAGE, label="Risk and coverage", query_params=_place_of(point))
    toggle(switch, spec, now, default)


def toggle(place: DeltaGenerator, spec: RuleSpec, now: RuleLimit, default: RuleLimit) -> None:
    """The switch of one rule."""
    key = f"active_{spec.key}_{st.session_state.get(_ROUND, 0)}"
    place.toggle(
        "On", value=now.active, key=key, help=f"Whether “{spec.label}” may ask for a review.",
        on_change=_switched, args=(spec, default.active, key),
    )  # fmt: skip


def _unused(point: OperatingPoint, active: bool) -> None:
    why = "this result does not hold the score it was chosen on" if active else "the check is switched off"
    st.caption(f"The operating point {safe_text(point.label)} is in force but not used here: {why}.")


def _place_of(point: OperatingPoint) -> dict[str, str]:
    """Where the point was chosen, with the rest of the selection carried along."""
    chosen = {"run": point.run_id or "", "cohort": point.cohort_id or ""}
    return selection.address_of(replace(selection.current(), **{k: v for k, v in chosen.items() if v}))


def _field(place: DeltaGenerator, spec: RuleSpec, now: RuleLimit, suffix: str) -> None:
    scale, unit = _scale(spec)
    place.number_input(
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


def _scale(spec: RuleSpec) -> tuple[float, str]:
    """What a value is multiplied by to be shown, and its unit."""
    return (100.0, " %") if spec.percent else (1.0, "")


def _step(spec: RuleSpec) -> float:
    if spec.high > 1.0:
        return 1.0
    return 0.0005 if spec.scale == "log" and spec.high <= 0.05 else 0.005 if spec.percent else 0.01


def _moved(spec: RuleSpec, key: str, scale: float) -> None:
    value = min(max(st.session_state[key] / scale, spec.low), spec.high)
    _change(spec.key, f"{value:.6g}")


def _switched(spec: RuleSpec, default: bool, key: str) -> None:
    now = st.session_state[key]
    _change(spec.key, "" if now == default else ON if now else OFF)


def _change(rule: str, value: str) -> None:
    _write({**_changes(), rule: value})


def _write(changes: dict[str, str]) -> None:
    selection.choose(limits=_SEPARATOR.join(f"{name}_{each}" for name, each in changes.items() if each))


def _new_widgets() -> None:
    # New widget keys: a field keeps what was typed for as long as its key lives.
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def reset() -> None:
    """Back to the limits that are in force without the address."""
    _new_widgets()
    selection.choose(limits="")


def _changes() -> dict[str, str]:
    found = (_CHANGE.fullmatch(each) for each in selection.current().limits.split(_SEPARATOR))
    return {each[1]: each[2] for each in found if each}


def _setting(value: str) -> dict[str, float | bool]:
    if value in (OFF, ON):
        return {"active": value == ON}
    return {"limit": float(value), "active": True}
