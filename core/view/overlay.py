"""One slice as a picture to keep: image, layers, letters and a legend, in the colours of the viewer."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.types import Analysis, BoolArray, Case, Cause, Classification, Flag, Verdict
from core.view import theme
from core.view.bag_payload import most_attended
from core.view.layers import Layer, class_layers_of, layers_of, maps_of
from core.view.strokes import Picture, draw_chip, draw_outline, fill, hatched, widened, write
from core.view.volume import eight_bits
from core.view.windows import COLOUR, first_channel, first_window, to_grey
from core.view.words import number

LONG_SIDE = 640
"""The longer side of a small picture is enlarged to about this, so that lines do not hide the tissue."""
NOTICE = "Second Look: a research tool, not a medical device"

_RULE_STEP = 5
_LEGEND_ROW = 26
_CHIP_STEP = 22


def plain_picture(case: Case, index: int, *, channel: int | None = None) -> Picture:
    """RGB (row, column, 3) of slice `index` (from 0) at its own size, in its first window.

    channel: None = the one that the viewer shows first, -1 = all three as colours.
    """
    chosen = first_channel(case.image.channel_names) if channel is None else channel
    values = case.image.values
    shown = (0, 1, 2) if chosen == COLOUR else (chosen, chosen, chosen)
    windows = {c: first_window(values[c]) for c in set(shown)}
    return np.stack([to_grey(values[c, index], windows[c]) for c in shown], axis=-1)


def overlay_picture(
    case: Case,
    analysis: Analysis,
    verdict: Verdict,
    index: int,
    *,
    layers: Collection[str] | None = None,
    channel: int | None = None,
    map_key: str = "predictive_entropy",
) -> Picture:
    """RGB (row, column, 3) of slice `index` (from 0) with layers, letters, and a legend below.

    layers: ids of `core.view.layers.layers_of`; None = prediction, reference and the fired rules.
    The slice is enlarged by spacing, so that a millimetre is as long down as across.
    """
    small = plain_picture(case, index, channel=channel)
    picture = np.asarray(cv2.resize(small, _size(case), interpolation=cv2.INTER_LINEAR), np.uint8)
    flags = [flag for flag in verdict.flags if flag.slice in (None, index)]
    shown = _shown(layers_of(case, analysis, verdict), layers, {flag.cause for flag in flags})
    held = {spec.key: values for spec, values in maps_of(analysis.maps)}
    if map_key in held:
        _draw_map(picture, held[map_key].codes[index], shown)
    mask_pred = analysis.mask_pred[index] > 0
    mask_ref = None if case.reference is None else _enlarged(case.reference.mask_ref[index], picture)
    _draw_masks(picture, _enlarged(mask_pred, picture), mask_ref, shown)
    _draw_rules(picture, mask_pred, flags, [each for each in shown if each.kind == "rule"])
    return _with_legend(picture, shown, f"slice {index + 1} of {case.image.slices}")


def class_picture(case: Case, found: Classification, verdict: Verdict) -> Picture:
    """RGB (row, column, 3) of a classified picture with what the decision rests on, and a legend below.

    Of a volume the slice with most attention in the slab that decides.
    """
    index = most_attended(found) or 0
    small = plain_picture(case, index)
    picture = np.asarray(cv2.resize(small, _size(case), interpolation=cv2.INTER_LINEAR), np.uint8)
    shown = class_layers_of(found, verdict)
    if found.saliency is not None:
        _draw_map(picture, found.saliency.codes[0], shown)
    for layer in shown:
        if layer.kind == "rule":
            _draw_frame(picture, layer)
    given = zip(found.class_names, found.prob, strict=True)
    words = ", ".join(f"{name} {number(p)}" for name, p in given if name in found.predicted)
    # The font of the legend has ASCII letters only.
    plain = (words or "no finding").encode("ascii", "replace").decode("ascii")
    where = f"slice {index + 1} of {case.image.slices}; " if found.bags else ""
    return _with_legend(picture, shown, f"{where}given: {plain}", columns=1)


def _shown(known: tuple[Layer, ...], chosen: Collection[str] | None, fired: set[Cause]) -> list[Layer]:
    """The chosen layers; a rule's only where it fired on this slice."""
    wanted = {"prediction", "reference", *fired} if chosen is None else chosen
    return [each for each in known if each.id in wanted and (each.kind != "rule" or each.id in fired)]


def _size(case: Case) -> tuple[int, int]:
    """(width, height) of the enlarged slice."""
    rows, columns = case.image.slice_shape
    spacing = case.image.geometry.spacing_mm or (1.0, 1.0, 1.0)
    unit = min(spacing[1], spacing[2])
    height, width = rows * spacing[1] / unit, columns * spacing[2] / unit
    factor = max(1.0, LONG_SIDE / max(height, width))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _enlarged(mask: NDArray[np.bool_], picture: Picture) -> BoolArray:
    """The mask at the size of the picture."""
    size = picture.shape[1::-1]
    return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0)


