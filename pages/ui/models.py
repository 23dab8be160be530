"""The Models page below its title: what there is, the chosen model in full, and how to add one."""

from __future__ import annotations

import streamlit as st

from core.config import AnalysisConfig
from core.errors import ModelProblem
from core.mode import current_mode
from core.models.records import ModelRecord
from core.pipeline.models import (
    ModelFacts,
    describe_model,
    known_models,
    model_card,
    models_writable,
    remove_own_model,
)
from core.view.words import count
from pages.ui import access, jobs, model_add, selection, tables
from pages.ui.about import card_body
from pages.ui.frame import boundary, show_problem
from pages.ui.menu import AUDIT
from pages.ui.model_add import size_words
from pages.ui.text import plain_text, safe_text

TASKS = {
    "segmentation": "outlines",
    "classification": "one class per picture",
    "multilabel": "any number of findings per picture",
}
ORIGINS = {"shipped": "came with the program", "own": "added by you"}
CARDS = {
    "CARD.md": "Model card: data, scores with intervals, known failures",
    "PROMPTS.md": "How much its outline depends on the box or the point",
    "FAMILIARITY.md": "How well foreign pictures are told, and which are not",
    "CONFIDENCE.md": "How well its confidence ranks cases",
    "QUALITY.md": "How well failed outlines are told, by rules, by a network and together",
}
CHOSEN = "shown"
"""Key of the model shown, in the address and the session."""
LONGEST_USER_CARD = 20_000


def show() -> None:
    """The whole page."""
    _job_under_way()
    found = known_models()
    facts = {record.id: describe_model(record) for record in found.records}
    writable = models_writable() and access.may("researcher")
    st.markdown(_answer(tuple(facts.values())))
    if not models_writable():
        st.warning(
            "The public demo takes no networks: run the program on a machine of your own to add one."
            if current_mode().public
            else "The folder of your own models cannot be written, so none can be added or removed here."
        )
    for problem in found.damaged:
        _damaged(problem, writable)
    if found.records:
        left, right = st.columns([2, 3], gap="large")
        chosen = _chosen(found.records)
        with left:
            st.header("Models")
            for record in found.records:
                _row(facts[record.id], record == chosen, writable)
            st.page_link(AUDIT, label="Can the scores of a training be true?", icon=":material/fact_check:")
        with right:
            _details(chosen, facts[chosen.id])
    st.header("Add a model")
    model_add.form(writable)


def _answer(known: tuple[ModelFacts, ...]) -> str:
    if not known:
        return (
            "Nothing yet. **Add a network of your own**: weights of segmentation-models-pytorch, or an ONNX "
            "graph, with a few lines that say what it takes and what it names."
        )
    own = sum(each.origin == "own" for each in known)
    honest = sum(bool(each.unseen) for each in known)
    return (
        f"**{count(len(known), 'model')}: {len(known) - own} came with the program, {own} "
        f"{'was' if own == 1 else 'were'} added.** In {honest} of them every training patient can be judged "
        "by networks that never saw it."
    )


def _chosen(records: tuple[ModelRecord, ...]) -> ModelRecord:
    wanted = st.query_params.get(CHOSEN) or st.session_state.get(CHOSEN) or AnalysisConfig().model_id
    return next((each for each in records if each.id == wanted), records[0])


def _choose(model_id: str) -> None:
    st.session_state[CHOSEN] = model_id
    if model_id:
        st.query_params[CHOSEN] = model_id
    elif CHOSEN in st.query_params:
        del st.query_params[CHOSEN]


def _row(facts: ModelFacts, chosen: bool, writable: bool) -> None:
    with st.container(border=True, key=f"model_{facts.id}"):
        st.markdown(
            f"**{safe_text(facts.title, 90)}**  \n:gray[{_answers(facts)} · "
            f"{count(len(facts.members), 'network')}, {size_words(facts.bytes)} · {ORIGINS[facts.origin]}]"
        )
        row = st.container(horizontal=True)
        row.button(
            "Shown" if chosen else "Show", key=f"show_model_{facts.id}", disabled=chosen,
            on_click=_choose, args=(facts.id,),
        )  # fmt: skip
        if facts.origin == "own":
            _removal(row, facts.id, facts.title, writable)


def _removal(row: st.delta_generator.DeltaGenerator, model_id: str, title: str, writable: bool) -> None:
    with row.popover("Remove", key=f"ask_model_{model_id}", disabled=not writable):
        st.markdown(
            f"Delete **{safe_text(title, 60)}** with its weights? Results that it made stay in the store, "
            "but nothing new can be asked of it. This cannot be undone."
        )
        st.button(
            "Remove for good", type="primary", key=f"remove_model_{model_id}",
            on_click=_remove, args=(model_id, title),
        )  # fmt: skip


