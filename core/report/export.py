"""Downloads of one analysed case. File names carry a content hash, never the name of the upload.

Streamlit's media ids sample large payloads, so equal-looking names could serve one patient's mask for
another's: a hash in the name makes every payload its own file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
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


def nifti_file(outcome: Outcome) -> NamedBytes:
    """The predicted mask as NIfTI in the geometry of the input, whatever kind of file that was."""
    from core.io import write_nifti

    return write_nifti(outcome.case, outcome.analysis.mask_pred, stem="second-look-mask")


def dicom_seg_file(
    outcome: Outcome,
    source_files: Sequence[NamedBytes],
    made: datetime,
    reference: Sequence[NamedBytes] = (),
) -> NamedBytes:
    """The predicted mask as a DICOM Segmentation object on the images in `source_files`.

    It takes over the patient and the study that these files name. made: when, with a time zone. Raises
    InputProblem when they are not the files of the case.
    """
    from core import __version__
    from core.io import SegMaker, dicom_seg

    analysis = outcome.analysis
    made_by = analysis.made_by
    algorithm = "imported prediction" if made_by.imported else made_by.config.model_id
    seg_maker = SegMaker(analysis.class_names, algorithm, __version__, made)
    mask = analysis.mask_pred
    data = dicom_seg(outcome.case, mask, source_files, seg_maker, reference=reference)
    return named("second-look-segmentation", ".dcm", data)


def overlay_files(outcome: Outcome) -> Iterator[NamedBytes]:
    """`overlay_file` of each slice with a prediction, a reference or a fired rule, in slice order."""
    flagged = {flag.slice for flag in outcome.verdict.flags}
    reference = outcome.case.reference
    for summary in outcome.analysis.slices:
        drawn = reference is not None and bool(reference.mask_ref[summary.index].any())
        if drawn or not summary.empty or summary.index in flagged:
            yield overlay_file(outcome, summary.index)


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
