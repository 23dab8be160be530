"""Can the scores of a training be true, and did anything collapse in it?"""

from core.audit.attention import AttentionSummary, attention_summary

__all__ = ["AttentionSummary", "attention_summary"]
