"""Mounts the viewer's JavaScript: one bytes container in, the user's view back, nothing in between."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from core.pipeline.classify import bag_facts
from core.types import Analysis, Case, Classification, FixedPoint, Verdict
from core.view.class_payload import build_class_payload, build_class_volume, class_volume_digest
from core.view.payload import build_payload, start_slice
from core.view.volume import VolumeCache, build_volume, volume_digest
from pages.ui import resources
from pages.ui.viewer.state import Held, ViewState, next_held, parse_view

FOLDER = Path(__file__).parent
SCRIPTS = (
    "decode", "trace", "draw", "marks", "strip", "panel", "classes", "slabs", "keys", "layout", "state",
    "actions", "refresh", "main",
)  # fmt: skip
"""Joined into one module in this order: an inline component has exactly one."""

CACHE_BYTES = 256 * 2**20


def case_view(
    case: Case,
    analysis: Analysis,
    verdict: Verdict,
    *,
    key: str,
    view_state: ViewState | None = None,
    score_labels: Mapping[str, str] | None = None,
    facts: Sequence[tuple[str, str]] = (),
    alone: bool = False,
    doubt: FixedPoint | None = None,
) -> ViewState:
    """Draw the case view; returns what the user sees, of which at least the slice is known.

    view_state: moves the view when it is a new request; passing the returned state back changes nothing.
    score_labels: plain names of score keys. facts: further (name, text) lines under the confidence.
    alone: nothing but image and outline, without the model's opinion and the reference. doubt: where the
    outline looks wrong, a map beside those of uncertainty; None where nobody asked for it. The view is kept
    in the session under f"{key}-held" and survives a visit to another page.
    """

    def payload(around: int | None) -> bytes:
        volume = _volumes().get(
            volume_digest(case, analysis, around, doubt),
            lambda: build_volume(case, analysis, around=around, doubt=doubt),
        )
        return build_payload(
            case, analysis, verdict, volume=volume, score_labels=score_labels, facts=facts, alone=alone
        )

    _show(case, key, view_state, payload)
    return shown_view(key, analysis, verdict)


def class_view(
    case: Case,
    found: Classification,
    verdict: Verdict,
    *,
    key: str,
    score_labels: Mapping[str, str] | None = None,
    facts: Sequence[tuple[str, str]] = (),
    reference: Collection[str] | None = None,
    view_state: ViewState | None = None,
    alone: bool = False,
) -> None:
    """Draw the same view for a classified picture: what the decision rests on, and every class.

    A volume that a bag model judged has a slice strip of its attention. reference: the classes that a cohort
    names for it, None where none does; the rest as for `case_view`.
    """

    def payload(around: int | None) -> bytes:
        volume = _volumes().get(
            class_volume_digest(case, found, around), lambda: build_class_volume(case, found, around=around)
        )
        return build_class_payload(
            case, found, verdict, volume=volume, score_labels=score_labels, facts=facts, reference=reference,
            bags=bag_facts(found), alone=alone,
        )  # fmt: skip

    _show(case, key, view_state, payload)


def _show(case: Case, key: str, view_state: ViewState | None, payload: Callable[[int | None], bytes]) -> None:
    """Mount the component on a payload, made for the slice around which a large study is loaded."""
    slot = f"{key}-held"
    # The component's state belongs to one case: under a shared key the next case would inherit it.
    mount = f"{key}-{case.id[:16]}"
    held = next_held(st.session_state.get(slot), case.id, view_state, fresh=mount not in st.session_state)
    st.session_state[slot] = held
    _mounted(payload(held.around) + _order(held), mount, slot)


def shown_view(key: str, analysis: Analysis, verdict: Verdict) -> ViewState:
    """What the viewer under `key` shows, also inside a fragment of its own, without drawing anything."""
    held: Held | None = st.session_state.get(f"{key}-held")
    known = held.view if held is not None and held.case_id == analysis.case_id else None
    return (known or ViewState()).starting_at(start_slice(analysis, verdict))


def pack_ahead(case: Case, analysis: Analysis) -> None:
    """Pack the volume of a case that may be shown next, so that its page need not wait."""
    _volumes().get(volume_digest(case, analysis, None), lambda: build_volume(case, analysis))


def forget_case(case_id: str) -> None:
    """Drop the packed volumes of a deleted case from memory."""
    _volumes().forget(case_id)


@st.fragment
def _mounted(payload: bytes, key: str, slot: str) -> None:
    """Only this part runs again when the browser reports; the payload is the same, so nothing is sent."""
    result = _component()(key=key, data=payload, on_view_change=_ignore, on_around_change=_ignore)
    held: Held = st.session_state[slot]
    view = parse_view(result.get("view"))
    around = result.get("around")
    moved = isinstance(around, int) and around >= 0 and around != held.around
    st.session_state[slot] = dataclasses.replace(
        held, view=view or held.view, around=around if moved else held.around
    )
    if moved:
        st.rerun()


def _order(held: Held) -> bytes:
    view = None if held.seed is None else held.seed.model_dump(mode="json", exclude_none=True)
    return json.dumps({"seq": held.seq, "view": view}).encode()


@st.cache_resource(scope=resources.SCOPE)
def _volumes() -> VolumeCache:
    return VolumeCache(resources.share_of(CACHE_BYTES))


@functools.cache
def _component() -> Callable[..., Any]:
    script = "\n".join((FOLDER / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    return st.components.v2.component(
        "second_look_case_view",
        html='<div class="second-look"></div>\n',
        css=(FOLDER / "viewer.css").read_text(encoding="utf-8"),
        js=script,
    )


def _ignore() -> None:
    """States are read from the component's result; a callback must exist for each."""
