"""Did attention collapse, and from which epoch on?"""

from __future__ import annotations

from collections.abc import Iterator

from core.audit.codes import finding
from core.audit.facts import Facts
from core.audit.records import AttentionPoint, Finding, Study

LEAST_ENTROPY = 0.1
"""Normalised entropy below which attention looks at one instance."""
MOST_TOP1 = 0.9
FEWEST_EFFECTIVE = 1.5
UNIFORM = 0.98
"""Normalised entropy above which attention is a plain mean."""


def attention_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Collapse with its first epoch, weights of zero, no choice at all; "not logged" for a MIL study."""
    logged = [each for each in facts if each.fold.attention]
    if not logged:
        if study.mil:
            said = "The study pools instances by attention, and no file holds a diagnostic of it."
            yield finding("attention-not-logged", "study", said)
        return
    for each in facts:
        if not each.fold.attention:
            said = "Other folds log attention, this one does not."
            yield finding("attention-not-logged", each.where, said, [each.name])
            continue
        yield from _fold(each)


def _fold(facts: Facts) -> Iterator[Finding]:
    points = sorted(facts.fold.attention, key=lambda each: each.epoch)
    empty = [each.epoch for each in points if each.empty]
    if empty:
        said = (
            f"At epoch {empty[0]} and in {len(empty)} of {len(points)} logged epochs all weights of a "
            f"bag are 0."
        )
        yield finding("attention-empty", facts.where, said, [facts.name])
    known = [each for each in points if signs(each) is not None]
    if not known:
        return
    began = None
    for point in reversed(known):
        if not signs(point):
            break
        began = point
    last = known[-1]
    if began is not None:
        said = f"From epoch {began.epoch} to the last, {last.epoch}: {', '.join(signs(last) or ())}."
        yield finding("attention-collapse", facts.where, said, [facts.name])
    elif last.normalised_entropy is not None and last.normalised_entropy > UNIFORM:
        said = (
            f"At the last logged epoch, {last.epoch}, normalised entropy is "
            f"{last.normalised_entropy:.3f} of 1."
        )
        yield finding("attention-uniform", facts.where, said, [facts.name])


def signs(point: AttentionPoint) -> tuple[str, ...] | None:
    """What shows collapse at one epoch; None where nothing is logged that could."""
    readings = (
        ("normalised entropy", point.normalised_entropy, LEAST_ENTROPY, -1),
        ("top-1 weight", point.top1, MOST_TOP1, 1),
        ("effective instances exp(H)", point.effective_exp, FEWEST_EFFECTIVE, -1),
        ("effective instances 1/sum a²", point.effective_inverse, FEWEST_EFFECTIVE, -1),
    )
    known = [(name, value, limit, sign) for name, value, limit, sign in readings if value is not None]
    if not known:
        return None
    return tuple(
        f"{name} {value:.3f} (limit {limit:g})"
        for name, value, limit, sign in known
        if sign * (value - limit) > 0
    )
