"""What a logged metric is, by its name: split and score, loss, or a diagnostic of attention."""

from __future__ import annotations

import re
from typing import Literal

from core.audit.scores import score_key

Split = Literal["train", "validation"]

TRAIN = ("train", "training", "tr", "fit")
VALIDATION = ("val", "valid", "validation", "dev", "held", "out", "eval", "test")
NOISE = ("epoch", "binary", "multiclass", "avg", "mean")
"""Parts that say nothing about what is measured; BinaryAUROC is how torchmetrics calls its classes."""
ATTENTION = ("attention", "attn", "att")
DIAGNOSTICS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("normalised_entropy", ("normalised_entropy", "normalized_entropy", "entropy_normalised",
                            "entropy_normalized",
                            "norm_entropy", "entropy_norm")),
    ("entropy", ("entropy",)),
    ("top1", ("top1", "top_1", "max", "top1_weight", "max_weight", "top_1_weight")),
    ("effective_exp", ("effective_exp", "effective_instances", "effective_instances_exp", "n_eff", "neff",
                       "perplexity")),
    ("effective_inverse", ("effective_inverse", "effective_instances_inverse", "inverse_simpson",
                           "n_eff_inverse")),
    ("selection_confidence", ("selection_confidence",)),
)  # fmt: skip


def curve_name(name: str) -> tuple[Split, str] | None:
    """Split and key of a curve, None for what is no curve we know.

    >>> curve_name("val/BinaryAUROC"), curve_name("train_loss_epoch"), curve_name("train_loss_step")
    (('validation', 'auc'), ('train', 'loss'), None)
    """
    parts = _parts(name)
    if "step" in parts or set(parts) & set(ATTENTION):
        return None
    split: Split | None = None
    if set(parts) & set(TRAIN):
        split = "train"
    elif set(parts) & set(VALIDATION):
        split = "validation"
    if split is None:
        return None
    rest = "_".join(each for each in parts if each not in (*TRAIN, *VALIDATION, *NOISE))
    if rest == "loss":
        return split, "loss"
    key = score_key(rest)
    return (split, key) if key else None


def attention_name(name: str) -> str | None:
    """Diagnostic of attention that a metric is, None for another one.

    >>> attention_name("val_attention_entropy"), attention_name("attn/top1"), attention_name("val_entropy")
    ('entropy', 'top1', None)
    """
    parts = _parts(name)
    if "selection" in parts and "confidence" in parts:
        return "selection_confidence"
    if not set(parts) & set(ATTENTION) or "step" in parts or set(parts) & set(TRAIN):
        return None
    rest = "_".join(each for each in parts if each not in (*ATTENTION, *VALIDATION, "epoch", "mean", "avg"))
    return next((key for key, names in DIAGNOSTICS if rest in names), None)


def fold_name(text: str) -> str | None:
    """Number of the fold that a path or run name speaks of.

    >>> fold_name("runs/fold_3/metrics.csv"), fold_name("logs/version_2/metrics.csv"), fold_name("log_4.csv")
    ('3', '2', '4')
    """
    for pattern in (r"(?i)(?:fold|split|cv)[ _=-]*(\d{1,6})", r"(?i)version_(\d{1,6})"):
        found = re.findall(pattern, text)
        if found:
            return str(int(found[-1]))
    stem = re.split(r"[/\\]", text)[-1].rpartition(".")[0]
    numbers = re.findall(r"\d{1,6}", stem)
    return str(int(numbers[0])) if len(numbers) == 1 else None


def _parts(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)
    return [part for part in re.split(r"[^a-z0-9]+", spaced.lower()) if part]
