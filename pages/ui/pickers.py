"""Choices that make an analysis: model, estimator, and under "More" what seldom matters."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.config import AnalysisConfig, EstimatorConfig
from core.inference import ESTIMATORS, EstimatorSpec, possible_estimators
from core.models import every_model, promptless
from core.models.mil_records import BagRecord
from core.models.preprocess import CONTRASTS
from core.models.records import ModelRecord
from core.pipeline import guess_channels
from core.pipeline.bags import FEWEST_SLICES
from core.types import Case
from core.view.words import count
from pages.ui.labels import kind_label
from pages.ui.text import plain_text, safe_text

DEVICES = {"auto": "Automatic", "cpu": "Processor (CPU)", "cuda": "Graphics card (CUDA)"}
BACKENDS = {"auto": "Automatic", "onnxruntime": "ONNX Runtime (fast)", "torch": "PyTorch (reference)"}
PRECISIONS = {"float32": "Single (default)", "mixed": "Mixed (faster on a graphics card)"}


def pick_analysis(case: Case) -> AnalysisConfig | None:
    """Settings of an analysis of `case` as chosen on the page; None, with the reason, without a model."""
    records = promptless(every_model())
    if not records:
        st.warning("No model is installed. The About page says where models are kept.")
        return None
    fitting = [record for record in records if fits(case, record)]
    if not fitting:
        st.warning(f"No installed model can answer for this case. {_left_out_words(case, records)}")
        return None
    record = _pick_model(fitting)
    left_out = [each for each in records if each not in fitting]
    if left_out:
        st.caption(_left_out_words(case, left_out))
    spec = _pick_estimator(record)
    with st.popover("More: samples, seed, channels, device", key="more", width="stretch"):
        estimator = _pick_sampling(spec)
        channels = _pick_channels(case, record)
        rest = _pick_machine() | _pick_contrast(record)
    st.caption(_channel_words(case, record, channels))
    return AnalysisConfig(model_id=record.id, estimator=estimator, channels=channels, **rest)


def fits(case: Case, record: ModelRecord) -> bool:
    """Whether a model can answer for a case: a classifier judges single pictures, a bag model volumes."""
    if isinstance(record, BagRecord):
        return case.image.slices >= FEWEST_SLICES
    return record.task == "segmentation" or case.image.slices == 1


def _left_out_words(case: Case, left_out: Sequence[ModelRecord]) -> str:
    names = ", ".join(safe_text(record.title, 60) for record in left_out)
    takes = (
        "Judging slabs takes a volume" if case.image.slices == 1 else "Naming a class takes a single picture"
    )
    return f"Not offered: {names}. {takes}, and this case has {count(case.image.slices, 'slice')}."


def _pick_model(records: Sequence[ModelRecord]) -> ModelRecord:
    ids = [record.id for record in records]
    by_id = dict(zip(ids, records, strict=True))
    preferred = AnalysisConfig().model_id
    chosen = st.selectbox(
        "Model",
        ids,
        index=ids.index(preferred) if preferred in ids else 0,
        format_func=lambda each: f"{kind_label(by_id[each])}: {plain_text(by_id[each].title)}",
        key="model",
        help="The network that outlines a lesion or names a class. The About page says what each was "
        "trained on.",
        bind="query-params",
        persist_state="session",
    )
    record = by_id[chosen]
    st.caption(safe_text(record.description, 240))
    return record


def _pick_estimator(record: ModelRecord) -> EstimatorSpec:
    specs = {spec.key: spec for spec in possible_estimators(record)}
    kinds = list(specs)
    preferred = EstimatorConfig().kind
    chosen = st.selectbox(
        "How to judge its certainty",
        kinds,
        index=kinds.index(preferred) if preferred in kinds else 0,
        format_func=lambda each: specs[each].label,
        key="estimator",
        help="Certainty is judged from how much several predictions of the same case agree.",
        bind="query-params",
        persist_state="session",
    )
    left_out = [spec.label for spec in ESTIMATORS if spec.key not in specs]
    st.caption(specs[chosen].help)
    if left_out:
        st.caption(f"Not possible with this model: {', '.join(left_out)}.")
    return specs[chosen]


def _pick_sampling(spec: EstimatorSpec) -> EstimatorConfig:
    left, right = st.columns(2)
    reason = "" if spec.dropout else " Only used by the estimators with dropout."
    samples = left.number_input(
        "Samples per network", 2, 200, EstimatorConfig().samples, key="samples", disabled=not spec.dropout,
        help="How many random predictions each network makes. More is slower and steadier." + reason,
        bind="query-params", persist_state="session",
    )  # fmt: skip
    seed = right.number_input(
        "Seed", 0, 2**31 - 1, EstimatorConfig().seed, key="seed", disabled=not spec.dropout,
        help="The same seed gives the same numbers again." + reason,
        bind="query-params", persist_state="session",
    )  # fmt: skip
    if not spec.dropout:
        return EstimatorConfig(kind=spec.key)
    return EstimatorConfig(kind=spec.key, samples=samples, seed=seed)


def _pick_channels(case: Case, record: ModelRecord) -> tuple[int, ...] | None:
    names = case.image.channel_names
    guessed = guess_channels(len(names), record.channels)
    if len(names) == 1:
        return None
    st.markdown("**Which channel is which**")
    columns = st.columns(len(record.channels))
    picked = tuple(
        column.selectbox(
            f"{wanted} comes from",
            range(len(names)),
            index=guess,
            format_func=lambda each: f"{each + 1}: {plain_text(names[each], 40)}",
            key=f"channel_{record.id}_{case.id[:12]}_{position}",
        )
        for position, (column, wanted, guess) in enumerate(
            zip(columns, record.channels, guessed, strict=True)
        )
    )
    return None if picked == guessed else picked


def _channel_words(case: Case, record: ModelRecord, channels: tuple[int, ...] | None) -> str:
    names = case.image.channel_names
    if len(names) == 1:
        fed = len(record.channels)
        into = "the one input" if fed == 1 else f"all {fed} inputs"
        return f"The one channel of the case feeds {into} of the model."
    fed = channels or guess_channels(len(names), record.channels)
    pairs = [f"{wanted} from {at + 1} {names[at]}" for wanted, at in zip(record.channels, fed, strict=True)]
    how = "guessed; change it under More" if channels is None else "chosen by you"
    return safe_text(f"Channels: {', '.join(pairs)} ({how}).", 300)


def _pick_contrast(record: ModelRecord) -> dict[str, str | None]:
    """Contrast of a classified picture; masks are drawn on what the networks were trained on."""
    if record.task == "segmentation":
        return {}
    trained = record.preprocessing.contrast
    words = {key: f"{label}{' (as trained)' if key == trained else ''}" for key, label in CONTRASTS.items()}
    chosen = st.selectbox(
        "Contrast", list(words), index=list(words).index(trained), format_func=words.get,
        key=f"contrast_{record.id}",
        help="How the contrast is changed before the network sees the picture. Any other than the one it was "
        "trained with is named beside the result.",
    )  # fmt: skip
    return {"contrast": None if chosen == trained else chosen}


def _pick_machine() -> dict[str, str]:
    left, middle, right = st.columns(3)
    return {
        "device": left.selectbox(
            "Device", DEVICES, format_func=DEVICES.get, key="device", persist_state="session",
            help="Automatic takes a graphics card when there is one.",
        ),
        "backend": middle.selectbox(
            "Backend", BACKENDS, format_func=BACKENDS.get, key="backend", persist_state="session",
            help="Which library runs the network. How far they differ is shown with the result.",
        ),
        "precision": right.selectbox(
            "Precision", PRECISIONS, format_func=PRECISIONS.get, key="precision", persist_state="session",
            help="Mixed precision changes the numbers slightly and is named beside the result.",
        ),
    }  # fmt: skip
