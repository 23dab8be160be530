"""NumPy's .npy and .npz, without pickles and with every size checked from the headers.

Format: NEP 1, https://numpy.org/neps/nep-0001-npy-format.html.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping

import numpy as np

from core.errors import InputProblem
from core.io.archive import Members
from core.io.decoded import Array
from core.io.limits import Limits

NPY = b"\x93NUMPY"
_KINDS = "biufU"
_LONGEST_HEADER = 10_000


def read_npz(data: bytes, limits: Limits) -> Mapping[str, Array]:
    """Every array by its key; raises InputProblem for objects, wrong sizes and what the zip rules refuse."""
    # Label maps are mostly zeros and pack far better than pictures, so the ratio cannot tell a bomb here;
    # the sum of the declared sizes still can.
    members = Members(data, limits.model_copy(update={"ratio": math.inf}))
    found: dict[str, Array] = {}
    for index, name in enumerate(members.names):
        key = name.removesuffix(".npy")
        if key in found:
            raise _refused(f"two arrays called {key[:40]}", "different names")
        found[key] = read_npy(members.read(index), limits)
    return found


def read_npy(data: bytes, limits: Limits) -> Array:
    """The array of a .npy file: numbers, bool or text, exactly as long as its header says; read-only."""
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read(stream, max_header_size=_LONGEST_HEADER)
    except (ValueError, KeyError, SyntaxError, EOFError):
        raise _refused("a header that cannot be read", "a .npy header of version 1 or 2") from None
    if dtype.hasobject or dtype.kind not in _KINDS:
        raise _refused(f"values of type {dtype}", "numbers, bool or text; objects are never unpacked")
    count = math.prod(int(n) for n in shape)
    needed, present = count * dtype.itemsize, len(data) - stream.tell()
    if needed != present or needed > limits.inflated:
        raise _refused(
            f"{present:,} bytes of values", f"{needed:,} bytes as declared, at most {limits.inflated:,}"
        )
    values = np.frombuffer(data, dtype, count, stream.tell())
    return values.reshape(shape, order="F" if fortran else "C")


def _refused(found: str, expected: str) -> InputProblem:
    return InputProblem(
        "The NumPy file is refused", found=found, expected=expected, fix="save it again with numpy.savez"
    )
