"""Downloads of one analysed case. File names carry a content hash, never the name of the upload.

Streamlit's media ids sample large payloads, so equal-looking names could serve one patient's mask for
another's: a hash in the name makes every payload its own file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.types import Case, Measure, NamedBytes, Overlap, OverlapReport, Score, SliceSummary

if TYPE_CHECKING:
    from core.pipeline import Outcome

NOTICE = "Research use only. Not a medical device."

Json = dict[str, object]


def mask_file(outcome: Outcome) -> NamedBytes:
    """The predicted mask in the geometry of the input (the format follows the input's)."""
    from core.io import write_mask

    return write_mask(outcome.case, outcome.analysis.mask_pred, stem="second-look-mask")


def overlay_file(outcome: Outcome, index: int) -> NamedBytes:
    """PNG of slice `index` (from 0) with the prediction, the reference and the places of the fired rules.

    The file's name counts slices from 1, as the picture and the screen do.
    """
    from core.io import write_png
    from core.view.overlay import overlay_picture

    picture = overlay_picture(outcome.case, outcome.analysis, outcome.verdict, index)
    return named(f"second-look-overlay-slice-{index + 1}", ".png", write_png(picture))


def json_file(outcome: Outcome) -> NamedBytes:
    """The JSON of everything shown, with what made it."""
    text = json.dumps(outcome_record(outcome), indent=2, ensure_ascii=False, allow_nan=False)
    return named("second-look-case", ".json", text.encode())


def outcome_record(outcome: Outcome) -> Json:
    """Everything shown about a case as plain JSON values; undefined numbers are null, with a note."""
    analysis, made_by = outcome.analysis, outcome.analysis.made_by
    point = outcome.operating_point if outcome.verdict.operating_point else None
    return {
        "notice": NOTICE,
        "counting": "slices, rows and columns count from 0",
        "case": case_record(outcome.case),
        "model": made_by.config.model_id,
        "estimator": made_by.config.estimator.kind,
        "verdict": outcome.verdict.answer,
        "flags": [flag.model_dump(mode="json") for flag in outcome.verdict.flags],
        "empty": analysis.empty,
        "worst_slice": analysis.worst_slice,
        "scores": _values(analysis.scores),
        "places": _places(analysis.scores),
        "notes": _notes(analysis.scores),
        "metrics": _metrics_record(outcome.overlap),
        "slices": [_slice_record(each) for each in analysis.slices],
        "limits": outcome.limits.model_dump(mode="json"),
        "operating_point": point.model_dump(mode="json") if point else None,
        "profile": outcome.verdict.profile,
        "made_by": made_by.model_dump(mode="json"),
        "cached": outcome.cached,
        "seconds": round(outcome.seconds, 3),
        "key": analysis.key,
    }


def case_record(case: Case) -> Json:
    """What is known about the input; its name is the upload's file name (DICOM: a neutral one)."""
    geometry = case.image.geometry
    return {
        "id": case.id,
        "name": case.name,
        "format": case.format,
        "shape": list(case.image.values.shape),
        "spacing_mm": list(geometry.spacing_mm) if geometry.spacing_mm else None,
        "plane": geometry.plane,
        "plane_source": geometry.plane_source,
        "edges": list(geometry.edges) if geometry.edges else None,
        "channels": list(case.image.channel_names),
        "modality": case.image.modality,
        "dtype": case.image.original_dtype,
        "range": list(case.image.original_range),
        "reference": case.reference.name if case.reference else None,
        "options": case.options.model_dump(mode="json"),
        "notes": list(case.notes),
    }


def _slice_record(summary: SliceSummary) -> Json:
    return {
        "index": summary.index,
        "empty": summary.empty,
        "scores": _values(summary.scores),
        "measures": _values(summary.measures),
        "notes": _notes((*summary.scores, *summary.measures)),
        "components": [each.model_dump(mode="json") for each in summary.components],
    }


def _metrics_record(report: OverlapReport | None) -> Json | None:
    if report is None:
        return None
    return {**_overlap_record(report.whole), "slices": [_overlap_record(each) for each in report.slices]}


def _overlap_record(overlap: Overlap) -> Json:
    return overlap.model_dump(mode="json")


def _values(items: Iterable[Score | Measure]) -> Json:
    return {item.key: item.value for item in items}


def _places(scores: Iterable[Score]) -> Json:
    """Where the scores were decided that have such a place."""
    return {each.key: {"slice": each.slice, "box": each.box} for each in scores if each.box is not None}


def _notes(items: Iterable[Score | Measure]) -> Json:
    return {item.key: item.note for item in items if item.note}


def named(stem: str, suffix: str, data: bytes) -> NamedBytes:
    """A file whose name carries a hash of its content."""
    return NamedBytes(f"{stem}_{hashlib.sha256(data).hexdigest()[:16]}{suffix}", data)
