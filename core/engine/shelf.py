"""Finished things in memory: bounded, safe for threads, the ones not asked for longest go first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class Shelf(Generic[Thing]):
    """At most `limit` together, by `weigh` (default: each weighs 1); what alone weighs more is not kept."""

    def __init__(self, limit: int, weigh: Callable[[Thing], int] = lambda _: 1) -> None:
        self._limit = limit
        self._weigh = weigh
        self._things: OrderedDict[str, tuple[Thing, int]] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, place: str) -> Thing | None:
        """What lies there, None when nothing does (any more)."""
        with self._lock:
            if place not in self._things:
                return None
            self._things.move_to_end(place)
            return self._things[place][0]

    def put(self, place: str, thing: Thing) -> None:
        """Keep a thing in place of what lay there."""
        weight = self._weigh(thing)
        with self._lock:
            self._weight -= self._things.pop(place, (thing, 0))[1]
            self._things[place] = thing, weight
            self._weight += weight
            while self._weight > self._limit:
                _, (_, gone) = self._things.popitem(last=False)
                self._weight -= gone

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._things.clear()
            self._weight = 0

    @property
    def weight(self) -> int:
        """Of everything that is kept now."""
        with self._lock:
            return self._weight
