"""What leaves the program about a case: mask, overlay and the JSON of everything shown."""

from core.report.classes import class_json_file, class_overlay_file, class_record
from core.report.export import (
    dicom_seg_file,
    json_file,
    mask_file,
    named,
    nifti_file,
    outcome_record,
    overlay_file,
    overlay_files,
)
from core.report.results import result_files, result_record

__all__ = [
    "class_json_file",
    "class_overlay_file",
    "class_record",
    "dicom_seg_file",
    "json_file",
    "mask_file",
    "named",
    "nifti_file",
    "outcome_record",
    "overlay_file",
    "overlay_files",
    "result_files",
    "result_record",
]
