"""The Prompts page below its title: draw a box, see the mask follow, and what a careless hand would do."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.errors import ModelProblem
from core.inference.prompted import PromptedImage
from core.metrics.agreement.overlap import dice, jaccard
from core.models import list_models
from core.models.records import ModelRecord
from core.pipeline.prompts import JitterConfig, jitter_slice, open_prompted
from core.prompts import MIN_AREA, SliceJitter
from core.store import Store
from core.types import BoolArray, Case, Progress
from core.types.prompts import Box, box_of
from core.view.overlay import plain_picture
from core.view.words import NOT_AVAILABLE, number, percent
from pages.ui import outcomes, ready, resources, selection, tables
from pages.ui.boxer import box_view, parse_box
from pages.ui.frame import show_problem
from pages.ui.menu import OPEN_CASE
from pages.ui.text import plain_text, safe_text

BOX = "prompt_box"
"""Session key of the box that holds, with the case and slice that it belongs to."""


def show(store: Store) -> None:
    """The whole page."""
    case_id = selection.current().case
    case = outcomes.load_case(case_id) if case_id else None
    if case is None:
        st.markdown(
            "No case is selected. **Open one, or a synthetic sample**, draw a box round what you see, and "
            "watch how far the outline follows the box."
        )
        if st.button("Open a case", type="primary", key="to_open_case"):
            st.switch_page(OPEN_CASE)
        return
    answer_place = st.container(key="answer")
    record = _pick_model()
    if record is None:
        return
    index = _pick_slice(case)
    asked = _asked(store, case, record)
    if asked is None:
        return
    ref = None if case.reference is None else case.reference.mask_ref[index]
    key = f"boxer_{case.id[:12]}_{index}"
    box = _box(case, index, ref, key)
    mask = asked(index, [box])[0]
    left, right = st.columns([3, 2], gap="large")
    with left:
        box_view(
            plain_picture(case, index), box, mask, ref, key=key,
            name=f"Slice {index + 1} of {plain_text(case.name, 60)} with the box and the mask",
        )  # fmt: skip
        st.caption(
            "How to read this: orange is the box, cyan the outline that the network gives for it, white "
            "dashes the reference. A wrong box gives a wrong outline, as sharp as a right one."
        )
    with right:
        _controls(case, index, box, ref, key)
    config = JitterConfig(model_id=record.id)
    found = _jitter(asked, case, index, box, config)
    answer_place.markdown(_answer(box, mask, ref, found))
    if found is not None:
        _curve(case, index, found, ref)
    st.caption(
        f"Made by {safe_text(record.id)}, one pass per box; jitter moves every side of the box by itself, "
        f"inwards and outwards, {config.draws} draws per share, seed {config.seed}; nothing is kept in the "
        "store. Research use only."
    )


def _pick_model() -> ModelRecord | None:
    records = {each.id: each for each in list_models() if each.prompt is not None}
    if not records:
        st.warning("No installed model answers to a box.")
        return None
    if len(records) == 1:
        return next(iter(records.values()))
    picked = st.selectbox(
        "Model", list(records), format_func=lambda each: plain_text(records[each].title), key="prompt_model",
        help="Networks that answer to a box.",
    )  # fmt: skip
    return records[picked]


def _pick_slice(case: Case) -> int:
    total = case.image.slices
    if total == 1:
        return 0
    first = total // 2
    if case.reference is not None and case.reference.mask_ref.any():
        first = int(case.reference.mask_ref.sum(axis=(1, 2)).argmax())
    shown = st.slider(
        "Slice", 1, total, first + 1, key=f"prompt_slice_{case.id[:12]}",
        help="Each slice has its own box, as this network sees one slice at a time.",
    )  # fmt: skip
    return int(shown) - 1


def _asked(store: Store, case: Case, record: ModelRecord) -> PromptedImage | None:
    """The case ready to be asked about; None, with the reason, where the model cannot see it."""
    try:
        return _opened(case.id, record.id, outcomes.deletions(), store, case)
    except ModelProblem as problem:
        show_problem(problem)
        return None


@st.cache_resource(max_entries=4, show_spinner="Opening the network", scope=resources.SCOPE)
def _opened(case_id: str, model_id: str, deletions: int, _store: Store, _case: Case) -> PromptedImage:
    return open_prompted(_store, _case, model_id)


def _box(case: Case, index: int, ref: BoolArray | None, key: str) -> Box:
    """The box that holds: as typed or set by a button, as drawn, else from the reference, else the middle."""
    shape = case.image.slice_shape
    held: dict[str, Box] = st.session_state.setdefault(BOX, {})
    drawn = parse_box(_reported(key), shape)
    if drawn is not None and drawn != st.session_state.get(f"{key}_seen"):
        st.session_state[f"{key}_seen"] = drawn
        held[key] = drawn
    if key not in held:
        held[key] = _reference_box(ref) or _middle(shape)
    return held[key]


def _reported(key: str) -> object:
    state = st.session_state.get(key)
    return None if state is None else state.get("box")


def _reference_box(ref: BoolArray | None) -> Box | None:
    return None if ref is None or ref.sum() < MIN_AREA else box_of(ref)


def _middle(shape: tuple[int, int]) -> Box:
    rows, columns = shape
    return Box(rows * 3 // 8, columns * 3 // 8, max(rows * 5 // 8, 1), max(columns * 5 // 8, 1))


def _controls(case: Case, index: int, box: Box, ref: BoolArray | None, key: str) -> None:
    """The box in numbers, for those who do not draw, and the reference's own box."""
    rows, columns = case.image.slice_shape
    st.markdown("**The box in numbers** (pixels, from 1)")
    one, two = st.columns(2)
    ends = (
        ("Top", box.top + 1, 1, box.bottom, one),
        ("Bottom", box.bottom, box.top + 1, rows, two),
        ("Left", box.left + 1, 1, box.right, one),
        ("Right", box.right, box.left + 1, columns, two),
    )
    typed = [
        place.number_input(
            name, low, high, value, key=f"{key}_{name}_{value}_{low}_{high}",
            help="Row or column of this side of the box.",
        )
        for name, value, low, high, place in ends
    ]  # fmt: skip
    wanted = Box(int(typed[0]) - 1, int(typed[2]) - 1, int(typed[1]), int(typed[3]))
    if wanted != box:
        _set(key, wanted)
        st.rerun()
    own = _reference_box(ref)
    st.button(
        "Box from the reference", key=f"{key}_own", disabled=own is None or own == box, on_click=_set,
        args=(key, own), help="The smallest box round what the reference shows on this slice.",
    )  # fmt: skip


