"""What is kept: one DuckDB file and content-addressed arrays beside it."""

from core.store.backup_format import Manifest
from core.store.opening import set_aside
from core.store.ownership import StoreInUse
from core.store.records import (
    AnalysisSummary,
    CaseSummary,
    StoreHealth,
    StoreInfo,
    VerifyReport,
)
from core.store.restore import Restored, restore
from core.store.settings import StoreSettings, default_home
from core.store.store import Store
from core.store.trace import ReadTrace

__all__ = [
    "AnalysisSummary",
    "CaseSummary",
    "Manifest",
    "ReadTrace",
    "Restored",
    "Store",
    "StoreHealth",
    "StoreInUse",
    "StoreInfo",
    "StoreSettings",
    "VerifyReport",
    "default_home",
    "restore",
    "set_aside",
]
