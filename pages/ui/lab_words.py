"""What the Stress lab says: the answer first, what was done to the picture, what made it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.corruptions import SUITE, corruption_spec
from core.pipeline import maker
from core.pipeline.lab import Alarm, Reading, alarm_of, reading_of
from core.pipeline.stress import Stressed
from core.view.words import NOT_AVAILABLE, count, number, percent, seconds
from pages.ui.answer import ANSWERS
from pages.ui.lab_choices import Choices
from pages.ui.text import safe_text

BADGES = {
    "in time": ":green-badge[Warned in time]",
    "gaps": ":red-badge[Gaps in the alarm]",
    "late": ":red-badge[Late alarm]",
    "none": ":red-badge[No alarm]",
    "early": ":orange-badge[Warned without a loss]",
    "steady": ":green-badge[Steady]",
    "already": ":gray-badge[To be reviewed already]",
    "unknown": ":gray-badge[No reference]",
}


def named(choices: Choices, severity: float) -> str:
    """The corruption and its severity, with the second step where there is one."""
    second = choices.second
    more = f", then {corruption_spec(second.key).label.lower()} {second.severity:g}" if second else ""
    return f"{choices.spec.label.lower()} {severity:g}{more}"


def answer(choices: Choices, severity: float, stressed: Stressed, known: Sequence[Reading]) -> str:
    """What this severity would have done, and whether the alarm comes in time, as Markdown."""
    now = reading_of(severity, stressed)
    clean = next((each for each in known if each.severity == 0.0), None)
    what = named(choices, severity)
    parts = [f"**With {what}: {ANSWERS[now.answer]}.**", _confidence(now, clean), _quality(now, clean)]
    alarm = alarm_of(known, choices.loss)
    return " ".join(each for each in (*parts, BADGES[alarm.state], alarm_words(alarm)) if each)


def alarm_words(alarm: Alarm) -> str:
    """Whether the warning came before the quality was lost, in one sentence."""
    lost, warned = _at(alarm.lost_at), _at(alarm.warned_at)
    sentences = {
        "in time": f"The verdict turns to review {warned}, the quality is lost {lost}.",
        "gaps": f"The verdict turns to review {warned}, but looks consistent again at "
        f"{', '.join(f'{each:g}' for each in alarm.silent)}, where the quality is lost.",
        "late": f"The quality is lost {lost}, and the verdict turns to review only {warned}.",
        "none": f"The quality is lost {lost}, and no check fires.",
        "early": f"The verdict turns to review {warned}; the quality is not lost.",
        "steady": "Neither is the quality lost nor does a check fire.",
        "already": f"The clean picture is to be reviewed already; the quality is lost {lost}."
        if alarm.lost_at is not None
        else "The clean picture is to be reviewed already.",
        "unknown": f"The verdict turns to review {warned}; a loss cannot be told."
        if alarm.warned_at is not None
        else "No check fires; a loss cannot be told.",
    }
    so_far = "" if alarm.known == alarm.of else f" So far {alarm.known} of {alarm.of} severities are known."
    return sentences[alarm.state] + so_far


def stale(choices: Choices, severity: float) -> str:
    """Says that an earlier answer is on screen."""
    return (
        f"Still showing severity **{severity:g}**. Severity **{choices.severity:g}** is not there yet: "
        "everything below belongs to the former."
    )


def applied(stressed: Stressed) -> list[str]:
    """What was done to the picture, one line per step and one for what it did in all."""
    corrupted = stressed.corrupted
    lines = []
    for step in corrupted.steps:
        spec = corruption_spec(step.key)
        cut = f"; {percent(step.clipped_share)} of the values were cut" if step.clipped_share else ""
        lines.append(
            f"{spec.label}: {spec.text_at(step.severity)}; scaled by the {safe_text(step.domain, 120)}{cut}."
        )
    lines.append(f"The picture changed by {percent(corrupted.damage)} of its range on average.")
    if corrupted.move is not None:
        lost = (
            ""
            if stressed.lost_share is None
            else f"; {percent(stressed.lost_share)} of the reference left it"
        )
        lines.append(
            f"The picture was moved, asked about, and is shown turned back; places beyond the frame count "
            f"neither as found nor as missed{lost}."
        )
    return lines


def footer(choices: Choices, stressed: Stressed) -> None:
    """What made it."""
    made_by = maker(stressed.result)
    part = (
        f", {count(choices.case.image.slices, 'slice')} of {choices.whole.image.slices}"
        if choices.windowed
        else ""
    )
    seeds = ", ".join(str(step.seed) for step in stressed.corrupted.steps)
    st.caption(
        f"Made by {safe_text(made_by.config.model_id)}, {made_by.config.estimator.kind}, suite {SUITE}, user "
        f"seed {choices.seed} (drawn from {seeds or 'nothing'}){part}; key {made_by.key[:12]}; computed in "
        f"{seconds(stressed.seconds)}, kept in memory and not in the store. Research use only."
    )


def _confidence(now: Reading, clean: Reading | None) -> str:
    if now.confidence is None:
        return f"Confidence {NOT_AVAILABLE}."
    before = f" (clean {number(clean.confidence)})" if clean is not None and clean is not now else ""
    return f"Confidence **{number(now.confidence)}**{before}."


def _quality(now: Reading, clean: Reading | None) -> str:
    if now.predicted is not None:
        before = f" (clean: {safe_text(', '.join(clean.predicted or ()), 60)})" if clean else ""
        return f"Class **{safe_text(', '.join(now.predicted) or 'none', 60)}**{before}."
    nothing = " Nothing is found." if now.empty else ""
    if now.dice is None:
        return nothing.strip()
    before = f" (clean {number(clean.dice)})" if clean is not None else ""
    return f"Dice **{number(now.dice)}**{before}.{nothing}"


def _at(severity: float | None) -> str:
    return "nowhere" if severity is None else f"at {severity:g}"
