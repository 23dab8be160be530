"""What leaves the program about a result, whatever the model answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.report.classes import class_json_file, class_overlay_file, class_record
from core.report.export import Json, json_file, mask_file, outcome_record, overlay_file
from core.types import NamedBytes

if TYPE_CHECKING:
    from core.pipeline import Result


def result_record(result: Result) -> Json:
    """Everything shown about a result as plain JSON values: `outcome_record`, or `class_record`."""
    from core.pipeline import Outcome

    return outcome_record(result) if isinstance(result, Outcome) else class_record(result)


def result_files(result: Result) -> tuple[NamedBytes, ...]:
    """Every file of a result: mask, overlay of the worst slice and JSON, or overlay and JSON of a class."""
    from core.pipeline import Outcome

    if isinstance(result, Outcome):
        index = result.analysis.worst_slice or 0
        return mask_file(result), overlay_file(result, index), json_file(result)
    return class_overlay_file(result), class_json_file(result)
