"""What the curves of a training say: overfitting, gap, fluctuation, a best epoch at either end."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.audit.codes import finding
from core.audit.facts import Facts
from core.audit.records import Curve, Finding, Fold, Study
from core.audit.scores import score_spec
from core.types import Float64Array

RISE = 0.2
"""Share by which validation loss has to rise over its best to be called overfitting."""
NOISES = 3.0
"""And by how many times its own fluctuation."""
GAP = 2.0
"""Validation loss over training loss at the end."""
FALLING = 0.05
"""Share by which validation loss still falls over the last two tenths of the epochs."""
JUMP_SCORE, JUMP_LOSS = 0.05, 0.2
"""SD of a validation score, and of a loss as a share of its median, from epoch to epoch, second half."""
FEWEST_EPOCHS = 10
EARLY = 0.1
"""The best epoch is early when it is within this share of the epochs."""


def epoch_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Every finding of the curves, or of the losses at the best and final epoch where there is no curve."""
    for each in facts:
        yield from _overfitting(each.fold)
        yield from _unstable(each.fold)
        yield from _best_epoch(each.fold)


def losses_of(fold: Fold) -> tuple[float, float] | None:
    """Validation loss at its best and at the end; of a curve, means over a tenth of the epochs."""
    if fold.losses is not None:
        return fold.losses.best, fold.losses.final
    curve = fold.curve("validation", "loss")
    if curve is None or len(curve.values) < 2:
        return None
    # Both ends are means over as many epochs: the luckiest of many noisy values is no level.
    step = min(max(3, _tenth(curve)), len(curve.values))
    means = np.convolve(np.array(curve.values), np.full(step, 1.0 / step), "valid")
    return float(means.min()), float(means[-1])


def lowest_epoch(fold: Fold) -> int | None:
    """The epoch with the lowest smoothed validation loss; None without a curve."""
    curve = fold.curve("validation", "loss")
    return None if curve is None else curve.epochs[int(_smooth(curve).argmin())]


def _overfitting(fold: Fold) -> Iterator[Finding]:
    losses = losses_of(fold)
    if losses is None:
        return
    best, final = losses
    curve, train = fold.curve("validation", "loss"), fold.curve("train", "loss")
    noise = 0.0 if fold.losses is not None or curve is None else _noise(np.array(curve.values))
    if best > 0 and final > best * (1 + RISE) and final - best > NOISES * noise:
        at = f" (epoch {fold.best_epoch})" if fold.best_epoch is not None else ""
        said = (
            f"Validation loss rises from {best:.3f} at its best{at} to {final:.3f} at the end, "
            f"{final / best - 1:+.0%}."
        )
        yield finding("overfitting", f"fold {fold.name}", said + _training(train), [fold.name])
    elif train is not None and curve is not None and len(train.values) >= FEWEST_EPOCHS:
        end = float(np.mean(train.values[-_tenth(train) :]))
        if final > GAP * end and final - end > 0.1 * train.values[0]:
            said = f"At the end training loss is {end:.3f} and validation loss {final:.3f}."
            yield finding("loss-gap", f"fold {fold.name}", said, [fold.name])


def _training(train: Curve | None) -> str:
    if train is None or len(train.values) < 2:
        return ""
    return f" Training loss goes from {train.values[0]:.3f} to {train.values[-1]:.3f} over all epochs."


def _unstable(fold: Fold) -> Iterator[Finding]:
    said = []
    for curve in fold.curves:
        if curve.split != "validation" or len(curve.values) < FEWEST_EPOCHS:
            continue
        half = np.array(curve.values[len(curve.values) // 2 :])
        jump = float(np.std(np.diff(half))) / np.sqrt(2.0)
        limit = JUMP_LOSS * float(np.median(np.abs(half))) if curve.key == "loss" else JUMP_SCORE
        if jump > limit:
            label = "loss" if curve.key == "loss" else score_spec(curve.key).label
            said.append(
                f"Validation {label} moves by {jump:.3f} (SD) from epoch to epoch, limit {limit:.3f}."
            )
    if said:
        yield finding("unstable", f"fold {fold.name}", " ".join(said), [fold.name])


def _best_epoch(fold: Fold) -> Iterator[Finding]:
    curve = fold.curve("validation", "loss")
    best, final = fold.best_epoch, fold.final_epoch
    if curve is not None and len(curve.values) >= FEWEST_EPOCHS:
        best = lowest_epoch(fold) if best is None else best
        first, final = curve.epochs[0], curve.epochs[-1]
    else:
        first = 0
    if best is None or final is None or final - first + 1 < FEWEST_EPOCHS:
        return
    place = (best - first) / (final - first)
    if place <= EARLY:
        said = f"The best epoch is {best} of {first} to {final}."
        yield finding("best-epoch-early", f"fold {fold.name}", said, [fold.name])
    elif place >= 1 - EARLY and (curve is None or _falling(curve)):
        said = f"The best epoch is {best}, the last {final}."
        yield finding("best-epoch-last", f"fold {fold.name}", said, [fold.name])


def _falling(curve: Curve) -> bool:
    values, step = np.array(curve.values), max(_tenth(curve), 2)
    if len(values) < FEWEST_EPOCHS:
        return True
    before, after = float(values[-2 * step : -step].mean()), float(values[-step:].mean())
    return bool(before - after > max(FALLING * abs(before), NOISES * _noise(values) * (2.0 / step) ** 0.5))


def _smooth(curve: Curve) -> Float64Array:
    """Moving median of three, so that one lucky epoch is not the best."""
    values = np.array(curve.values)
    if len(values) < 3:
        return values
    padded = np.concatenate([values[:1], values, values[-1:]])
    return np.asarray(np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0), np.float64)


def _noise(values: Float64Array) -> float:
    """SD of what a curve does beside its trend: second differences, robust."""
    if len(values) < 4:
        return 0.0
    second = np.diff(values, 2)
    return float(1.4826 * np.median(np.abs(second - np.median(second))) / np.sqrt(6.0))


def _tenth(curve: Curve) -> int:
    return max(1, len(curve.values) // 10)
