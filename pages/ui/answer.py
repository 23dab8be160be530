"""The answer in one sentence, and the line that says what made it."""

from __future__ import annotations

import streamlit as st

from core.inference import estimator_spec
from core.pipeline import Outcome
from core.types import Flag, MadeBy
from core.uncertainty import SCORES
from core.view.words import NOT_AVAILABLE, count, number, seconds
from pages.ui.text import safe_text

ANSWERS = {"consistent": "Looks consistent", "review": "Review this case"}


def answer_sentence(outcome: Outcome, model_title: str, limits_changed: int) -> str:
    """Verdict, first reason, confidence with its slice, model and n, as Markdown."""
    analysis, verdict = outcome.analysis, outcome.verdict
    parts = [
        f"**{ANSWERS[verdict.answer]}.** {_reason(verdict.flags, len(analysis.slices))}",
        _confidence(outcome),
    ]
    kind = estimator_spec(analysis.made_by.config.estimator.kind).label
    parts.append(
        f"{safe_text(model_title)}, {safe_text(kind.lower())}, n = {count(len(analysis.slices), 'slice')}."
    )
    if limits_changed:
        parts.append(f":orange-badge[{count(limits_changed, 'limit')} changed]")
    return " ".join(parts)


def made_by_lines(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """(name, value) of everything needed to make the numbers again."""
    made_by, config = outcome.analysis.made_by, outcome.analysis.made_by.config
    return (
        (
            "Model",
            f"{config.model_id}, {count(len(made_by.members), 'network')}: {', '.join(made_by.members)}",
        ),
        ("Estimator", f"{config.estimator.kind}, {count(made_by.samples, 'prediction')} per slice"),
        ("Seed", str(config.estimator.seed)),
        ("Input channels", ", ".join(str(each + 1) for each in made_by.channels)),
        (
            "Ran on",
            f"{made_by.device}, {made_by.backend}, {made_by.precision}, {count(made_by.threads, 'thread')}",
        ),
        ("Difference to the reference backend at start", _self_check(made_by)),
        ("Weights (SHA-256)", ", ".join(each[:12] for each in made_by.weights)),
        ("Store key", made_by.key),
        ("Case id", outcome.case.id),
        ("Made", f"{made_by.created_utc[:19].replace('T', ' ')} UTC by Second Look {made_by.app_version}"),
        (
            "Took",
            "; ".join(f"{each.stage} {seconds(each.seconds)}" for each in made_by.timings) or NOT_AVAILABLE,
        ),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in made_by.versions)),
        *((("Note", note)) for note in made_by.notes),
    )


def footer(outcome: Outcome) -> None:
    """What made the result, in one line and, unfolded, in full."""
    made_by = outcome.analysis.made_by
    taken = sum(each.seconds for each in made_by.timings)
    source = "read from the store" if outcome.cached else f"computed in {seconds(outcome.seconds)}"
    st.caption(
        f"Made by {safe_text(made_by.config.model_id)}, {safe_text(made_by.config.estimator.kind)}, seed "
        f"{made_by.config.estimator.seed}, on {safe_text(made_by.device)} with {safe_text(made_by.backend)}, "
        f"{safe_text(made_by.precision)}; {source}, first computed in {seconds(taken)} at "
        f"{made_by.created_utc[:16].replace('T', ' ')} UTC; key {made_by.key[:12]}."
    )
    with st.expander("What made this, in full", key="made_by"):
        st.markdown(
            "\n".join(f"- **{name}:** {safe_text(value, 500)}" for name, value in made_by_lines(outcome))
        )


def _reason(flags: tuple[Flag, ...], slices: int) -> str:
    if not flags:
        return "No check fired, which does not prove the mask right."
    first = flags[0]
    where = f"Slice {first.slice + 1}: " if first.slice is not None and slices > 1 else ""
    more = f" {count(len(flags) - 1, 'more finding')} beside it." if len(flags) > 1 else ""
    return f"{where}{safe_text(first.sentence, 300)}{more}"


def _confidence(outcome: Outcome) -> str:
    score = outcome.analysis.scores[0]
    label = next((spec.label for spec in SCORES if spec.key == score.key), score.key).lower()
    if score.value is None:
        return f"Confidence {NOT_AVAILABLE} ({safe_text(score.note)})."
    worst = outcome.analysis.worst_slice
    lowest = (
        f", lowest on slice {worst + 1}" if worst is not None and len(outcome.analysis.slices) > 1 else ""
    )
    return f"Confidence **{number(score.value)}** of 1 ({safe_text(label)}){lowest}."


def _self_check(made_by: MadeBy) -> str:
    if made_by.self_check is None:
        return f"{NOT_AVAILABLE} (the reference backend itself ran)"
    return f"{number(made_by.self_check)} in probability, at most"
