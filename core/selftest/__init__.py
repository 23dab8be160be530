"""Is this installation sound? Files read, models asked, the store tried; `python -m core selftest`."""

from core.selftest.checks import CHECKS, run_selftest
from core.selftest.kept import keep, kept
from core.selftest.records import Detail, Finding, SelfTest

__all__ = ["CHECKS", "Detail", "Finding", "SelfTest", "keep", "kept", "run_selftest"]
