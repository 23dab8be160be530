"""Small answers of the database that stay right until something is written."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")
MOST = 512
"""Answers at a time; the one that was asked for longest ago goes first."""


class KeptAnswers:
    """Safe for any number of threads. No other process writes to a database that is open, so a write of this
    process is the only thing that makes an answer old.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._writes = 0

    def get(self, question: Hashable, ask: Callable[[], T]) -> T:
        """The answer to a question, asked anew when something was written since; it must not be changed."""
        with self._lock:
            writes = self._writes
            if question in self._answers:
                self._answers.move_to_end(question)
                return cast(T, self._answers[question])
        answer = ask()
        with self._lock:
            if writes == self._writes:  # else it may be from before the write
                self._answers[question] = answer
                while len(self._answers) > MOST:
                    self._answers.popitem(last=False)
        return answer

    def drop(self) -> None:
        """Something was written, or the database was opened anew."""
        with self._lock:
            self._writes += 1
            self._answers.clear()
