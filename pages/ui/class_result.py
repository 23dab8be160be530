"""The Case page of a classified picture: which class, how sure, what it rests on, and whether it is right."""

from __future__ import annotations

import streamlit as st

from core.metrics.selective.class_scores import CLASS_SCORES
from core.pipeline import ClassOutcome, named_by
from core.store import Store
from core.types import Classification, CohortItem
from core.view.words import NOT_AVAILABLE, count, number
from pages.ui import answer, numbers, outcomes, tables, units
from pages.ui.labels import CLASS_SPECS, score_label
from pages.ui.text import safe_text
from pages.ui.units import Unit
from pages.ui.viewer import class_view, forget_case

VIEW = "case_view"
FINE = "No check fired, which does not prove the answer right."
HOW_TO_READ = (
    "How to read this: each bar is the mean probability of a class and each dot one prediction, so dots far "
    "apart are doubt. Layer 3 shows what the decision rests on, which is where the networks looked and not "
    "where an illness is. It cannot name anything but the classes listed."
)


Known = tuple[str, CohortItem] | None
"""(cohort name, entry) that says which class is right, None where no cohort says so."""


def show(
    store: Store, outcome: ClassOutcome, title: str, limits_changed: int, unit: Unit | None, before: int
) -> None:
    """Answer, picture with classes, and numbers. title: of the model; before: deletions when loaded."""
    known = named_by(store, outcome.case.id, outcome.classification.class_names)
    units.answer(answer_sentence(outcome, title, limits_changed, known), unit)
    view(outcome, known, before)
    st.caption(HOW_TO_READ)
    with st.expander("Numbers", key="numbers"):
        class_numbers(outcome, known)


def answer_sentence(outcome: ClassOutcome, model_title: str, limits_changed: int, known: Known) -> str:
    """Verdict, class with probability and spread, confidence, what judged it, model and n, as Markdown."""
    found, verdict = outcome.classification, outcome.verdict
    kind = answer.estimator_words(found.made_by, classes=True)
    return answer.joined(
        f"**{answer.ANSWERS[verdict.answer]}.** {_class_words(found)}",
        _confidence(found),
        _reference_words(found, known),
        answer.reason(verdict.flags, 1, FINE),
        answer.judged_by(outcome),
        f"{safe_text(model_title)}, {kind}, n = {count(len(found.samples), 'prediction')}.",
        answer.changed_words(limits_changed),
    )


def view(outcome: ClassOutcome, known: Known, before: int) -> None:
    """Picture, saliency and classes; what was packed is dropped when a case was deleted since `before`."""
    labels = None if known is None else known[1].labels
    facts = _facts(outcome.classification, known)
    try:
        class_view(
            outcome.case, outcome.classification, outcome.verdict, key=VIEW, facts=facts, reference=labels,
            score_labels={key: spec.label for key, spec in CLASS_SPECS.items()},
        )  # fmt: skip
    finally:
        if outcomes.deletions() != before:
            forget_case(outcome.case.id)


def class_numbers(outcome: ClassOutcome, known: Known) -> None:
    """Every class with its spread, then every confidence score."""
    found = outcome.classification
    labels = None if known is None else known[1].labels
    st.markdown("**Probability of each finding**" if found.multilabel else "**Probability of each class**")
    tables.show(
        ("Class", "Mean", "SD", "Lowest", "Highest", "Given", "Reference"),
        [
            (
                name,
                number(float(column.mean())),
                f"{column.std(ddof=1):.3f}" if len(column) > 1 else NOT_AVAILABLE,
                f"{column.min():.3f}",
                f"{column.max():.3f}",
                "yes" if name in found.predicted else "",
                NOT_AVAILABLE if labels is None else "yes" if name in labels else "",
            )
            for name, column in zip(found.class_names, found.samples.T, strict=True)
        ],
    )
    st.caption(
        f"Over {count(len(found.samples), 'prediction')}; SD with n - 1."
        + ("" if labels is not None else " No cohort names the class of this case, so nothing is compared.")
    )
    st.markdown("**Confidence of the class** (higher is safer)")
    numbers.score_table(found.scores, CLASS_SPECS)


def _class_words(found: Classification) -> str:
    prob = found.prob
    if found.predicted:
        columns = [found.class_names.index(name) for name in found.predicted]
        named = ", ".join(with_spread(found, each) for each in columns)
        return f"Found: {named}." if found.multilabel else f"Most likely {named}."
    likeliest = with_spread(found, int(prob.argmax()))
    return f"None of {count(len(prob), 'finding')}: the likeliest is {likeliest}, below one half."


def with_spread(found: Classification, column: int) -> str:
    """A class with its mean probability and range over the predictions, as Markdown."""
    samples = found.samples[:, column]
    name, mean = safe_text(found.class_names[column], 60), number(float(samples.mean()))
    words = f"**{name}** with a mean probability of **{mean}**"
    if found.multilabel:
        words = f"**{name}** {mean}"
    if len(samples) < 2:
        return words.replace(" mean", "")
    ends = f"{samples.min():.3f}–{samples.max():.3f}"
    return f"{words} ({ends})" if found.multilabel else f"{words} ({ends} over {len(samples)} predictions)"


def _reference_words(found: Classification, known: Known) -> str:
    if known is None:
        return ""
    named, judged = _reference(found, known)
    return f"By the reference in {safe_text(known[0], 60)} ({safe_text(named, 200)}): **{judged}**."


def _facts(found: Classification, known: Known) -> tuple[tuple[str, str], ...]:
    if known is None:
        return ()
    named, judged = _reference(found, known)
    return (("Reference", f"{named} ({judged})"),)


def _reference(found: Classification, known: tuple[str, CohortItem]) -> tuple[str, str]:
    """What the cohort names, and how right the answer is by that."""
    labels = known[1].labels or ()
    named = ", ".join(labels) or "no finding"
    if not found.multilabel:
        return named, "right" if found.predicted == labels else "wrong"
    right = sum((name in labels) == (name in found.predicted) for name in found.class_names)
    return named, f"{right} of {len(found.class_names)} findings right"


def _confidence(found: Classification) -> str:
    score = found.scores[0]
    if score.value is None:
        return f"Confidence {NOT_AVAILABLE} ({safe_text(score.note)})."
    if score.key == CLASS_SCORES[0].key and not found.multilabel:
        return "That probability is the confidence."
    return f"Confidence **{number(score.value)}** of 1 ({score_label(score.key).lower()})."
