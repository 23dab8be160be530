"""The Case page of a volume that a bag model judged: the answer, where its attention lies, and each slab."""

from __future__ import annotations

import streamlit as st

from core.detector.attention import ATTENTION_SPECS
from core.models.mil_evidence import AttentionEvidence, attention_evidence
from core.models.mil_records import list_bag_models
from core.pipeline import ClassOutcome
from core.pipeline.bags import slab_labels
from core.pipeline.classify import bag_scores
from core.store import Store
from core.types import BagSamples, Classification
from core.view.words import NOT_AVAILABLE, count, interval, number
from pages.ui import answer, numbers, outcomes, tables, units
from pages.ui.class_result import VIEW, with_spread
from pages.ui.folded import folded
from pages.ui.labels import CLASS_SPECS
from pages.ui.text import safe_text
from pages.ui.units import Unit
from pages.ui.viewer import ViewState, class_view, forget_case

FINE = "No check fired, which does not prove the answer right."
HOW_TO_READ = (
    "How to read this: each cell of the strip is a slice, as high as the attention on it; a slab in the list "
    "and the key W go to the slice with most of it. The slab with the highest probability decides."
)
NOT_EVIDENCE = "Attention is not evidence: it says which slices the answer leans on, not where an illness is."
SCORES = {
    "attention": "attention",
    "slice scores": "scores of single slices",
    "position alone": "height in the volume alone, without any picture,",
}
"""Rows of a model's validation that are told, and what to call them."""

Labels = tuple[bool, ...] | None
"""For each slab whether a person marked anything in it, None where nobody did or it is not what was asked."""


def show(
    store: Store, outcome: ClassOutcome, title: str, limits_changed: int, unit: Unit | None, before: int
) -> None:
    """Answer, volume with its strip of attention, and numbers. title: of the model."""
    labels = slab_labels(outcome.case, outcome.classification)
    units.answer(answer_sentence(outcome, title, limits_changed, labels), unit)
    _view(outcome, labels, unit, before)
    st.caption(f"{HOW_TO_READ} {NOT_EVIDENCE} {evidence_words(_evidence(outcome))}")
    with folded("Numbers", "numbers") as opened:
        if opened.open:
            slab_numbers(outcome.classification, labels)


def answer_sentence(outcome: ClassOutcome, model_title: str, limits_changed: int, labels: Labels) -> str:
    """Verdict, the class with probability, spread and slab, what judged it, model and n, as Markdown."""
    found, verdict = outcome.classification, outcome.verdict
    kind = answer.estimator_words(found.made_by, classes=True)
    slabs = f", {count(len(found.bags), 'slab')}" if len(found.bags) > 1 else ""
    return answer.joined(
        f"**{answer.ANSWERS[verdict.answer]}.** {_class_words(found)}",
        _reference_words(found, labels),
        answer.reason(verdict.flags, 1, FINE),
        answer.judged_by(outcome),
        f"{safe_text(model_title)}, {kind}, n = {count(len(found.samples), 'prediction')}{slabs}.",
        answer.changed_words(limits_changed),
    )


def evidence_words(evidence: AttentionEvidence | None) -> str:
    """How well attention found what people marked, beside other scores; says so where nobody measured it."""
    if evidence is None:
        return "How well it finds what people mark has not been measured for this model."
    found = {each.title: each.auroc for each in evidence.rows}
    words = ", ".join(
        f"{words} {interval(found[key].value, found[key].low, found[key].high)}"
        for key, words in SCORES.items()
        if key in found
    )
    return (
        f"Measured on {count(evidence.mixed_bags, 'slab')} of {count(evidence.patients, 'patient')} that the "
        f"networks had left out, as the chance to rank a marked slice above another of its slab: {words}; "
        "0.5 is guessing."
    )


def slab_numbers(found: Classification, labels: Labels) -> None:
    """Every slab with its spread and attention, the confidence scores of the volume, and every slice."""
    st.markdown(f"**Probability of {safe_text(found.class_names[1], 60)} in each slab**")
    names = ("Slab", "Slices", "Mean", "SD", "Lowest", "Highest", "Confidence", "Effective slices",
             "Most attention", "On tissue", "Reference")  # fmt: skip
    tables.show(names, [_slab_row(found, index, labels) for index in range(len(found.bags))])
    st.caption(
        f"Over {count(len(found.samples), 'prediction')}; SD with n - 1. The slab with the highest mean "
        f"decides. Effective slices: {ATTENTION_SPECS[0].help} On tissue: {ATTENTION_SPECS[1].help}"
    )
    st.markdown("**Confidence of the volume**, that of the slab which decides (higher is safer)")
    numbers.score_table(found.scores, CLASS_SPECS)
    st.markdown("**Each slice of each slab**")
    _slices(found)