def _set(key: str, box: Box) -> None:
    st.session_state.setdefault(BOX, {})[key] = box


def _jitter(
    asked: PromptedImage, case: Case, index: int, box: Box, config: JitterConfig
) -> tuple[SliceJitter, ...] | None:
    def work(progress: Progress) -> tuple[SliceJitter, ...]:
        progress(0.0, "Moving the box")
        return jitter_slice(asked, case, index, box, box, config)

    key = (case.id, index, box, config.model_dump_json(), outcomes.deletions())
    return ready.ready("jitter", "Moving the box at random", key, work)


def _answer(box: Box, mask: BoolArray, ref: BoolArray | None, found: tuple[SliceJitter, ...] | None) -> str:
    area = f"The outline covers {int(mask.sum())} pixels"
    if ref is not None:
        area += f", Dice **{number(dice(mask, ref))}**, Jaccard {number(jaccard(mask, ref))}"
    if found is None:
        return f"{area}."
    worst = found[-1]
    agree = f"the outlines of {len(worst.masks)} boxes agree by **{number(worst.agreement)}** (pairwise Dice)"
    spread = ""
    if worst.dice.size > 1:
        spread = f"; Dice {number(float(worst.dice.mean()))} ± {number(float(worst.dice.std(ddof=1)))}"
    return f"{area}. With every side off by up to {percent(worst.share)}, {agree}{spread}."


def _curve(case: Case, index: int, found: tuple[SliceJitter, ...], ref: BoolArray | None) -> None:
    st.header("If the box were drawn again")
    rows = [
        (
            percent(each.share), str(len(each.masks)), _spread(each.iou), _spread(each.dice),
            NOT_AVAILABLE if each.agreement is None else number(each.agreement),
        )
        for each in found
    ]  # fmt: skip
    tables.show(("Jitter of each side", "Boxes", "IoU", "Dice", "Agreement of the outlines"), rows)
    st.caption(
        "Mean ± standard deviation over the draws. Agreement needs no reference: it is a confidence. "
        + ("" if ref is not None else "There is no reference here, so there is no IoU and no Dice. ")
        + "The jitter is uniform; a hand is not."
    )
    files = [
        {
            "slice": index + 1, "share": each.share, "draw": draw, "prompt": prompt.text,
            "iou": float(each.iou[draw]) if each.iou.size else None,
            "dice": float(each.dice[draw]) if each.dice.size else None, "agreement": each.agreement,
        }
        for each in found
        for draw, prompt in enumerate(each.prompts)
    ]  # fmt: skip
    with st.expander("Numbers to take along", key="prompt_numbers"):
        tables.downloads(f"jitter-{case.id[:8]}-{index + 1}", {"draws": files}, files)


def _spread(values: np.ndarray) -> str:
    if not values.size:
        return NOT_AVAILABLE
    spread = f" ± {number(float(values.std(ddof=1)))}" if values.size > 1 else ""
    return f"{number(float(values.mean()))}{spread}"
