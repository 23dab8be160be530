"""Operating points and profiles of the checks in the store."""

from __future__ import annotations

from core.store.base import StoreBase
from core.store.points import POINTS, PROFILES, active_record, insert_record, log_activation, records
from core.types import OperatingPoint
from core.types.profiles import Profile


class PointStore(StoreBase):
    """Saved thresholds and limits: nothing is overwritten, and which one is in force is a log of its own."""

    def put_operating_point(self, point: OperatingPoint) -> OperatingPoint:
        """Keep a point as the next version of its name, with its new `id`, `version` and `created_utc`.

        The latest version is returned, and nothing kept, when it says the same already.
        """
        return self._database.write(lambda cursor: insert_record(cursor, POINTS, point, self._now()))

    def operating_points(self) -> tuple[OperatingPoint, ...]:
        """Every version of every point, by name, the latest version first."""
        return self._database.read(lambda cursor: records(cursor, POINTS))

    def active_operating_point(self, model_id: str, estimator: str) -> OperatingPoint | None:
        """The point in force for a model and an estimator, None when the fixed limit is."""
        return self._database.small(
            ("point", model_id, estimator), lambda cursor: active_record(cursor, POINTS, model_id, estimator)
        )

    def set_active_operating_point(self, model_id: str, estimator: str, point_id: str | None) -> None:
        """From now on this point is in force for a model and an estimator; None: the fixed limit."""
        self._database.write(
            lambda cursor: log_activation(cursor, POINTS, model_id, estimator, point_id, self._now())
        )

    def put_profile(self, profile: Profile) -> Profile:
        """Keep a profile as the next version of its name, as `put_operating_point` does."""
        return self._database.write(lambda cursor: insert_record(cursor, PROFILES, profile, self._now()))

    def profiles(self) -> tuple[Profile, ...]:
        """Every version of every profile, by name, the latest version first."""
        return self._database.read(lambda cursor: records(cursor, PROFILES))

    def active_profile(self, model_id: str, estimator: str) -> Profile | None:
        """The profile in force for a model and an estimator, None when the model's own limits are."""
        return self._database.small(
            ("profile", model_id, estimator),
            lambda cursor: active_record(cursor, PROFILES, model_id, estimator),
        )

    def set_active_profile(self, model_id: str, estimator: str, profile_id: str | None) -> None:
        """From now on this profile is in force for a model and an estimator; None: the model's own limits."""
        self._database.write(
            lambda cursor: log_activation(cursor, PROFILES, model_id, estimator, profile_id, self._now())
        )
