"""Operating points in the store."""

from __future__ import annotations

from core.store.base import StoreBase
from core.store.points import active_point, insert_point, log_activation, point_records
from core.types import OperatingPoint


class PointStore(StoreBase):
    """Saved thresholds: nothing is overwritten, and which one is in force is a log of its own."""

    def put_operating_point(self, point: OperatingPoint) -> OperatingPoint:
        """Keep a point as the next version of its name, with its new `id`, `version` and `created_utc`.

        The latest version is returned, and nothing kept, when it says the same already.
        """
        return self._database.write(lambda cursor: insert_point(cursor, point, self._now()))

    def operating_points(self) -> tuple[OperatingPoint, ...]:
        """Every version of every point, by name, the latest version first."""
        return self._database.read(point_records)

    def active_operating_point(self, model_id: str, estimator: str) -> OperatingPoint | None:
        """The point in force for a model and an estimator, None when the fixed limit is."""
        return self._database.read(lambda cursor: active_point(cursor, model_id, estimator))

    def set_active_operating_point(self, model_id: str, estimator: str, point_id: str | None) -> None:
        """From now on this point is in force for a model and an estimator; None: the fixed limit."""
        self._database.write(
            lambda cursor: log_activation(cursor, model_id, estimator, point_id, self._now())
        )
