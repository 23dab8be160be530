"""The answer about a mask in one sentence, and for every result the line that says what made it."""

from __future__ import annotations

import streamlit as st

from core.inference import estimator_spec
from core.inference.estimators import CLASS_WORDING
from core.pipeline import Outcome, Result, maker
from core.types import Flag, MadeBy
from core.uncertainty import SCORES
from core.view.words import NOT_AVAILABLE, count, number, seconds
from pages.ui.text import safe_text

ANSWERS = {"consistent": "Looks consistent", "review": "Review this case"}


def answer_sentence(outcome: Outcome, model_title: str, limits_changed: int) -> str:
    """Verdict, first reason, confidence with its slice, what judged it, model and n, as Markdown."""
    analysis, verdict = outcome.analysis, outcome.verdict
    slices, kind = len(analysis.slices), estimator_words(analysis.made_by, classes=False)
    return joined(
        f"**{ANSWERS[verdict.answer]}.** "
        + reason(verdict.flags, slices, "No check fired, which does not prove the mask right."),
        _confidence(outcome),
        judged_by(outcome),
        f"{safe_text(model_title)}, {kind}, n = {count(slices, 'slice')}.",
        changed_words(limits_changed),
    )


def joined(*parts: str) -> str:
    """The parts that say something, as one paragraph."""
    return " ".join(each for each in parts if each)


def judged_by(result: Result) -> str:
    """Which operating point and profile judged, "" for none; not the point that the first reason names."""
    label, flags = result.verdict.operating_point, result.verdict.flags
    names = [f"the profile **{safe_text(result.verdict.profile)}**"] if result.verdict.profile else []
    if label and not (flags and label in flags[0].sentence):
        names.insert(0, f"the operating point **{safe_text(label)}**")
    return f"Judged by {' and '.join(names)}." if names else ""


def changed_words(limits_changed: int) -> str:
    """A badge with how many limits are not the model's own, "" where all are."""
    return f":orange-badge[{count(limits_changed, 'limit')} changed]" if limits_changed else ""


def reason(flags: tuple[Flag, ...], slices: int, without: str) -> str:
    """The worst finding and how many there are beside it; `without` where there is none."""
    if not flags:
        return without
    first = flags[0]
    where = f"Slice {first.slice + 1}: " if first.slice is not None and slices > 1 else ""
    more = f" {count(len(flags) - 1, 'more finding')} beside it." if len(flags) > 1 else ""
    return f"{where}{safe_text(first.sentence, 300)}{more}"


def estimator_words(made_by: MadeBy, *, classes: bool) -> str:
    """How the certainty was judged, in the words for masks or for classes."""
    if made_by.imported:
        return "predictions made elsewhere"
    kind = made_by.config.estimator.kind
    label = CLASS_WORDING[kind][0] if classes else estimator_spec(kind).label
    return label[0].lower() + label[1:]


def made_by_lines(result: Result) -> tuple[tuple[str, str], ...]:
    """(name, value) of everything needed to make the numbers again."""
    made_by = maker(result)
    config = made_by.config
    each = "slice" if isinstance(result, Outcome) else "picture"
    return (
        (
            "Model",
            f"{config.model_id}, {count(len(made_by.members), 'network')}: {', '.join(made_by.members)}",
        ),
        ("Estimator", f"{config.estimator.kind}, {count(made_by.samples, 'prediction')} per {each}"),
        ("Seed", str(config.estimator.seed)),
        ("Operating point", result.verdict.operating_point or f"{NOT_AVAILABLE} (the fixed limit judged)"),
        ("Profile of the checks", result.verdict.profile or f"{NOT_AVAILABLE} (the limits shown judged)"),
        ("Input channels", ", ".join(str(each + 1) for each in made_by.channels)),
        ("Contrast", config.contrast or "as the model was trained"),
        (
            "Ran on",
            f"{made_by.device}, {made_by.backend}, {made_by.precision}, {count(made_by.threads, 'thread')}",
        ),
        ("Machine", made_by.machine or NOT_AVAILABLE),
        ("Difference to the reference backend at start", _self_check(made_by)),
        ("Weights (SHA-256)", ", ".join(each[:12] for each in made_by.weights)),
        ("Store key", made_by.key),
        ("Case id", result.case.id),
        ("Made", f"{_time(made_by, 19)} by Second Look {made_by.app_version}"),
        (
            "Took",
            "; ".join(f"{each.stage} {seconds(each.seconds)}" for each in made_by.timings) or NOT_AVAILABLE,
        ),
        ("Libraries", ", ".join(f"{name} {version}" for name, version in made_by.versions)),
        *((("Note", note)) for note in made_by.notes),
    )


def footer(result: Result) -> None:
    """What made the result, in one line and, unfolded, in full."""
    st.caption(f"Made by {_origin(result)}{_point(result)}; key {maker(result).key[:12]}.")
    with st.expander("What made this, in full", key="made_by"):
        st.markdown(
            "\n".join(f"- **{name}:** {safe_text(value, 500)}" for name, value in made_by_lines(result))
        )


def _origin(result: Result) -> str:
    made_by = maker(result)
    if made_by.imported:
        return f"predictions made elsewhere ({count(made_by.samples, 'sample')})"
    taken = sum(each.seconds for each in made_by.timings)
    source = "read from the store" if result.cached else f"computed in {seconds(result.seconds)}"
    return (
        f"{safe_text(made_by.config.model_id)}, {safe_text(made_by.config.estimator.kind)}, seed "
        f"{made_by.config.estimator.seed}, on {safe_text(made_by.device)} with {safe_text(made_by.backend)}, "
        f"{safe_text(made_by.precision)}; {source}, first computed in {seconds(taken)} at "
        f"{_time(made_by, 16)}"
    )


def _point(result: Result) -> str:
    label = result.verdict.operating_point
    return f"; confidence judged by the operating point {safe_text(label)}" if label else ""


def _time(made_by: MadeBy, length: int) -> str:
    return f"{made_by.created_utc[:length].replace('T', ' ')} UTC" if made_by.created_utc else NOT_AVAILABLE


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
