"""Operating points: saved thresholds with a name and a version, and which one is in force."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from core.errors import SettingsProblem
from core.types import OperatingPoint, RunRecord
from core.types.profiles import Profile

if TYPE_CHECKING:
    from core.store import Store

SHORTEST_PREFIX = 4

Named = TypeVar("Named", OperatingPoint, Profile)


def save_operating_point(store: Store, point: OperatingPoint, *, activate: bool = False) -> OperatingPoint:
    """Keep a threshold for good; `id`, `version` and `created_utc` are filled in.

    The version counts up for a name; the same content as the latest version of that name is not kept twice.
    activate: from now on it judges the cases of its model and estimator. Raises SettingsProblem when the
    threshold is no number or the name is empty, or when it is to be activated but belongs to no model
    (imported predictions).
    """
    name = point.name.strip()
    if not name or not math.isfinite(point.threshold):
        raise SettingsProblem(
            "This operating point cannot be saved",
            found=f"name {name!r}, threshold {point.threshold}",
            expected="a name, and a threshold that tells cases apart",
            fix="give it a name, or choose a target that can be met",
        )
    if activate:
        _judged_by(point)
    kept = store.put_operating_point(point.model_copy(update={"name": name}))
    return _activate(store, kept) if activate else kept


def find_point(store: Store, label: str) -> OperatingPoint:
    """The point called "name v3", "name" (its latest version), or by id or its beginning.

    Raises SettingsProblem that lists the known ones.
    """
    known = store.operating_points()
    found = called(known, label)
    if found is not None:
        return found
    raise SettingsProblem(
        "There is no such operating point",
        found=repr(label),
        expected="one of " + ", ".join(each.label for each in known) if known else "a saved one; none is yet",
        fix="use one of these names" if known else "save one: python -m core points save",
    )


def called(known: Sequence[Named], label: str) -> Named | None:
    """The first record with this label, name, id or beginning of an id; None when there is none."""
    found = [each for each in known if label in (each.label, each.name)]
    if not found and len(label) >= SHORTEST_PREFIX:
        found = [each for each in known if each.id.startswith(label)]
    return next(iter(found), None)


def activate_point(store: Store, label: str) -> OperatingPoint:
    """From now on cases of its model and estimator are judged by this point. Raises SettingsProblem."""
    return _activate(store, find_point(store, label))


def clear_point(store: Store, model_id: str, estimator: str) -> None:
    """From now on the fixed limit judges the confidence of this model and estimator again."""
    store.set_active_operating_point(model_id, estimator, None)


def active_points(store: Store) -> tuple[OperatingPoint, ...]:
    """The points in force, one for each model and estimator that has one."""
    pairs = {(each.model_id, each.estimator) for each in store.operating_points()}
    found = [store.active_operating_point(model, kind) for model, kind in pairs if model and kind]
    return tuple(sorted((each for each in found if each), key=lambda each: each.label))


def point_of_run(store: Store, run: RunRecord) -> OperatingPoint | None:
    """The point that judges the cases of a run: the one in force for its model and estimator.

    For predictions made elsewhere, for which none can be in force: the newest one saved on this run. None
    when there is no such point.
    """
    if run.config is not None:
        return store.active_operating_point(run.config.model_id, run.config.estimator.kind)
    own = [each for each in store.operating_points() if each.run_id == run.id]
    return max(own, key=lambda each: each.created_utc, default=None)


def _activate(store: Store, point: OperatingPoint) -> OperatingPoint:
    model_id, estimator = _judged_by(point)
    store.set_active_operating_point(model_id, estimator, point.id)
    return point


def _judged_by(point: OperatingPoint) -> tuple[str, str]:
    if point.model_id is not None and point.estimator is not None:
        return point.model_id, point.estimator
    raise SettingsProblem(
        "This operating point cannot judge new cases",
        found=f"{point.name} was chosen on predictions made elsewhere",
        expected="a point chosen on a run of one of the models here",
        fix="run a model over the cohort and choose the point on that run",
    )
