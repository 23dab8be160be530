"""What is chosen in the Stress lab: corruption, severity, and under "More" model, seed and a second step.

Every choice lives in the address, so that a link, a reload and a visit to another page bring it back.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.config import AnalysisConfig, CorruptionStep, EstimatorConfig
from core.corruptions import CORRUPTIONS, GROUPS, CorruptionSpec, applicable, corruption_spec, refusal
from core.inference import possible_estimators
from core.models import OnnxArchitecture, list_models, promptless
from core.models.records import ModelRecord
from core.pipeline import maker
from core.pipeline.lab import (
    DEFAULT_LOSS,
    MOST_SLICES,
    PREVIEW_SEVERITY,
    SEVERITIES,
    WINDOW_SLICES,
    default_corruption,
    previews,
    step_config,
    window_of,
)
from core.pipeline.stress import modality_of
from core.store import Store
from core.types import Case
from core.view.thumbnails import thumbnail
from pages.ui import outcomes, ready, resources, selection
from pages.ui.pickers import fits
from pages.ui.text import plain_text, safe_text

NONE = "none"
START = 2.0
BY_ROW = 6


@dataclass(frozen=True, eq=False)
class Choices:
    """What the page asks for.

    whole: the selected case. case: it, or the window of its slices that is looked at. config: model and
    estimator, without a corruption. compared: another model, None for none. loss: how far Dice may fall
    before the quality counts as lost.
    """

    whole: Case
    case: Case
    spec: CorruptionSpec
    severity: float
    seed: int
    second: CorruptionStep | None
    config: AnalysisConfig
    compared: AnalysisConfig | None
    loss: float

    def at(self, severity: float, config: AnalysisConfig | None = None) -> AnalysisConfig:
        """The settings at another severity, of the chosen model unless another one is given."""
        return step_config(config or self.config, self.spec.key, severity, seed=self.seed, second=self.second)

    @property
    def windowed(self) -> bool:
        """Whether only a part of the study is looked at."""
        return self.case is not self.whole


def choose(store: Store, case: Case) -> Choices | None:
    """The choices as they stand on the page; None, with the reason, without a model."""
    records = [each for each in promptless(list_models()) if fits(case, each)]
    if not records:
        st.warning("No installed model can answer for this case.")
        return None
    controls = st.container()
    with st.expander("More: model, seed, a second corruption, when a quality counts as lost", key="lab_more"):
        record, config = _model(records, case)
        modality = modality_of(case, record.modality)
        possible = [each for each in applicable(case.image, modality) if _can(each, record)]
        seed, loss = _seed_and_loss(case)
        second = _second(possible)
        compared = _compared(records, record)
        part = _part(case)
    with controls:
        spec, severity = _corruption(possible)
    _gallery(part, possible, modality, record)
    return Choices(case, part, spec, severity, seed, second, config, compared, loss)


def point_id(store: Store, choices: Choices) -> str | None:
    """Of the operating point that judges the confidence, None where the fixed limit does."""
    kind, model = choices.config.estimator.kind, choices.config.model_id
    found = store.active_operating_point(model, kind)
    return None if found is None else found.id


def _corruption(possible: list[CorruptionSpec]) -> tuple[CorruptionSpec, float]:
    left, right = st.columns([2, 3], gap="large")
    keys = [spec.key for spec in possible]
    # The words of an option stand in the address, so they are short and differ from each other.
    labels = {spec.key: spec.label for spec in possible}
    with left:
        key = st.selectbox(
            "Corruption", keys, index=keys.index(default_corruption(possible)), format_func=labels.get,
            key="corruption", bind="query-params", persist_state="session",
            help="What happens to the picture before the model sees it. One draw of noise, place and angle "
            "serves all severities, so that only the strength changes.",
        )  # fmt: skip
        spec = corruption_spec(key)
        st.caption(f"{GROUPS[spec.group]}. {spec.imitates} Levels from: {spec.source}.")
    with right:
        severity = st.select_slider(
            "Severity", SEVERITIES, START, key="severity", bind="query-params", persist_state="session",
            format_func=lambda value: f"{value:g}",
            help="0 is the picture as it is, 5 the worst level of the suite. The arrow keys move it by half "
            "a level. Severities of different corruptions are not comparable.",
        )  # fmt: skip
        st.caption(f"At {severity:g}: {spec.text_at(severity)}.")
    if spec.adversarial:
        st.warning(
            "A worst case against this model, not physics: no scanner makes this change. It bounds what a "
            "change of that size can do."
        )
    return spec, severity


def _model(records: list[ModelRecord], case: Case) -> tuple[ModelRecord, AnalysisConfig]:
    by_id = {each.id: each for each in records}
    analysed = outcomes.load_result(selection.current().analysis) if selection.current().analysis else None
    before = (
        maker(analysed).config if analysed is not None and analysed.case.id == case.id else AnalysisConfig()
    )
    ids = list(by_id)
    left, right = st.columns(2)
    model = left.selectbox(
        "Model", ids, index=ids.index(before.model_id) if before.model_id in ids else 0,
        format_func=lambda each: plain_text(by_id[each].title), key="lab_model", bind="query-params",
        persist_state="session", help="The network that is asked about the corrupted picture.",
    )  # fmt: skip
    specs = {each.key: each for each in possible_estimators(by_id[model])}
    kinds = list(specs)
    kind = right.selectbox(
        "How to judge its certainty", kinds,
        index=kinds.index(before.estimator.kind) if before.estimator.kind in kinds else 0,
        format_func=lambda each: specs[each].label, key="lab_estimator", bind="query-params",
        persist_state="session", help="Certainty is judged from how much several predictions agree.",
    )  # fmt: skip
    return by_id[model], AnalysisConfig(model_id=model, estimator=EstimatorConfig(kind=kind))


def _seed_and_loss(case: Case) -> tuple[int, float]:
    left, right = st.columns(2)
    seed = left.number_input(
        "Seed of the corruption", 0, 2**31 - 1, 0, key="lab_seed", bind="query-params",
        persist_state="session", help="Another seed draws another noise, place and angle.",
    )  # fmt: skip
    loss = right.number_input(
        "Quality counts as lost when Dice falls by more than", 0.01, 1.0, DEFAULT_LOSS, 0.05, key="lab_loss",
        bind="query-params", persist_state="session", disabled=case.reference is None,
        help="Below the Dice of the clean picture. Without a reference mask a loss cannot be told.",
    )  # fmt: skip
    return int(seed), float(loss)


def _second(possible: list[CorruptionSpec]) -> CorruptionStep | None:
    left, right = st.columns(2)
    keys = [NONE, *(spec.key for spec in possible)]
    key = left.selectbox(
        "A second corruption after it", keys,
        format_func=lambda each: "None" if each == NONE else corruption_spec(each).label, key="second",
        bind="query-params", persist_state="session", help="Applied to what the first one left.",
    )  # fmt: skip
    severity = right.select_slider(
        "Severity of the second", SEVERITIES, START, key="second_severity", bind="query-params",
        persist_state="session", disabled=key == NONE, format_func=lambda value: f"{value:g}",
        help="Stays as it is while the first one is dragged.",
    )  # fmt: skip
    return None if key == NONE else CorruptionStep(key=key, severity=severity)


def _compared(records: list[ModelRecord], own: ModelRecord) -> AnalysisConfig | None:
    others = {each.id: each for each in records if each.id != own.id and each.task == own.task}
    key = st.selectbox(
        "Compare with", [NONE, *others], key="compared", bind="query-params", persist_state="session",
        format_func=lambda each: "No other model" if each == NONE else plain_text(others[each].title),
        help="Another model on the same corrupted picture, with the first estimator that it can do.",
    )  # fmt: skip
    if key == NONE:
        return None
    kind = possible_estimators(others[key])[0].key
    return AnalysisConfig(model_id=key, estimator=EstimatorConfig(kind=kind))


def _part(case: Case) -> Case:
    """The whole study, or the slices around its middle where it is large."""
    total = case.image.slices
    if total <= MOST_SLICES:
        return case
    whole = st.toggle(
        f"All {total} slices (slow)", key="lab_whole", bind="query-params", persist_state="session",
        help=f"Otherwise {WINDOW_SLICES} neighbouring slices are taken as a study of their own.",
    )  # fmt: skip
    if whole:
        return case
    centre = st.slider(
        "Around slice", 1, total, _centre(case) + 1, key=f"lab_centre_{case.id[:12]}",
        help="The middle of the slices that are looked at.",
    )  # fmt: skip
    return _window(case, centre - 1)


def _centre(case: Case) -> int:
    """The slice with most of the reference, else the middle one."""
    if case.reference is None or not case.reference.mask_ref.any():
        return case.image.slices // 2
    return int(case.reference.mask_ref.sum(axis=(1, 2)).argmax())


@st.cache_resource(max_entries=4, show_spinner=False, scope=resources.SCOPE)
def _kept_window(case_id: str, centre: int, deletions: int, _case: Case) -> Case:
    return window_of(_case, centre)


def _window(case: Case, centre: int) -> Case:
    # Kept, because what severities share belongs to one array.
    return _kept_window(case.id, centre, outcomes.deletions(), case)


def _can(spec: CorruptionSpec, record: ModelRecord) -> bool:
    return not (spec.adversarial and isinstance(record.architecture, OnnxArchitecture))


def _gallery(case: Case, possible: list[CorruptionSpec], modality: str | None, record: ModelRecord) -> None:
    """Small pictures at severity 3; a click chooses. What makes no sense is listed with its reason."""
    menu = st.expander(
        f"All corruptions in pictures, at severity {PREVIEW_SEVERITY:g}", key="gallery", on_change="rerun"
    )
    if not menu.open:
        return
    with menu:
        pictures = ready.ready(
            "lab gallery", "Drawing the previews", (case.id, modality, outcomes.deletions()),
            lambda progress: _drawn(case, modality),
        )  # fmt: skip
        if pictures is not None:
            specs = [spec for spec in possible if spec.key in pictures]
            for first in range(0, len(specs), BY_ROW):
                for column, spec in zip(st.columns(BY_ROW), specs[first : first + BY_ROW], strict=False):
                    with column:
                        st.image(pictures[spec.key], width="stretch")
                        st.button(
                            spec.label, key=f"take_{spec.key}", on_click=_take, args=(spec.key,),
                            width="stretch", help=f"{spec.imitates} {spec.example}",
                        )  # fmt: skip
        _left_out(case, modality, record)


def _drawn(case: Case, modality: str | None) -> dict[str, bytes]:
    made = previews(case, _centre(case), modality)
    return {key: thumbnail(image, made[""]) for key, image in made.items()}


def _left_out(case: Case, modality: str | None, record: ModelRecord) -> None:
    reasons: dict[str, list[str]] = {}
    for spec in CORRUPTIONS:
        reason = refusal(spec, case.image, modality)
        if reason is None and not _can(spec, record):
            reason = "the model is an ONNX graph, which has no gradients"
        if reason is not None:
            reasons.setdefault(reason, []).append(spec.label)
    for reason, labels in reasons.items():
        st.caption(f"Not offered, because {safe_text(reason)}: {', '.join(labels)}.")


def _take(key: str) -> None:
    st.session_state["corruption"] = key
