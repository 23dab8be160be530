"""Words about a job that goes on."""

from __future__ import annotations

from core.engine import JobStatus
from pages.ui.jobs import kind_of, waiting_words


def status(**changes: object) -> JobStatus:
    """A running job, two seconds old and half done."""
    plain: dict[str, object] = {
        "id": "1",
        "title": "Analysing",
        "key": "analyse:abc",
        "state": "running",
        "share": 0.5,
        "sentence": "Slice 3 of 6",
        "position": 0,
        "started": 0.0,
        "seconds": 2.0,
        "result": None,
        "problem": None,
        "incident": None,
    }
    return JobStatus(**{**plain, **changes})


def test_waiting_job_names_its_place_in_the_queue() -> None:
    assert waiting_words(status(state="queued", position=3)) == "Waiting, number 3 in the queue."


def test_running_job_names_rate_and_time_left() -> None:
    assert waiting_words(status()) == "2.00 s so far, 25 % per second, about 2.00 s left."


def test_job_without_a_rate_names_its_age_only() -> None:
    assert waiting_words(status(share=0.0)) == "2.00 s so far."


def test_kind_is_the_beginning_of_the_key() -> None:
    assert (kind_of(status()), kind_of(status(key=None))) == ("analyse", "")
