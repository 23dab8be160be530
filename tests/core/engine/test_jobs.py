"""Background jobs: order, progress, cancel, failure, limits."""

from __future__ import annotations

import gc
import io
import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
import pytest

from core.engine import JobManager, JobStatus
from core.errors import InputProblem, JobProblem
from core.types import Progress

SOON = 20.0


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Gated:
    """Work that tells its progress when allowed and waits in between."""

    def __init__(self, result: str = "done") -> None:
        self.reached, self.go = threading.Event(), threading.Event()
        self.result = result

    def __call__(self, progress: Progress) -> str:
        progress(0.25, "Slice 1 of 4")
        self.reached.set()
        assert self.go.wait(SOON)
        progress(0.5, "Slice 2 of 4")
        return self.result


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(clock: Clock) -> Iterator[JobManager]:
    numbers = count(1)
    manager = JobManager(queue_size=2, remembered=3, clock=clock, new_id=lambda: f"id-{next(numbers)}")
    yield manager
    assert manager.shutdown(SOON)


def ended(jobs: JobManager, job: str) -> JobStatus:
    status = jobs.wait(job, SOON)
    assert status is not None and status.finished
    return status


def failing(error: BaseException) -> Callable[[Progress], str]:
    def work(progress: Progress) -> str:
        raise error

    return work


def test_result_of_the_work_is_the_result_of_the_job(jobs: JobManager) -> None:
    status = ended(jobs, jobs.submit("Analyse", lambda progress: "key-1"))
    assert (status.state, status.result, status.share, status.title) == ("done", "key-1", 1.0, "Analyse")
    assert (status.problem, status.incident, status.position) == (None, None, 0)


def test_running_job_tells_share_sentence_rate_and_remaining_time(jobs: JobManager, clock: Clock) -> None:
    work = Gated()
    job = jobs.submit("Analyse", work)
    assert work.reached.wait(SOON)
    clock.now += 3.0
    status = jobs.status(job)
    assert status is not None and (status.state, status.share, status.sentence) == (
        "running",
        0.25,
        "Slice 1 of 4",
    )
    # a quarter in 3 s: 1/12 per second, three quarters left = 9 s
    assert (status.started, status.seconds) == (100.0, 3.0)
    assert (status.rate, status.remaining) == (pytest.approx(1 / 12), pytest.approx(9.0))
    work.go.set()
    clock_at_end = ended(jobs, job).seconds
    clock.now += 50.0
    assert ended(jobs, job).seconds == clock_at_end


def test_nothing_is_estimated_before_two_percent_or_after_the_end() -> None:
    base = JobStatus("i", "t", None, "running", 0.01, "", 0, 0.0, 5.0, None, None, None)
    assert base.remaining is None
    done = JobStatus("i", "t", None, "done", 1.0, "", 0, 0.0, 5.0, "r", None, None)
    assert (done.remaining, done.finished) == (None, True)


def test_waiting_jobs_know_their_place_and_run_in_order(jobs: JobManager) -> None:
    first, order = Gated(), []
    running = jobs.submit("first", first)
    assert first.reached.wait(SOON)
    second = jobs.submit("second", lambda progress: order.append("second") or "2")
    third = jobs.submit("third", lambda progress: order.append("third") or "3")
    known = {status.id: (status.state, status.position) for status in jobs.recent()}
    assert known == {running: ("running", 0), second: ("queued", 1), third: ("queued", 2)}
    first.go.set()
    ended(jobs, third)
    assert order == ["second", "third"]


def test_key_that_waits_or_runs_gives_the_same_job(jobs: JobManager) -> None:
    work = Gated()
    running = jobs.submit("Analyse", work, key="k")
    assert work.reached.wait(SOON)
    assert jobs.submit("Analyse", work, key="k") == running
    waiting = jobs.submit("Analyse", lambda progress: "", key="other")
    assert jobs.submit("Analyse", lambda progress: "", key="other") == waiting
    work.go.set()
    ended(jobs, waiting)
    assert jobs.submit("Analyse", lambda progress: "", key="k") != running


def test_cancelled_job_is_not_joined_by_its_key(jobs: JobManager) -> None:
    work = Gated()
    running = jobs.submit("Analyse", work, key="k")
    assert work.reached.wait(SOON)
    jobs.cancel(running)
    assert jobs.submit("Analyse", lambda progress: "", key="k") != running
    work.go.set()


def test_running_job_stops_at_its_next_step(jobs: JobManager) -> None:
    work = Gated()
    job = jobs.submit("Analyse", work)
    assert work.reached.wait(SOON)
    assert jobs.cancel(job) is True
    work.go.set()
    status = ended(jobs, job)
    assert (status.state, status.share, status.result) == ("cancelled", 0.25, None)
    assert jobs.cancel(job) is False


def test_waiting_job_is_removed_at_once_and_never_runs(jobs: JobManager) -> None:
    first, ran = Gated(), []
    jobs.submit("first", first)
    assert first.reached.wait(SOON)
    waiting = jobs.submit("second", lambda progress: ran.append(1) or "")
    jobs.cancel(waiting)
    status = jobs.status(waiting)
    assert status is not None and (status.state, status.position) == ("cancelled", 0)
    first.go.set()
    ended(jobs, jobs.submit("third", lambda progress: ""))
    assert ran == []


