"""What is kept: one DuckDB file and content-addressed arrays beside it."""

from core.store.opening import set_aside
from core.store.records import (
    AnalysisSummary,
    CaseSummary,
    StoreHealth,
    StoreInfo,
    VerifyReport,
)
from core.store.settings import StoreSettings, default_home
from core.store.store import Store
from core.store.trace import ReadTrace

__all__ = [
    "AnalysisSummary",
    "CaseSummary",
    "ReadTrace",
    "Store",
    "StoreHealth",
    "StoreInfo",
    "StoreSettings",
    "VerifyReport",
    "default_home",
    "set_aside",
]