def _remove(model_id: str, title: str) -> None:
    with boundary():
        access.require("researcher")
        remove_own_model(model_id)
        _choose("")
        st.toast(f"Removed {safe_text(title, 60)}.")


def _damaged(problem: ModelProblem, writable: bool) -> None:
    show_problem(problem)
    folder = problem.file.partition("/")[0]
    _removal(st.container(horizontal=True), folder, folder, writable)


def _details(record: ModelRecord, facts: ModelFacts) -> None:
    st.header(safe_text(facts.title, 90), anchor=False)
    st.markdown(safe_text(facts.description, 600))
    tables.show(("What", "Answer"), _facts(facts))
    _estimators(facts)
    with st.expander(f"Weight files and their digests ({len(facts.members)})", key="model_files"):
        st.dataframe(
            {
                "File": [each.file for each in facts.members],
                "MB": [None if each.bytes is None else round(each.bytes / 1e6, 2) for each in facts.members],
                "Never saw folds": [", ".join(map(str, each.left_out)) or "–" for each in facts.members],
                "SHA-256": [each.sha256 for each in facts.members],
            },
            hide_index=True, key="model_file_rows", alt="Weight files with size, folds left out and digest",
        )  # fmt: skip
    for name in facts.cards:
        with st.expander(CARDS[name], key=f"card_{name.partition('.')[0].lower()}"):
            _card(model_card(record, name), facts.origin)
    if not facts.cards:
        st.caption("No card came with it: nothing is known here about how good it is.")


def _facts(facts: ModelFacts) -> list[tuple[str, str]]:
    several = facts.activation == "softmax"
    rows = [
        ("Id", facts.id),
        ("Task", f"{_answers(facts)}: {', '.join(facts.class_names)}"),
        ("Input", f"{', '.join(facts.channels)} at {facts.working_size} x {facts.working_size} pixels"),
        ("Network", facts.network),
        ("Probabilities", "one class excludes the others" if several else "each class by itself"),
        ("Where it came from", facts.source),
        ("Licence", facts.licence),
        ("How it was split", _split(facts)),
        ("Training", facts.trained or "not known here"),
        ("Foreign pictures", "told by what is kept of the training pictures" if facts.familiar else
         "cannot be told: it came without a description of its training pictures"),
        ("Limits of the checks", facts.limits or "built-in ones, not from data of this model"),
    ]  # fmt: skip
    if facts.task == "segmentation":
        judged = "a network that has seen failures" if facts.judged else "rules alone, without a network"
        rows.append(("Quality of an outline", f"judged by {judged}"))
    rows += [("Judges", facts.slab)] if facts.slab else []
    return [*rows, ("Volumes", facts.volume)] if facts.volume else rows


def _answers(facts: ModelFacts) -> str:
    return "one class per slab of a volume" if facts.slab else TASKS[facts.task]


def _split(facts: ModelFacts) -> str:
    if not facts.patients:
        return "not known: any case may have been in its training data"
    sizes = ", ".join(map(str, facts.patients))
    unseen = (
        f"at least {count(facts.unseen, 'network')} never saw a given training patient"
        if facts.unseen
        else "some training patients were seen by every network"
    )
    return f"{sum(facts.patients)} patients in {len(facts.patients)} folds ({sizes}); {unseen}"


def _estimators(facts: ModelFacts) -> None:
    st.markdown(f"**Ways to judge its certainty:** {', '.join(label for _, label in facts.estimators)}.")
    for each in facts.impossible:
        st.caption(f"Not possible: {each.label}, because {each.reason}.")


def _card(text: str, origin: str) -> None:
    if origin == "shipped":
        st.markdown(card_body(text))
        return
    # A user's own card is foreign Markdown, which could fetch pictures: it is shown as it was typed.
    st.text("\n".join(plain_text(line, 400) for line in text[:LONGEST_USER_CARD].splitlines()))


def _job_under_way() -> None:
    """Progress of adding; once it is over, the new model is shown."""
    job = jobs.selected()
    if job is None or jobs.kind_of(job) != jobs.MODEL:
        return
    result = jobs.result_of(job)
    if result is None:
        return
    selection.choose(job="")
    _choose(result)
    st.toast(f"{safe_text(result, 60)} was added.")
    st.rerun()
