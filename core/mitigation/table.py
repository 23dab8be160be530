"""The table of mitigations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.errors import SettingsProblem

Kind = Literal["estimator", "contrast", "mask", "deferral", "calibration"]
COVERAGE = 0.8


@dataclass(frozen=True)
class MitigationSpec:
    """One row: what is done, which number it is to better, and what it costs.

    kind: "estimator" and "contrast" ask the networks again; "mask" changes the mask; "deferral" leaves cases
    to a reviewer; "calibration" changes probabilities. choice: of the settings, for the first two kinds.
    """

    key: str
    label: str
    kind: Kind
    help: str
    choice: str = ""

    @property
    def better(self) -> str:
        """The number that it is judged by."""
        return "ECE" if self.kind == "calibration" else "Dice"


MITIGATIONS: tuple[MitigationSpec, ...] = (
    MitigationSpec(
        "mc_dropout", "Monte-Carlo dropout, mean", "estimator",
        "The mean of 20 predictions with dropout in place of one without.", "mc-dropout",
    ),
    MitigationSpec(
        "tta", "Turned and mirrored, mean", "estimator",
        "The mean over the eight symmetries of the picture.", "tta",
    ),
    MitigationSpec(
        "ensemble", "Ensemble, mean", "estimator",
        "The mean of all networks in place of the first.", "ensemble",
    ),
    MitigationSpec(
        "clahe", "Local contrast (CLAHE)", "contrast",
        "Contrast-limited adaptive equalisation of every slice before the network.", "clahe",
    ),
    MitigationSpec(
        "equalised", "Histogram equalised", "contrast",
        "Every slice's histogram made even first.", "equalised",
    ),
    MitigationSpec(
        "largest_component", "Largest component", "mask",
        "Only the largest connected blob of the study is kept.",
    ),
    MitigationSpec(
        "largest_per_side", "Largest on each side", "mask",
        "The largest blob on each side of the midline is kept, so that a second focus survives.",
    ),
    MitigationSpec(
        "remove_small", "Minimum size", "mask",
        "Blobs below 20 mm² (20 pixels without a spacing) are removed.",
    ),
    MitigationSpec("fill_holes", "Holes filled", "mask", "What a slice's blobs enclose is added."),
    MitigationSpec("clean_up", "Holes filled, small blobs removed", "mask", "Both, in this order."),
    MitigationSpec(
        "deferral", "Least confident fifth left to a reviewer", "deferral",
        "The threshold accepts 80 % of the slices of one half of the patients; it is judged on the "
        "other half. Confidence by Monte-Carlo dropout.",
    ),
    MitigationSpec(
        "temperature", "Temperature scaling", "calibration",
        "One temperature, fitted on one half of the patients and judged on the other; it changes no mask.",
    ),
)  # fmt: skip


def mitigation_spec(key: str) -> MitigationSpec:
    """The row with this key. Raises SettingsProblem that lists the known ones."""
    known = {spec.key: spec for spec in MITIGATIONS}
    if key not in known:
        raise SettingsProblem(
            "There is no such mitigation",
            found=repr(key),
            expected="one of " + ", ".join(known),
            fix="use one of these names, or all",
        )
    return known[key]
