"""The audit of a study: every check, then one verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from core.audit.advice import recommendations
from core.audit.checks.attention_spread import attention_findings
from core.audit.checks.classes import class_findings, threshold_findings
from core.audit.checks.epochs import epoch_findings, losses_of, lowest_epoch
from core.audit.checks.headline import headline_findings
from core.audit.checks.leakage import leakage_findings
from core.audit.checks.matrix import f1_findings, f1_fits, grid_findings, grids_that_hold, matrix_findings
from core.audit.checks.predictions import prediction_findings
from core.audit.checks.summary import outlier_findings, score_values, summary_findings, summary_rows
from core.audit.checks.together import mean_findings, together_findings
from core.audit.facts import Facts, facts_of
from core.audit.records import SEVERITIES, Audit, Finding, FoldRow, Study
from core.audit.thresholds import fold_thresholds
from core.types import Progress

CHECKS = (
    matrix_findings, grid_findings, together_findings, f1_findings, summary_findings, mean_findings,
    prediction_findings, headline_findings, class_findings, epoch_findings, outlier_findings,
    leakage_findings, attention_findings,
)  # fmt: skip
"""Every check that needs the study and its facts only."""
CONTRADICTIONS = ("matrix-counts", "accuracy-matrix", "f1-matrix", "score-matrix")


def audit_study(study: Study, progress: Progress | None = None) -> Audit:
    """What is wrong, what to do, and the numbers behind it. Same study, same answer.

    progress: called before every check, and may stop the audit by raising.
    """
    facts, thresholds = facts_of(study), fold_thresholds(study)
    found: list[Finding] = []
    for place, check in enumerate(CHECKS):
        if progress is not None:
            progress(place / len(CHECKS), f"Check {place + 1} of {len(CHECKS)}")
        found += check(study, facts)
    contradicted = {fold for each in found if each.code in CONTRADICTIONS for fold in each.folds}
    found += threshold_findings(study, facts, thresholds, contradicted)
    mil = study.mil or any(fold.attention for fold in study.folds)
    findings = tuple(sorted(found, key=lambda each: SEVERITIES.index(each.severity)))
    return Audit(
        title=study.title,
        verdict=_verdict(findings, facts),
        findings=findings,
        folds=tuple(_row(study, each) for each in facts),
        classes=study.classes,
        summary=summary_rows(study, facts),
        thresholds=thresholds,
        recommendations=recommendations(findings, mil),
        held=tuple(grids_that_hold(facts)),
        not_checked=tuple(_not_checked(study, facts)),
        sources=study.sources,
    )


def _row(study: Study, facts: Facts) -> FoldRow:
    losses, lowest = losses_of(facts.fold), lowest_epoch(facts.fold)
    return FoldRow(
        fold=facts.name,
        cases=facts.cases,
        counts=facts.counts,
        confusion=facts.confusion,
        scores=score_values(study, facts),
        f1_fits=f1_fits(study, facts),
        best_epoch=lowest if facts.fold.best_epoch is None else facts.fold.best_epoch,
        best_from="given" if facts.fold.best_epoch is not None else _from(lowest),
        final_epoch=facts.fold.final_epoch,
        loss_best=losses[0] if losses else None,
        loss_final=losses[1] if losses else None,
        curves=facts.fold.curves,
        attention=facts.fold.attention,
    )


def _from(lowest: int | None) -> Literal["", "lowest validation loss"]:
    return "" if lowest is None else "lowest validation loss"


def _verdict(findings: tuple[Finding, ...], facts: tuple[Facts, ...]) -> str:
    folds = f"{len(facts)} fold{'s' if len(facts) != 1 else ''}"
    errors = [each for each in findings if each.severity == "error"]
    if not findings:
        return f"Nothing was found in {folds}, which does not prove the training sound."
    titles = list(dict.fromkeys(each.title for each in errors))
    if errors:
        first = "; ".join(_inside(title) for title in titles[:3])
        more = f"; and {len(titles) - 3} more kinds" if len(titles) > 3 else ""
        return f"Do not rely on these figures as they stand, {folds}: {first}{more}."
    warnings = list(dict.fromkeys(each.title for each in findings if each.severity == "warning"))
    if warnings:
        said = "; ".join(_inside(title) for title in warnings[:3])
        return f"Nothing in {folds} contradicts itself; read the figures with care: {said}."
    return f"Nothing was found to be wrong in {folds}; worth knowing: {_inside(findings[0].title)}."


def _inside(title: str) -> str:
    """A title in the middle of a sentence: F1 keeps its capital."""
    return title if title[1:2].isdigit() else title[:1].lower() + title[1:]


def _not_checked(study: Study, facts: tuple[Facts, ...]) -> Iterable[str]:
    folds = study.folds
    for name in study.left_out:
        yield f"{name}: left out, it says nothing about folds."
    if any(each.counts is None for each in facts):
        yield "Whether scores can be true together: a fold has no class counts."
    if all(each.confusion is None for each in facts):
        yield "Class collapse: no confusion matrix and no predictions."
    if study.cases is None:
        yield "Leakage and thresholds: no per-case predictions."
    elif not any(study.cases.group):
        yield "Leakage between cases of one patient: no column group."
    if study.cases is not None and not any(study.cases.digest):
        yield "Leakage of identical inputs: no column digest."
    if not any(fold.curve("validation", "loss") or fold.losses for fold in folds):
        yield "Overfitting: no validation loss."
    elif not any(fold.curve("validation", "loss") for fold in folds):
        yield "Instability: validation loss is given at the best and final epoch only, not as a curve."
    if not study.summary:
        yield "Mean and SD: no reported summary."
    if study.mil and not any(fold.attention for fold in folds):
        yield "Attention: not logged."
