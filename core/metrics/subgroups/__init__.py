"""How good a model is on groups of cases, and on which pairs of conditions it is worst."""

from core.metrics.subgroups.report import (
    Attribute,
    GroupRow,
    SubgroupReport,
    holm,
    subgroup_report,
)

__all__ = ["Attribute", "GroupRow", "SubgroupReport", "holm", "subgroup_report"]
