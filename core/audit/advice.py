"""What to change in a training, each with the findings that it answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.audit.records import Finding, Recommendation


@dataclass(frozen=True)
class Advice:
    """One recommendation. answers: codes of findings. needs: a MIL study, or any."""

    key: str
    title: str
    text: str
    answers: tuple[str, ...]
    mil: bool = False


ADVICE: tuple[Advice, ...] = (
    Advice("one-source", "Recompute every figure from predictions",
           "Keep one table of predictions per fold and weights; derive scores, matrices and means from it.",
           ("accuracy-matrix", "f1-matrix", "score-matrix", "matrix-counts", "scores-impossible",
            "accuracy-grid", "auc-grid", "mean-not-from-folds", "mean-impossible", "sd-not-from-folds",
            "score-not-from-cases", "score-not-from-log", "epochs-mixed", "best-epoch-headline",
            "f1-variant")),
    Advice("class-weights", "Class weights", "Weight the loss by the inverse share of each class.",
           ("class-collapse", "class-imbalance")),
    Advice("focal-loss", "Focal loss", "Give the cases that are still wrong more weight.",
           ("class-collapse", "class-imbalance")),
    Advice("label-smoothing", "Stronger smoothing",
           "Raise label smoothing, so that the loss does not pay for certainty.",
           ("overfitting", "loss-gap")),
    Advice("threshold", "Threshold calibration",
           "Choose the threshold on the training part of each fold, for balanced accuracy or the error that "
           "matters, and report it.", ("threshold-off", "class-collapse")),
    Advice("bags", "Smaller or deterministic bags",
           "Draw fewer instances per bag, or always the same ones in validation.",
           ("unstable", "attention-collapse"), mil=True),
    Advice("top-k", "Top-k pooling", "Average the k instances with the highest attention.",
           ("attention-collapse",), mil=True),
    Advice("gated", "Gated attention", "Use gated attention (Ilse et al. 2018, arXiv:1802.04712).",
           ("attention-collapse", "attention-uniform"), mil=True),
    Advice("instance-dropout", "Instance dropout", "Leave random instances out of each bag while training.",
           ("attention-collapse", "overfitting"), mil=True),
    Advice("stochastic-depth", "Stochastic depth", "Drop whole residual branches while training.",
           ("overfitting", "loss-gap")),
    Advice("early-stopping", "Early stopping on class-wise metrics",
           "Stop on the lowest recall of any class or on balanced accuracy, on cases that are not "
           "reported on.",
           ("overfitting", "class-collapse", "best-epoch-headline", "best-epoch-early")),
    Advice("learning-rate", "A calmer schedule", "Lower the learning rate, warm up, or average the weights.",
           ("unstable", "best-epoch-early")),
    Advice("train-longer", "Train longer", "Go on until validation loss is flat.", ("best-epoch-last",)),
    Advice("plots", "Plots every n epochs",
           "Draw loss, recall of each class and attention every few epochs, while it can still be stopped.",
           ("class-collapse", "attention-collapse", "attention-empty", "attention-not-logged", "overfitting",
            "unstable")),
    Advice("group-split", "Split by patient", "Split groups, not cases, and remove duplicates first.",
           ("group-leak", "input-leak")),
    Advice("more-cases", "More cases, or repeated cross-validation",
           "Collect cases of the rare class; repeat the split with other seeds and report the spread.",
           ("too-few-cases", "fold-stands-out")),
    Advice("say-what", "Say what the summary is", "Name the divisor of the SD, and whether the mean is over "
           "folds or over all cases.", ("mean-is-pooled", "sd-not-from-folds")),
)  # fmt: skip
"""A test holds that every finding is answered."""


def recommendations(findings: Iterable[Finding], mil: bool) -> tuple[Recommendation, ...]:
    """Every recommendation that answers a finding; those for bags only where there are bags."""
    codes = {each.code for each in findings}
    return tuple(
        Recommendation(key=each.key, title=each.title, text=each.text, answers=answered)
        for each in ADVICE
        if (answered := tuple(code for code in each.answers if code in codes)) and (mil or not each.mil)
    )
