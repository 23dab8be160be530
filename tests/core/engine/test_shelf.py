"""A shelf is bounded by weight; what was not asked for longest goes first."""

from __future__ import annotations

import threading

from core.engine import Shelf


def test_thing_not_asked_for_longest_goes_first() -> None:
    shelf: Shelf[str] = Shelf(2)
    shelf.put("a", "1")
    shelf.put("b", "2")
    assert shelf.get("a") == "1"
    shelf.put("c", "3")
    assert [shelf.get(each) for each in "abc"] == ["1", None, "3"]


def test_weight_stays_within_the_limit_and_what_alone_weighs_more_is_not_kept() -> None:
    shelf: Shelf[bytes] = Shelf(10, len)
    shelf.put("a", b"1234")
    shelf.put("a", b"123456")
    assert shelf.weight == 6
    shelf.put("b", b"12345")
    assert (shelf.get("a"), shelf.weight) == (None, 5)
    shelf.put("c", b"1" * 11)
    assert (shelf.get("b"), shelf.get("c"), shelf.weight) == (None, None, 0)


def test_many_threads_leave_it_whole() -> None:
    shelf: Shelf[int] = Shelf(50)

    def work(first: int) -> None:
        for k in range(300):
            shelf.put(str(first + k), k)
            shelf.get(str(first))

    threads = [threading.Thread(target=work, args=(each * 1000,)) for each in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert shelf.weight == 50
    shelf.clear()
    assert (shelf.weight, shelf.get("0")) == (0, None)
