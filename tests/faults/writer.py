"""Writes until it is killed and says what was acknowledged: `python -m tests.faults.writer HOME NUMBER`."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from core.store import Store
from tests.core.store.run_examples import make_cohort, make_result, make_run
from tests.core.store.stored_examples import make_analysis, make_case, open_store

STEPS = 10_000
WRITERS = 2
POSITIONS = 400

_said = threading.Lock()


def say(*words: object) -> None:
    """One line, whole: the reader believes only what ends with a line break."""
    with _said:
        sys.stdout.write(" ".join(map(str, words)) + "\n")
        sys.stdout.flush()


def write_cases(store: Store, name: str) -> None:
    """Cases with analyses; every third is deleted again."""
    for step in range(STEPS):
        case = make_case(f"{name}-{step}")
        store.put_case(case)
        store.put_analysis(make_analysis(case))
        say("kept", case.name)
        if step % 3 == 2:
            say("deleting", case.name)
            store.delete_case(case.id)
            say("deleted", case.name)


def write_reviews(store: Store, name: str) -> None:
    """Entries of the review log."""
    for step in range(STEPS):
        store.reviews.append("Ada", "taxonomy", note=f"{name}-{step}")
        say("reviewed", f"{name}-{step}")


def write_run(store: Store, name: str) -> None:
    """Results of a run, item by item."""
    cases = [make_case(f"run-{name}-{step}") for step in range(POSITIONS)]
    cohort, items = make_cohort(f"cohort-{name}", cases)
    run = make_run(cohort)
    store.put_cohort(cohort, items)
    store.put_run(run)
    for step in range(POSITIONS):
        store.put_item(run.id, step, make_result(step))
        say("result", run.id, step)


def main(home: Path, number: str) -> None:
    """Everything at once."""
    store = open_store(home)
    threads = [threading.Thread(target=write_cases, args=(store, f"{number}.{n}")) for n in range(WRITERS)]
    threads += [threading.Thread(target=work, args=(store, number)) for work in (write_reviews, write_run)]
    for each in threads:
        each.start()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
