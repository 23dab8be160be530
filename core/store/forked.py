"""A process made by fork must leave the database it inherited alone.

DuckDB merges its log into the file and deletes the log when its last connection goes away, also in a forked
child that merely ends; what the parent acknowledges after that is written to a deleted file.
"""

from __future__ import annotations

import ctypes
import os
import weakref

from duckdb import DuckDBPyConnection

_open: weakref.WeakSet[DuckDBPyConnection] = weakref.WeakSet()
_hooked: list[bool] = []


def leave_to_parent(connection: DuckDBPyConnection) -> DuckDBPyConnection:
    """The connection, which a child of this process will never close, not even when it ends."""
    if not _hooked and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_keep_for_ever)
        _hooked.append(True)
    _open.add(connection)
    return connection


def _keep_for_ever() -> None:
    for each in list(_open):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))
