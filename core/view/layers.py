"""Which layers a case has: names, keys, colours and lines, the same in the browser and in saved pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.types import Analysis, Case, Cause, Classification, FixedPoint, Flag, Maps, Verdict
from core.view import theme

LayerKind = Literal["prediction", "reference", "uncertainty", "errors", "rule"]

RULE_KEYS: dict[Cause, str] = {"area": "5", "shape": "6", "fragmentation": "7", "spurious": "8", "empty": "9"}
"""Fixed keys, so that a hand learns them; keys 1 to 4 are prediction, reference, uncertainty and errors."""

DRAWN_LINES = ("solid", "dashed", "dotted", "dash-dot", "double", "frame", "hatch-frame")
"""Line styles that are drawn on the image; causes with a tick or chip only have no layer."""


@dataclass(frozen=True)
class Layer:
    """One thing that can be switched on over the image; `letter` is "" where colour and line suffice."""

    id: str
    kind: LayerKind
    label: str
    key: str
    colour: str
    line: theme.Line
    letter: str = ""
    help: str = ""
    on: bool = False


@dataclass(frozen=True)
class MapSpec:
    """An uncertainty map: field of core.types.Maps, name, unit and what it says in plain words."""

    key: str
    label: str
    unit: str
    help: str


MAPS: tuple[MapSpec, ...] = (
    MapSpec(
        "predictive_entropy", "Predictive entropy", "nats",
        "How undecided the averaged prediction is, from whatever reason; largest at probability 0.5.",
    ),
    MapSpec(
        "mutual_information", "Mutual information", "nats",
        "How much the samples disagree with each other: what the model does not know.",
    ),
    MapSpec(
        "expected_entropy", "Expected entropy", "nats",
        "How undecided each sample is by itself: blurred edges, noise that training would not remove.",
    ),
    MapSpec(
        "variance", "Variance", "",
        "Variance of the foreground probability over the samples, at most 0.25.",
    ),
)  # fmt: skip

SALIENCY = MapSpec(
    "saliency", "What the decision rests on", "",
    "Where the picture speaks for the given class more than for the others; 1 is its strongest place. "
    "It shows what the networks looked at, not what is ill there.",
)  # fmt: skip
"""The map of a classification, in the place of an uncertainty map."""

DOUBT = MapSpec(
    "doubt", "Where the outline looks wrong", "",
    "How likely the quality network thinks each place is on the wrong side of the outline: inside it drawn "
    "too much, outside it something missing. Cells of 1/32 of the picture's side.",
)  # fmt: skip
"""The map of the quality network, made when asked for and shown beside the uncertainty maps."""


def maps_of(maps: Maps, doubt: FixedPoint | None = None) -> tuple[tuple[MapSpec, FixedPoint], ...]:
    """The maps that exist in the order of `MAPS`, after that of the quality network where it is given."""
    found = ((spec, getattr(maps, spec.key)) for spec in MAPS)
    return tuple((spec, values) for spec, values in ((DOUBT, doubt), *found) if values is not None)


def layers_of(case: Case, analysis: Analysis, verdict: Verdict) -> tuple[Layer, ...]:
    """The layers of a case, in the order in which they are listed; a rule's layer exists only if it fired."""
    layers = [
        Layer(
            "prediction", "prediction", "Prediction", "1", theme.PREDICTION, "solid",
            help="What the model outlined: probability above 0.5.", on=True,
        )
    ]  # fmt: skip
    layers += reference_layers(case)
    if maps_of(analysis.maps):
        layers.append(
            Layer("uncertainty", "uncertainty", "Uncertainty", "3", theme.PREDICTION, "solid",
                  help="Where the model is unsure; choose which map below.")
        )  # fmt: skip
    if case.reference is not None:
        layers.append(
            Layer("errors", "errors", "Errors", "4", theme.FALSE_POSITIVE, "solid",
                  help="Amber: predicted, not in the reference. Magenta hatch: in the reference, missed.")
        )  # fmt: skip
    return (*layers, *_rule_layers(verdict.flags))


def reference_layers(case: Case) -> tuple[Layer, ...]:
    """The layer of the reference mask, none where there is no reference."""
    if case.reference is None:
        return ()
    return (
        Layer("reference", "reference", "Reference", "2", theme.REFERENCE, "dashed",
              help="The mask that was given with the image."),
    )  # fmt: skip


def class_layers_of(found: Classification, verdict: Verdict) -> tuple[Layer, ...]:
    """The layers of a classified picture: what the decision rests on, and the frames of fired checks."""
    saliency = Layer(
        SALIENCY.key, "uncertainty", SALIENCY.label, "3", theme.PREDICTION, "solid", help=SALIENCY.help
    )
    return (*((saliency,) if found.saliency is not None else ()), *_rule_layers(verdict.flags))


def _rule_layers(flags: tuple[Flag, ...]) -> tuple[Layer, ...]:
    fired = {flag.cause for flag in flags}
    drawn = [mark for mark in theme.MARKS if mark.cause in fired and mark.line in DRAWN_LINES]
    drawn.sort(key=lambda mark: RULE_KEYS.get(mark.cause, "~"))
    return tuple(
        Layer(
            mark.cause, "rule", mark.label, RULE_KEYS.get(mark.cause, ""), mark.dark, mark.line, mark.letter,
            help=f"Where the check “{mark.label.lower()}” fired.", on=True,
        )
        for mark in drawn
    )  # fmt: skip
