"""Background jobs with progress and cancel."""

from core.engine.manager import JobManager
from core.engine.status import JobState, JobStatus

__all__ = ["JobManager", "JobState", "JobStatus"]
