"""The one table of findings: what each is called, how bad it is, what to do, and where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.audit.records import Evidence, Finding, Severity


@dataclass(frozen=True)
class FindingSpec:
    """One kind of finding."""

    code: str
    title: str
    severity: Severity
    advice: str
    rests_on: Evidence


RECOUNT = "Recompute every figure of this fold from its per-case predictions, with one set of weights."
CODES: tuple[FindingSpec, ...] = (
    FindingSpec("matrix-counts", "The confusion matrix does not hold the stated cases", "error",
                "Say which cases the matrix counts, or correct the class counts.", "confusion"),
    FindingSpec("accuracy-matrix", "Accuracy contradicts the confusion matrix", "error", RECOUNT,
                "confusion"),
    FindingSpec("f1-matrix", "F1 contradicts the confusion matrix", "error", RECOUNT, "confusion"),
    FindingSpec("score-matrix", "A score contradicts the confusion matrix", "error", RECOUNT, "confusion"),
    FindingSpec("accuracy-grid", "No number of right cases gives this accuracy", "error",
                "Check the number of cases, or whether the accuracy is of another set or is averaged.",
                "fold table"),
    FindingSpec("auc-grid", "No ranking of these cases gives this AUC", "error",
                "Check the class counts, or whether the AUC is averaged or smoothed.", "fold table"),
    FindingSpec("scores-impossible", "No confusion matrix gives these scores together", "error", RECOUNT,
                "fold table"),
    FindingSpec("f1-variant", "The F1 is not the variant it is said to be", "warning",
                "Name the variant of F1 (binary, macro, weighted) and use one throughout.", "fold table"),
    FindingSpec("mean-not-from-folds", "The reported mean does not follow from the folds", "error",
                "Recompute the mean from the folds that are shown.", "summary"),
    FindingSpec("mean-is-pooled", "The reported mean is the score of all cases together", "info",
                "Say that it is the score of the summed counts; the SD over folds does not belong to it.",
                "summary"),
    FindingSpec("mean-impossible", "No folds of these sizes have this mean", "error",
                "Recompute the mean from the folds that are shown.", "summary"),
    FindingSpec("sd-not-from-folds", "The reported SD does not follow from the folds", "error",
                "Recompute the SD from the folds that are shown and state its divisor (n or n-1).",
                "summary"),
    FindingSpec("score-not-from-cases", "A reported score does not follow from the predictions", "error",
                RECOUNT, "cases"),
    FindingSpec("score-not-from-log", "A reported score is not in the log", "error", RECOUNT, "curves"),
    FindingSpec("best-epoch-headline", "The headline is not the final epoch's", "warning",
                "Report the weights that will be used. A best epoch chosen on the cases it is reported on "
                "flatters; choose it on other cases, or report the final epoch.", "curves"),
    FindingSpec("epochs-mixed", "Figures of the best and of the final epoch are mixed", "error",
                "Take every figure from the same weights.", "curves"),
    FindingSpec("class-collapse", "A class is never or hardly ever predicted", "error",
                "Do not use these weights. Weight the classes or use focal loss, watch each class's recall "
                "while training, and check the threshold.", "confusion"),
    FindingSpec("threshold-off", "The ranking is good and the threshold is not", "warning",
                "Calibrate the threshold on the training part of each fold, never on the cases it is "
                "reported on.",
                "threshold"),
    FindingSpec("class-imbalance", "One class is much rarer than the others", "info",
                "Read balanced accuracy and each class's recall, not accuracy.", "fold table"),
    FindingSpec("overfitting", "Validation loss rises after the best epoch", "warning",
                "Stop earlier, on a class-wise metric; regularise more.", "curves"),
    FindingSpec("loss-gap", "Training loss is far below validation loss", "warning",
                "Regularise more, or give the network more cases.", "curves"),
    FindingSpec("unstable", "Validation scores jump from epoch to epoch", "warning",
                "Lower the learning rate, average weights, or use larger or fixed bags.", "curves"),
    FindingSpec("best-epoch-early", "The best epoch is one of the first", "warning",
                "Training after it did not help: check learning rate and labels; one good early epoch may be "
                "luck.", "curves"),
    FindingSpec("best-epoch-last", "Validation loss was still falling at the end", "info",
                "Train longer, or say why training ended there.", "curves"),
    FindingSpec("fold-stands-out", "A fold differs from the others by more than chance", "warning",
                "Look at the cases and the training of this fold before averaging it with the others.",
                "fold table"),
    FindingSpec("group-leak", "The same patient or group is on both sides of a split", "error",
                "Split by group, then train again; these scores flatter.", "cases"),
    FindingSpec("input-leak", "The same input is on both sides of a split", "error",
                "Remove duplicates before splitting, then train again.", "cases"),
    FindingSpec("too-few-cases", "Too few cases of a class to say how often it is found", "warning",
                "Report the interval with the number, and collect more cases of this class.", "fold table"),
    FindingSpec("attention-collapse", "Attention looks at one instance", "error",
                "Do not read the attention as an explanation. Pool over the k best instances, drop instances "
                "while training, or use gated attention.", "attention"),
    FindingSpec("attention-empty", "All attention weights of a bag are zero", "error",
                "Check the softmax and the mask of padded instances.", "attention"),
    FindingSpec("attention-uniform", "Attention does not choose", "info",
                "The pooling is a plain mean; do not read the attention as an explanation.", "attention"),
    FindingSpec("attention-not-logged", "Attention was not logged, so it cannot be diagnosed", "info",
                "Log entropy, top-1 weight and effective instances each epoch.", "attention"),
)  # fmt: skip


def finding_spec(code: str) -> FindingSpec:
    """The row of CODES. Raises KeyError that lists the known codes."""
    for each in CODES:
        if each.code == code:
            return each
    raise KeyError(f"{code!r} is none of {', '.join(each.code for each in CODES)}")


def finding(code: str, where: str, evidence: str, folds: Sequence[str] = ()) -> Finding:
    """A finding with the words of its table row."""
    spec = finding_spec(code)
    return Finding(
        code=code, severity=spec.severity, where=where, evidence=evidence, advice=spec.advice,
        title=spec.title, folds=tuple(folds), rests_on=spec.rests_on,
    )  # fmt: skip
