"""A gate that many short operations pass together, or one alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Gate:
    """Shared passage for reads and writes, exclusive passage for swapping the database underneath.

    Not re-entrant: a thread that is inside must not enter again, since an exclusive passage that
    waits keeps newcomers out.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._inside = 0
        self._closed = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Pass together with others; waits while someone is alone inside or about to be."""
        with self._turn:
            self._turn.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            yield
        finally:
            with self._turn:
                self._inside -= 1
                self._turn.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Pass alone; waits until everyone inside has left and keeps newcomers out meanwhile."""
        with self._turn:
            self._turn.wait_for(lambda: not self._closed)
            self._closed = True
            self._turn.wait_for(lambda: self._inside == 0)
        try:
            yield
        finally:
            with self._turn:
                self._closed = False
                self._turn.notify_all()
