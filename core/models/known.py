"""Every model of whichever kind: the ones that `list_models` names, and bag models."""

from __future__ import annotations

from core.models.mil_records import BAG_FILE, BagRecord
from core.models.records import ModelRecord
from core.models.registry import FoundModels, find_models, find_records, with_id
from core.types import Limits


def find_every_model() -> FoundModels:
    """All models, bag models last, and what is wrong with those that cannot be read."""
    found = find_models()
    bags, damaged = find_records(BAG_FILE, BagRecord)
    return FoundModels((*found.records, *bags), (*found.damaged, *damaged))


def every_model() -> tuple[ModelRecord, ...]:
    """All models, bag models last. Raises ModelProblem when a model file is damaged."""
    found = find_every_model()
    for problem in found.damaged:
        raise problem
    return found.records


def any_model(model_id: str) -> ModelRecord:
    """The model with this id, of whichever kind. Raises ModelProblem that lists the known ids."""
    return with_id(every_model(), model_id)


def rule_limits_of(model_id: str) -> Limits | None:
    """The limits that a model brings for the rules; None without any, and for a model that was removed."""
    return next((each.rule_limits for each in find_every_model().records if each.id == model_id), None)
