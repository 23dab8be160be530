"""Adding a model: weights or a graph with its configuration, a preview or a refusal, then a trial."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from core.models.importer import ImportPreview
from core.pipeline.models import ONNX_TEMPLATE, TEMPLATE, add_upload, preview_upload
from core.types import NamedBytes, Progress
from pages.ui import jobs, tables
from pages.ui.frame import boundary
from pages.ui.take_files import file_uploader
from pages.ui.text import safe_text

WEIGHT_TYPES = ["safetensors", "onnx"]


def size_words(size: int) -> str:
    """A file size in kilobytes or megabytes.

    >>> size_words(450), size_words(33_200_000)
    ('0.5 kB', '33.2 MB')
    """
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def form(writable: bool) -> None:
    """Two uploads and what they make together; the configuration to start from beside them."""
    upload, help_text = st.columns([3, 2], gap="large")
    with upload:
        weights = file_uploader(
            "The network", type=WEIGHT_TYPES, key="model_weights", disabled=not writable,
            help="Weights of segmentation-models-pytorch as safetensors (the network's state_dict), or one "
            "ONNX file with its weights inside. Pickled files are not taken here.",
        )  # fmt: skip
        config = file_uploader(
            "Its configuration", type=["json"], key="model_config", disabled=not writable,
            help="JSON that says what the file does not: channels, class names, activation, working size.",
        )  # fmt: skip
        _result(weights, config, writable)
    with help_text:
        _template()


def _result(weights: UploadedFile | None, config: UploadedFile | None, writable: bool) -> None:
    if weights is None or config is None:
        missing = [
            name for name, file in (("the network", weights), ("its configuration", config)) if file is None
        ]
        st.caption(
            f"Waiting for {' and '.join(missing)}. Nothing in a file is run before you have seen what it is."
        )
        return
    files = [NamedBytes(each.name, each.getvalue()) for each in (weights, config)]
    with boundary():
        found = preview_upload(*files)
        with st.container(border=True, key="model_preview"):
            _preview(found)
            st.button(
                "Add this model", type="primary", key="add_model", disabled=not writable,
                on_click=_start, args=(files, found.record.title),
            )  # fmt: skip


def _preview(found: ImportPreview) -> None:
    record = found.record
    st.markdown(
        f"**{safe_text(record.title, 90)}** (`{record.id}`): {found.format} with {found.weights:,} numbers, "
        f"{size_words(found.bytes)}. Names, shapes and fields fit together."
    )
    tables.show(
        ("Field", "Understood as"),
        [
            (
                "Takes",
                f"{', '.join(record.channels)} at {record.working_size} x {record.working_size} pixels",
            ),
            ("Names", f"{', '.join(record.class_names)} ({record.task}, {record.activation})"),
            ("Licence", record.licence),
            ("Source", record.source),
        ],
    )
    st.caption(
        "Not known: how good it is, and which patients it was trained on. Cases of its training data would "
        "flatter it."
    )


def _template() -> None:
    st.markdown("**A configuration to start from**")
    kind = st.segmented_control(
        "For", ["Weights", "ONNX graph"], default="Weights", key="template_kind", required=True
    )
    graph = kind == "ONNX graph"
    st.code(ONNX_TEMPLATE if graph else TEMPLATE, language="json", wrap_lines=True)
    st.caption(
        "channels and class_names are in the network's order, without background. activation: sigmoid for "
        "one class, softmax (background first) for several. preprocessing: mean and std per channel after "
        "the values were scaled to 0 … 1; leave it out where the network was trained without."
        + (
            " output: probabilities where the graph ends in its own activation."
            if graph
            else " decoder_channels, decoder_width and encoder_depth as smp takes them; the README lists all."
        )
    )
    st.caption(
        "From the command line also: `python -m core models add-hub OWNER/NAME --config FILE`, and "
        "`python -m core train segmenter --cohort PATH --config core/train/configs/segmenter-any.json`."
    )


def _start(files: Sequence[NamedBytes], title: str) -> None:
    weights, config = files

    def work(progress: Progress) -> str:
        return add_upload(weights, config, progress)

    key = hashlib.sha256(weights.data + config.data).hexdigest()
    jobs.start(jobs.MODEL, f"Adding {title}"[:80], work, key)