def test_problem_for_the_user_is_kept_whole(jobs: JobManager) -> None:
    problem = InputProblem("Cut short", file="a.nii", found="64 bytes", expected="8 MiB", fix="copy again")
    status = ended(jobs, jobs.submit("Read", failing(problem)))
    assert (status.state, status.incident) == ("failed", None)
    assert isinstance(status.problem, InputProblem) and status.problem.sentence == problem.sentence


@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_unexpected_error_is_logged_under_an_incident_and_the_worker_goes_on(
    jobs: JobManager, error: BaseException
) -> None:
    # A handler of its own: pytest's, behind `caplog`, is switched off in pyproject.toml.
    text, logger = io.StringIO(), logging.getLogger("second_look.engine")
    handler = logging.StreamHandler(text)
    logger.addHandler(handler)
    try:
        status = ended(jobs, jobs.submit("Read", failing(error)))
    finally:
        logger.removeHandler(handler)
    assert (status.state, status.problem) == ("failed", None)
    assert status.incident is not None and status.incident in text.getvalue()
    assert type(error).__name__ in text.getvalue() and "test_jobs.py, line " in text.getvalue()
    assert "secret" not in text.getvalue()
    assert ended(jobs, jobs.submit("Next", lambda progress: "fine")).result == "fine"


def test_full_queue_is_refused_with_the_number_waiting(jobs: JobManager) -> None:
    work = Gated()
    jobs.submit("running", work)
    assert work.reached.wait(SOON)
    for _ in range(2):
        jobs.submit("waiting", lambda progress: "")
    with pytest.raises(JobProblem, match="2 jobs are waiting"):
        jobs.submit("one too many", lambda progress: "")
    work.go.set()


def test_only_the_latest_finished_jobs_are_remembered(jobs: JobManager) -> None:
    ids = []
    for number in range(5):
        ids.append(jobs.submit(str(number), lambda progress: ""))
        ended(jobs, ids[-1])
    assert [status.id for status in jobs.recent()] == ids[:1:-1]
    assert jobs.status(ids[0]) is None and jobs.wait(ids[0]) is None


def test_unknown_job_has_no_status(jobs: JobManager) -> None:
    assert (jobs.status("nobody"), jobs.cancel("nobody")) == (None, False)


def test_share_stays_within_bounds_and_never_goes_back(jobs: JobManager) -> None:
    seen: list[float] = []

    def work(progress: Progress) -> str:
        for share in (0.5, 0.25, -1.0, 7.0):
            progress(share, "")
            seen.append(jobs.recent()[0].share)
        return ""

    ended(jobs, jobs.submit("Analyse", work))
    assert seen == [0.5, 0.5, 0.5, 1.0]


@pytest.mark.parametrize("fails", [False, True])
def test_finished_job_lets_go_of_what_the_work_held(jobs: JobManager, fails: bool) -> None:
    array = np.zeros(3)
    gone = weakref.ref(array)

    def work(progress: Progress, held: np.ndarray = array) -> str:
        local = held + 1
        if fails:
            raise InputProblem("w", found=str(local.size), expected="e", fix="f") from ValueError("cause")
        return ""

    job = jobs.submit("Analyse", work)
    ended(jobs, job)
    ended(jobs, jobs.submit("next", lambda progress: ""))
    del array, work
    gc.collect()
    assert gone() is None


def test_shutdown_cancels_everything_and_takes_no_more() -> None:
    manager, work = JobManager(), Gated()
    running = manager.submit("running", work)
    assert work.reached.wait(SOON)
    waiting = manager.submit("waiting", lambda progress: "")
    work.go.set()
    assert manager.shutdown(SOON) is True
    states = [status.state for job in (running, waiting) if (status := manager.status(job))]
    assert states[1] == "cancelled" and states[0] in ("cancelled", "done")
    with pytest.raises(JobProblem, match="closing"):
        manager.submit("late", lambda progress: "")


def test_two_workers_run_two_jobs_at_once() -> None:
    manager, works = JobManager(workers=2), [Gated(), Gated()]
    ids = [manager.submit(str(n), work) for n, work in enumerate(works)]
    assert all(work.reached.wait(SOON) for work in works)
    for work in works:
        work.go.set()
    assert [ended(manager, job).state for job in ids] == ["done", "done"]
    assert manager.shutdown(SOON)


def test_many_threads_submit_and_every_job_runs_once() -> None:
    manager, ran = JobManager(queue_size=1000, remembered=1000), []

    def submit(number: int) -> None:
        for step in range(50):
            manager.submit("t", lambda progress, name=(number, step): ran.append(name) or "")

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended(manager, manager.submit("last", lambda progress: ""))
    assert sorted(ran) == sorted((number, step) for number in range(8) for step in range(50))
    assert manager.shutdown(SOON)


def test_ids_cannot_be_guessed_from_each_other() -> None:
    manager = JobManager()
    first, second = (manager.submit("t", lambda progress: "") for _ in range(2))
    assert len(first) == len(second) == 16 and first != second
    assert manager.shutdown(SOON)
