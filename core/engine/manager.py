"""Background jobs on one machine: a bounded queue, one worker, progress and cancel."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable

from core.engine.job import Job, Work
from core.engine.status import JobState, JobStatus
from core.errors import Cancelled, JobProblem, SecondLookError, trace_of
from core.types import Progress

logger = logging.getLogger("second_look.engine")


def random_id() -> str:
    """16 hex digits that nobody can guess: who knows a job's id may see and cancel it."""
    return secrets.token_hex(8)


class JobManager:
    """Runs jobs one after another (or `workers` at a time) in daemon threads.

    The work gets a Progress to call at every step, which raises Cancelled once cancelling was asked
    for; nothing else can stop it. Whatever a job raises, the worker goes on with the next.
    """

    def __init__(
        self,
        *,
        workers: int = 1,
        queue_size: int = 32,
        remembered: int = 100,
        clock: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = random_id,
    ) -> None:
        """queue_size: jobs that may wait; remembered: finished jobs whose status is kept."""
        self._changed = threading.Condition()
        self._queue: deque[Job] = deque()
        self._running: list[Job] = []
        self._finished: deque[Job] = deque(maxlen=remembered)
        self._queue_size = queue_size
        self._clock = clock
        self._new_id = new_id
        self._closed = False
        self._workers = [
            threading.Thread(target=self._serve, name=f"second-look-job-{n}", daemon=True)
            for n in range(workers)
        ]
        for worker in self._workers:
            worker.start()

    def submit(self, title: str, work: Work, *, key: str | None = None) -> str:
        """Id of the new job, or of the one with this key that is waiting or running already.

        Raises JobProblem when the queue is full or the manager was shut down.
        """
        with self._changed:
            if (same := self._going_on(key)) is not None:
                return same.id
            self._refuse_when_full()
            job = Job(self._new_id(), title, key, work)
            self._queue.append(job)
            self._changed.notify_all()
            return job.id

    def status(self, job_id: str) -> JobStatus | None:
        """The job as it is now, None when it is unknown or was forgotten."""
        with self._changed:
            job = self._find(job_id)
            return None if job is None else self._picture(job)

    def recent(self) -> tuple[JobStatus, ...]:
        """Every job that is known: running, then waiting in order, then finished, latest first."""
        with self._changed:
            return tuple(self._picture(job) for job in self._known())

    def wait(self, job_id: str, timeout: float | None = None) -> JobStatus | None:
        """The job once it is over, or as it is after `timeout` seconds; None when it is unknown."""
        with self._changed:
            job = self._find(job_id)
            if job is None:
                return None
            self._changed.wait_for(lambda: job.ended is not None, timeout)
            return self._picture(job)

    def cancel(self, job_id: str) -> bool:
        """Remove a waiting job, or stop a running one at its next step; False when it is over or unknown."""
        with self._changed:
            job = self._find(job_id)
            if job is None or job.ended is not None:
                return False
            self._cancel(job)
            return True

    def shutdown(self, timeout: float | None = 5.0) -> bool:
        """Cancel everything and take no more jobs; True when all workers ended in time."""
        with self._changed:
            self._closed = True
            for job in [*self._queue, *self._running]:
                self._cancel(job)
            self._changed.notify_all()
        for worker in self._workers:
            worker.join(timeout)
        return not any(worker.is_alive() for worker in self._workers)

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            self._run(job)

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed)
            if self._closed:
                return None
            job = self._queue.popleft()
            job.begin(self._clock())
            self._running.append(job)
            return job

    def _run(self, job: Job) -> None:
        """Run the work to its end. The outermost boundary: nothing that a job raises may pass."""
        try:
            result = job.work(self._progress(job))
        except Cancelled:
            self._end(job, "cancelled")
        except SecondLookError as problem:
            self._end(job, "failed", problem=_bare(problem))
        except BaseException as error:  # noqa: BLE001 - codecs in Rust raise panics that are no Exception
            incident = self._new_id()[:8]
            logger.error("incident %s in a background job: %s", incident, trace_of(error))
            self._end(job, "failed", incident=incident)
        else:
            self._end(job, "done", result=result)

    def _progress(self, job: Job) -> Progress:
        def step(share: float, sentence: str) -> None:
            with self._changed:
                if job.cancel_asked:
                    raise Cancelled
                job.advance(share, sentence)

        return step

    def _end(
        self,
        job: Job,
        state: JobState,
        *,
        result: str | None = None,
        problem: SecondLookError | None = None,
        incident: str | None = None,
    ) -> None:
        with self._changed:
            job.result, job.problem, job.incident = result, problem, incident
            job.end(state, self._clock())
            self._running.remove(job)
            self._finished.appendleft(job)
            self._changed.notify_all()

    def _cancel(self, job: Job) -> None:
        job.cancel_asked = True
        if job.state == "queued":
            self._queue.remove(job)
            job.end("cancelled", self._clock())
            self._finished.appendleft(job)
        self._changed.notify_all()

    def _going_on(self, key: str | None) -> Job | None:
        found = (job for job in [*self._running, *self._queue] if key is not None and job.key == key)
        return next((job for job in found if not job.cancel_asked), None)

    def _refuse_when_full(self) -> None:
        if not self._closed and len(self._queue) < self._queue_size:
            return
        raise JobProblem(
            "No new work is taken at the moment",
            found="the program is closing" if self._closed else f"{len(self._queue)} jobs are waiting",
            expected=f"fewer than {self._queue_size} waiting jobs",
            fix="wait until one of them is done, or cancel one",
        )

    def _known(self) -> list[Job]:
        return [*self._running, *self._queue, *self._finished]

    def _find(self, job_id: str) -> Job | None:
        return next((job for job in self._known() if job.id == job_id), None)

    def _picture(self, job: Job) -> JobStatus:
        position = self._queue.index(job) + 1 if job in self._queue else 0
        return job.status(position, self._clock())


def _bare(problem: SecondLookError) -> SecondLookError:
    """Without tracebacks, which would keep every array of the failed work alive."""
    problem.__cause__ = problem.__context__ = None
    return problem.with_traceback(None)
