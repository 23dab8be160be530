"""Background jobs with progress and cancel, and a shelf for what they made."""

from core.engine.manager import JobManager
from core.engine.shelf import Shelf
from core.engine.status import JobState, JobStatus

__all__ = ["JobManager", "JobState", "JobStatus", "Shelf"]
