"""What the report of the quality network holds."""

from __future__ import annotations

from core.config import Frozen
from core.train.quality.maps import PlaceRow
from core.train.quality.numbers import DetectorRow, Difference, NetworkNumbers
from core.train.quality.real import KindRow, RealFailure
from core.train.quality.synthetic import FailureRow
from core.train.quality.whole import StudyTable
from core.types import Estimate


class LimitRow(Frozen):
    """A limit that leaves this share of the good slices below it, and the share of failures that it
    catches, thin ends not judged.

    failed_studies, good_studies: share of the studies with an IoU of at most 0.7, and of the others, that
    hold a slice below the limit.
    """

    share: float
    limit: float
    caught: float
    caught_with_rules: float
    false_alarms_with_rules: float
    failed_studies: float
    good_studies: float


class Evaluation(Frozen):
    """One set of patients: every detector over slices, the network's numbers, studies, and real failures.

    thin: slices that are thin ends. flawless: of the studies with an IoU above 0.7, those without any failed
    slice.
    """

    patients: int
    slices: int
    failed: int
    empty: int
    missed: int
    thin: int
    thin_failed: int
    good_studies: int
    flawless: int
    rows: tuple[DetectorRow, ...]
    differences: tuple[Difference, ...]
    network: NetworkNumbers
    studies: StudyTable
    kinds: tuple[KindRow, ...]
    failures: tuple[RealFailure, ...]
    places: tuple[PlaceRow, ...]


class QualityReport(Frozen):
    """synthetic, reference_rules, reference_network: on the references of the validation patients."""

    model: str
    networks: int
    parameters: int
    file_bytes: int
    limit: float
    limits: tuple[LimitRow, ...]
    out_of_fold: Evaluation
    validation: Evaluation
    synthetic: tuple[FailureRow, ...]
    reference_rules: Estimate
    reference_network: Estimate
