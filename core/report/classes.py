"""Downloads of one classified picture."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from core.report.export import NOTICE, Json, case_record, named
from core.types import BagSamples, Classification, NamedBytes

if TYPE_CHECKING:
    from core.pipeline.classify import ClassOutcome


def class_json_file(outcome: ClassOutcome) -> NamedBytes:
    """The JSON of everything shown, with what made it."""
    text = json.dumps(class_record(outcome), indent=2, ensure_ascii=False, allow_nan=False)
    return named("second-look-class", ".json", text.encode())


def class_overlay_file(outcome: ClassOutcome) -> NamedBytes:
    """PNG of the picture with what the decision rests on, the given class and the frames of fired checks."""
    from core.io import write_png
    from core.view.overlay import class_picture

    picture = class_picture(outcome.case, outcome.classification, outcome.verdict)
    return named("second-look-class-overlay", ".png", write_png(picture))


def class_record(outcome: ClassOutcome) -> Json:
    """Everything shown about a classified picture as plain JSON values; undefined numbers are null."""
    found, made_by = outcome.classification, outcome.classification.made_by
    point = outcome.operating_point if outcome.verdict.operating_point else None
    return {
        "notice": NOTICE,
        "case": case_record(outcome.case),
        "model": made_by.config.model_id,
        "estimator": made_by.config.estimator.kind,
        "verdict": outcome.verdict.answer,
        "flags": [flag.model_dump(mode="json") for flag in outcome.verdict.flags],
        "multilabel": found.multilabel,
        "predicted": list(found.predicted),
        "classes": _classes(found),
        "deciding_bag": found.deciding,
        "bags": [_bag(found, each) for each in found.bags],
        "scores": {each.key: each.value for each in found.scores},
        "notes": {each.key: each.note for each in found.scores if each.note},
        "limits": outcome.limits.model_dump(mode="json"),
        "operating_point": point.model_dump(mode="json") if point else None,
        "made_by": made_by.model_dump(mode="json"),
        "key": found.key,
    }


def _classes(found: Classification) -> list[Json]:
    """Mean, lowest and highest probability of each class over the samples, and the samples themselves."""
    return [
        {
            "name": name,
            "prob": float(column.mean()),
            "low": float(column.min()),
            "high": float(column.max()),
            "samples": column.tolist(),
        }
        for name, column in zip(found.class_names, found.samples.T, strict=True)
    ]


def _bag(found: Classification, bag: BagSamples) -> Json:
    """Slices (from 0), probability with its samples, scores, and attention and score of each slice."""
    from core.pipeline.classify import bag_scores

    return {
        "slices": list(bag.slices),
        "prob": bag.mean_prob,
        "sd": bag.spread,
        "samples": bag.prob[:, 1].tolist(),
        "scores": {each.key: each.value for each in bag_scores(found, bag)},
        "top_slice": bag.top_slice,
        "attention": bag.mean_attention.tolist(),
        "instance": bag.mean_instance.tolist(),
    }
