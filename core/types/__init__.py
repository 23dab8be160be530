"""Frozen records that the stages exchange, and the shape and range of every array in them.

Arrays are ordered (channel, slice, row, column); a 2-D picture has one slice. Images are float32 in
their own unit, masks are uint8 label maps (0 = background) or bool, probabilities lie in [0, 1].
`ref` is what a person drew, `pred` what a network said. `None` = not available.
"""

from core.types.analysis import (
    Analysis,
    Classification,
    Component,
    MadeBy,
    Maps,
    Measure,
    Score,
    SliceSamples,
    SliceSummary,
    Timing,
)
from core.types.arrays import (
    BoolArray,
    FixedPoint,
    Float32Array,
    Float64Array,
    LabelArray,
    Progress,
    label_map,
)
from core.types.case import (
    Case,
    Geometry,
    Image,
    NamedBytes,
    Reference,
)
from core.types.cohort import (
    CALIBRATION_REGIONS,
    CohortItem,
    CohortRecord,
    Estimate,
    Level,
    OperatingPoint,
    Refusal,
    Region,
    RiskConventions,
    RunFailure,
    RunRecord,
    Task,
    UnitTable,
)
from core.types.listing import ListedFile, Listing, PackedIndex, Rows
from core.types.runs import WHOLE_CASE, ItemResult, Origin, UnitResult
from core.types.verdict import (
    Cause,
    Flag,
    Limits,
    Overlap,
    OverlapReport,
    RuleLimit,
    Verdict,
)

__all__ = [
    "CALIBRATION_REGIONS",
    "WHOLE_CASE",
    "Analysis",
    "BoolArray",
    "Case",
    "Cause",
    "Classification",
    "CohortItem",
    "CohortRecord",
    "Component",
    "Estimate",
    "FixedPoint",
    "Flag",
    "Float32Array",
    "Float64Array",
    "Geometry",
    "Image",
    "ItemResult",
    "LabelArray",
    "Level",
    "Limits",
    "ListedFile",
    "Listing",
    "MadeBy",
    "Maps",
    "Measure",
    "NamedBytes",
    "OperatingPoint",
    "Origin",
    "Overlap",
    "OverlapReport",
    "PackedIndex",
    "Progress",
    "Reference",
    "Refusal",
    "Region",
    "RiskConventions",
    "Rows",
    "RuleLimit",
    "RunFailure",
    "RunRecord",
    "Score",
    "SliceSamples",
    "SliceSummary",
    "Task",
    "Timing",
    "UnitResult",
    "UnitTable",
    "Verdict",
    "label_map",
]
