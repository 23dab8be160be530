"""Operating points: saved thresholds with a name and a version, and which one is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.types import OperatingPoint

if TYPE_CHECKING:
    from core.store import Store


def save_operating_point(store: Store, point: OperatingPoint, *, activate: bool = False) -> OperatingPoint:
    """Keep a threshold for good; `id`, `version` and `created_utc` are filled in.

    The version counts up for a name; the same content as the latest version of that name is not kept twice.
    activate: from now on it judges the cases of its model and estimator. Raises SettingsProblem when it is
    to be activated but belongs to no model (imported predictions).
    """
    raise NotImplementedError


def find_point(store: Store, label: str) -> OperatingPoint:
    """The point called "name v3", "name" (its latest version), or by id or its beginning.

    Raises SettingsProblem that lists the known ones.
    """
    raise NotImplementedError


def activate_point(store: Store, label: str) -> OperatingPoint:
    """From now on cases of its model and estimator are judged by this point. Raises SettingsProblem."""
    raise NotImplementedError


def clear_point(store: Store, model_id: str, estimator: str) -> None:
    """From now on the fixed limit judges the confidence of this model and estimator again."""
    raise NotImplementedError
