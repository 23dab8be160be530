"""Many threads, one store: no wrong row, no visible conflict."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from stored_examples import bits, make_analysis, make_case, open_store

from core.errors import StoreProblem
from core.store import Store
from core.store.gate import Gate


def together(work: Callable[[int], int], threads: int = 8) -> list[int]:
    """`work` in that many threads that start at the same moment; what each returned."""
    barrier = threading.Barrier(threads)

    def run(number: int) -> int:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def test_eight_threads_read_only_right_rows() -> None:
    cases = [make_case(f"case {n}") for n in range(8)]
    wanted = {case.id: bits(case) for case in cases}
    with Store.open(mode="memory") as store:
        for case in cases:
            store.put_case(case)

        def read(number: int) -> int:
            order = np.random.default_rng(number).integers(0, len(cases), 200)
            return sum(bits(store.case(cases[n].id)) != wanted[cases[n].id] for n in order)

        assert together(read) == [0] * 8


def test_eight_threads_write_the_same_and_different_rows(tmp_path: Path) -> None:
    case = make_case()
    analyses = [make_analysis(case, seed) for seed in range(12)]
    with open_store(tmp_path) as store:
        store.put_case(case)

        def write_and_read(number: int) -> int:
            wrong = 0
            for each in np.random.default_rng(number).permutation(len(analyses)):
                store.put_analysis(analyses[each])
                wrong += bits(store.analysis(analyses[each].key)) != bits(analyses[each])
            return wrong

        assert together(write_and_read) == [0] * 8
        info, report = store.info(), store.verify()
    # two arrays of the case, five of each analysis
    assert (info.analyses, info.arrays, info.health.ok, report.ok) == (12, 62, True, True)


def test_deleting_while_others_put_and_read_leaves_whole_cases_only(tmp_path: Path) -> None:
    values = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    cases = [make_case(f"{n}", values=values, reference=False) for n in range(4)]
    wanted = {bits(None), *(str(bits(case)) for case in cases)}
    with open_store(tmp_path) as store:

        def shuffle(number: int) -> int:
            case, wrong = cases[number % 4], 0
            for step in range(5):
                if (number + step) % 3 == 0:
                    store.delete_case(case.id)
                else:
                    store.put_case(case)
                found = store.case(case.id)
                wrong += (bits(None) if found is None else str(bits(found))) not in wanted
            return wrong

        assert together(shuffle) == [0] * 8
        for case in cases:
            store.put_case(case)
            assert bits(store.case(case.id)) == bits(case)
        assert store.verify().ok


def test_analysis_that_ends_after_its_case_was_deleted_is_not_kept() -> None:
    case = make_case()
    with Store.open(mode="memory") as store:
        store.put_case(case)
        store.delete_case(case.id)
        with pytest.raises(StoreProblem, match="its case is gone"):
            store.put_analysis(make_analysis(case))
        assert store.info().arrays == 0


def test_gate_lets_one_in_alone_while_many_pass() -> None:
    gate, inside, seen = Gate(), [0], []

    def pass_through(number: int) -> int:
        for _ in range(50):
            if number == 0:
                with gate.exclusive():
                    seen.append(inside[0])
            else:
                with gate.shared():
                    inside[0] += 1
                    inside[0] -= 1
        return 0

    together(pass_through)
    assert seen == [0] * 50
