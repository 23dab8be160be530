"""What the severities of one picture share: computed once for an array, as long as it is asked for again.

Arrays of pictures are read-only, so an array that is still the same object still holds the same values.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Made = TypeVar("Made")

LARGEST_SHARED = 1 << 25
"""Values of the largest array that something is kept for."""

_SLOTS = threading.local()


def shared(array: NDArray[Any], name: str, make: Callable[[], Made]) -> Made:
    """What `make` makes of the array; the last one of each name and thread is kept while its array lives.

    Only for arrays that nobody can write to; for others it is made every time.
    """
    if array.flags.writeable or array.size > LARGEST_SHARED:
        return make()
    slots: dict[str, tuple[weakref.ref[NDArray[Any]], Any]] = _SLOTS.__dict__
    known = slots.get(name)
    if known is not None and known[0]() is array:
        found: Made = known[1]
        return found
    made = make()
    slots[name] = (weakref.ref(array, lambda _: slots.pop(name, None)), made)
    return made


def read_only(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """The array itself, closed for writing."""
    array.flags.writeable = False
    return array
