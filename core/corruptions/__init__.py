"""Pictures made worse on purpose: a pure function of picture, severity and seed, in one table."""

from core.corruptions.apply import Attack, applicable, corrupt, draw_of, refusal, require_sense
from core.corruptions.describe import table_markdown
from core.corruptions.moves import support, unmove
from core.corruptions.spec import CorruptionSpec, Parameter
from core.corruptions.table import CORRUPTIONS, GROUPS, SUITE, corruption_spec

__all__ = [
    "CORRUPTIONS",
    "GROUPS",
    "SUITE",
    "Attack",
    "CorruptionSpec",
    "Parameter",
    "applicable",
    "corrupt",
    "corruption_spec",
    "draw_of",
    "refusal",
    "require_sense",
    "support",
    "table_markdown",
    "unmove",
]
