"""Bytes of images and masks in, checked cases out, and masks back in the input's geometry."""

from core.io.decoded import Choices, SeriesChoice
from core.io.dicom_seg import SegMaker, dicom_seg
from core.io.inspection import CaseSummary, Inspection, Problem, inspect_files, inspect_path, inspection_json
from core.io.limits import LimitRow, Limits, limit_rows, limits_in_force
from core.io.names import display_name
from core.io.orient import axis_codes, from_source, source_affine, to_source
from core.io.paths import read_path, read_paths
from core.io.reader import READER_VERSION, read_case
from core.io.write import write_mask, write_nifti, write_png

__all__ = [
    "READER_VERSION",
    "CaseSummary",
    "Choices",
    "Inspection",
    "LimitRow",
    "Limits",
    "Problem",
    "SegMaker",
    "SeriesChoice",
    "axis_codes",
    "dicom_seg",
    "display_name",
    "from_source",
    "inspect_files",
    "inspect_path",
    "inspection_json",
    "limit_rows",
    "limits_in_force",
    "read_case",
    "read_path",
    "read_paths",
    "source_affine",
    "to_source",
    "write_mask",
    "write_nifti",
    "write_png",
]