def _draw_map(picture: Picture, values: NDArray[np.uint16], shown: Sequence[Layer]) -> None:
    """Lay a map's 16-bit codes (row, column) over the picture where its layer is shown."""
    if not any(each.kind == "uncertainty" for each in shown):
        return
    codes = eight_bits(values)
    large = cv2.resize(codes, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    visible = large >= theme.MAP_HIDDEN_SHARE * 255
    colours = theme.uncertainty_colours()[large]
    picture[visible] = np.rint(picture[visible] * 0.35 + colours[visible] * 0.65).astype(np.uint8)


def _draw_masks(
    picture: Picture, mask_pred: BoolArray, mask_ref: BoolArray | None, shown: list[Layer]
) -> None:
    ids = {each.id for each in shown}
    if "errors" in ids and mask_ref is not None:
        fill(picture, mask_pred & ~mask_ref, theme.rgb(theme.FALSE_POSITIVE), 0.6)
        missed = mask_ref & ~mask_pred & hatched(picture.shape[:2])
        fill(picture, missed, theme.rgb(theme.FALSE_NEGATIVE), 0.9)
    if "prediction" in ids:
        fill(picture, mask_pred, theme.rgb(theme.PREDICTION), 0.15)
        draw_outline(picture, mask_pred, theme.rgb(theme.PREDICTION), "solid")
    if "reference" in ids and mask_ref is not None:
        draw_outline(picture, mask_ref, theme.rgb(theme.REFERENCE), "dashed")


def _draw_rules(picture: Picture, mask: BoolArray, flags: list[Flag], rules: list[Layer]) -> None:
    """Each rule's line runs a step further out than the one before, so that none hides another."""
    labels = np.asarray(cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[1], np.int32)
    letters: dict[int, list[Layer]] = {}
    rank = 0
    for layer in rules:
        mine = [flag for flag in flags if flag.cause == layer.id]
        if layer.line in ("frame", "hatch-frame"):
            _draw_frame(picture, layer)
        elif blobs := sorted({blob for flag in mine for blob in _blobs(labels, flag)}):
            rank += 1
            chosen = widened(_enlarged(np.isin(labels, blobs), picture), rank * _RULE_STEP)
            draw_outline(picture, chosen, theme.rgb(layer.colour), layer.line)
            for blob in blobs:
                letters.setdefault(blob, []).append(layer)
    for blob, layers in letters.items():
        top, _, _, right = _box(_enlarged(labels == blob, picture))
        _draw_letters(picture, layers, (right + rank * _RULE_STEP + 4, top - rank * _RULE_STEP - 22))


def _blobs(labels: NDArray[np.int32], flag: Flag) -> list[int]:
    """Labels of the blobs that a flag's box holds: the one that fills it, else all inside it."""
    boxes = {label: _box(labels == label) for label in range(1, int(labels.max(initial=0)) + 1)}
    if flag.box is None:
        return list(boxes)
    top, left, bottom, right = flag.box
    same = [label for label, box in boxes.items() if box == flag.box]
    return same or [
        label
        for label, box in boxes.items()
        if box[0] >= top and box[1] >= left and box[2] <= bottom and box[3] <= right
    ]


def _box(mask: BoolArray) -> tuple[int, int, int, int]:
    left, top, wide, high = cv2.boundingRect(mask.astype(np.uint8))
    return top, left, top + high, left + wide


def _draw_frame(picture: Picture, layer: Layer) -> None:
    width = 5 if layer.line == "frame" else 12
    band = np.ones(picture.shape[:2], np.bool_)
    band[width:-width, width:-width] = False
    stripes = band if layer.line == "frame" else band & hatched(picture.shape[:2])
    fill(picture, stripes, theme.rgb(layer.colour), 1.0)
    _draw_letters(picture, [layer], (width + 4, width + 4))


def _draw_letters(picture: Picture, layers: list[Layer], corner: tuple[int, int]) -> None:
    """Chips side by side from (left, top) on, the whole row kept inside the picture."""
    left = min(corner[0], picture.shape[1] - _CHIP_STEP * len(layers))
    for place, layer in enumerate(layers):
        fill_colour, ink = next(mark for mark in theme.MARKS if mark.cause == layer.id).chip("dark")
        at = (left + place * _CHIP_STEP, corner[1])
        draw_chip(picture, layer.letter, at, theme.rgb(fill_colour), theme.rgb(ink))


def _with_legend(picture: Picture, shown: Sequence[Layer], where: str, columns: int = 2) -> Picture:
    rows = -(-max(1, len(shown)) // columns) + 1
    ground = np.array(theme.rgb(theme.VIEWER_GROUND), np.uint8)
    wide = max(picture.shape[1], 420)
    sheet = np.tile(ground, (picture.shape[0] + rows * _LEGEND_ROW + 10, wide, 1))
    sheet[: picture.shape[0], : picture.shape[1]] = picture
    for place, layer in enumerate(shown):
        left = 12 + (place % columns) * (wide // columns)
        middle = picture.shape[0] + (place // columns) * _LEGEND_ROW + 18
        _draw_swatch(sheet, layer, left, middle)
        words = "Errors: amber false positive, hatch missed" if layer.kind == "errors" else layer.label
        write(sheet, words, (left + 62, middle + 5))
    write(sheet, f"{where}. {NOTICE}", (12, sheet.shape[0] - 12), 0.4)
    return sheet


def _draw_swatch(sheet: Picture, layer: Layer, left: int, middle: int) -> None:
    if layer.kind == "uncertainty":
        sheet[middle - 6 : middle + 6, left : left + 32] = theme.uncertainty_colours()[::8]
    elif layer.kind == "errors":
        box = sheet[middle - 6 : middle + 6, left : left + 32]
        box[:, :16] = theme.rgb(theme.FALSE_POSITIVE)
        box[:, 18:][hatched((12, 14))] = theme.rgb(theme.FALSE_NEGATIVE)
    else:
        line = np.zeros(sheet.shape[:2], np.bool_)
        line[middle - 5 : middle + 6, left : left + 32] = True
        draw_outline(sheet, line, theme.rgb(layer.colour), layer.line, 1)
    if layer.letter:
        _draw_letters(sheet, [layer], (left + 37, middle - 10))