def _view(outcome: ClassOutcome, labels: Labels, unit: Unit | None, before: int) -> None:
    facts = (("Reference", _marked_words(labels)),) if labels is not None else ()
    try:
        class_view(
            outcome.case, outcome.classification, outcome.verdict, key=VIEW, facts=facts,
            view_state=_asked(outcome.classification, unit),
            score_labels={key: spec.label for key, spec in CLASS_SPECS.items()},
        )  # fmt: skip
    finally:
        if outcomes.deletions() != before:
            forget_case(outcome.case.id)


def _asked(found: Classification, unit: Unit | None) -> ViewState | None:
    """The slab of a run that was clicked: its slice with most attention."""
    if unit is None or unit.slice is None:
        return None
    tops = {bag.slices[0]: bag.top_slice for bag in found.bags}
    return ViewState(slice=tops.get(unit.slice, unit.slice))


def _class_words(found: Classification) -> str:
    """Whether the second class was found, in which slab, with its probability over the predictions."""
    assert found.deciding is not None
    bag, several = found.bags[found.deciding], len(found.bags) > 1
    name = safe_text(found.class_names[1], 60)
    if not several:
        return f"Most likely {with_spread(found, int(found.prob.argmax()))}."
    where = f"slab {found.deciding + 1} of {len(found.bags)} ({_slices_words(bag)})"
    if found.predicted == (found.class_names[1],):
        return f"At least one slab holds {with_spread(found, 1)}: {where}."
    return f"No slab reads as {name}; the nearest is {where}: {with_spread(found, 1)}."


def _slices_words(bag: BagSamples) -> str:
    return f"slices {bag.slices[0] + 1}–{bag.slices[-1] + 1}"


def _reference_words(found: Classification, labels: Labels) -> str:
    if labels is None:
        return ""
    right = any(labels) == (found.predicted == (found.class_names[1],))
    return f"By the reference mask ({_marked_words(labels)}): **{'right' if right else 'wrong'}**."


def _marked_words(labels: tuple[bool, ...]) -> str:
    there = [str(index) for index, marked in enumerate(labels, 1) if marked]
    if not there or len(labels) == 1:
        return "something marked" if there else "nothing marked"
    return f"marked in {'slab' if len(there) == 1 else 'slabs'} {', '.join(there)}"


def _slab_row(found: Classification, index: int, labels: Labels) -> tuple[str, ...]:
    bag = found.bags[index]
    scores = {each.key: each.value for each in bag_scores(found, bag)}
    column, (spread, on_tissue) = bag.prob[:, 1], ATTENTION_SPECS
    return (
        f"{index + 1}{' (decides)' if index == found.deciding else ''}",
        f"{bag.slices[0] + 1}–{bag.slices[-1] + 1}",
        number(bag.mean_prob),
        NOT_AVAILABLE if bag.spread is None else f"{bag.spread:.3f}",
        f"{column.min():.3f}",
        f"{column.max():.3f}",
        number(scores[found.scores[0].key]),
        f"{number(scores[spread.key])} of {len(bag.slices)}",
        f"slice {bag.top_slice + 1}: {number(float(bag.mean_attention.max()))}",
        number(scores[on_tissue.key]),
        NOT_AVAILABLE if labels is None else "marked" if labels[index] else "nothing",
    )


def _slices(found: Classification) -> None:
    assert found.tissue is not None
    rows = [
        (number_of + 1, place + 1, float(share), float(alone), float(found.tissue[place]))
        for number_of, bag in enumerate(found.bags)
        for place, share, alone in zip(bag.slices, bag.mean_attention, bag.mean_instance, strict=True)
    ]
    names = ("Slab", "Slice", "Attention", "By itself", "Tissue")
    texts = (None, None, "Mean over the predictions; adds up to 1 in each slab.",
             "Probability from this slice alone.", "Share of the picture, made square.")  # fmt: skip
    st.dataframe(
        dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)),
        hide_index=True, key="slab_slices", height=360, alt="Attention and score of each slice",
        column_config={
            name: st.column_config.NumberColumn(format=None if text is None else "%.3f", help=text)
            for name, text in zip(names, texts, strict=True)
        },
    )  # fmt: skip


def _evidence(outcome: ClassOutcome) -> AttentionEvidence | None:
    model_id = outcome.classification.made_by.config.model_id
    record = next((each for each in list_bag_models() if each.id == model_id), None)
    return None if record is None else attention_evidence(record)
