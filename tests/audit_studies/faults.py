"""One planted fault at a time, of a size as people make them; the checker's limits are unknown here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

from tests.audit_studies.clean import Made, clean_study, report, summarise

Change = Callable[[Made], None]


@dataclass(frozen=True)
class Fault:
    """One kind of fault. code: the finding that has to name it. also: findings that are true with it."""

    code: str
    words: str
    change: Change
    also: tuple[str, ...] = ()
    wanted: tuple[tuple[str, Any], ...] = ()


def faulty_study(fault: Fault, seed: int) -> Made:
    """A clean study with that fault in it."""
    made = clean_study(seed, **dict(fault.wanted))
    fault.change(made)
    return made


def _any_fold(made: Made) -> int:
    return int(made.rng.integers(len(made.document["folds"])))


def _slip(made: Made, low: float = 0.002, high: float = 0.05) -> float:
    """By how much a number is wrong: a digit mistyped, another table, another run."""
    return float(made.rng.uniform(low, high) * made.rng.choice([-1, 1]))


def _without_logs(made: Made) -> None:
    made.logs.clear()
    made.document["mil"] = False


def _alter(made: Made, key: str, *, bare: bool = False) -> None:
    k = _any_fold(made)
    scores = made.fold(k)["scores"]
    scores[key] = float(np.clip(scores[key] + _slip(made), 0.0, 1.0))
    if bare:
        made.with_cases = False
        _without_logs(made)
        for entry in made.document["folds"]:
            del entry["confusion"]
    summarise(made)


def _other_matrix(made: Made, key: str) -> None:
    """A score that belongs to another matrix: some cases right or wrong more than it shows."""
    entry = made.fold(_any_fold(made))
    (tn, fp), (fn, tp) = entry["confusion"]
    moved = int(made.rng.integers(1, 9))
    moved = min(moved, tp) if made.rng.random() < 0.5 else -min(moved, fn)
    moved = moved or min(3, tp) or -min(3, fn)
    label = np.repeat([0, 0, 1, 1], [tn, fp, fn + moved, tp - moved])
    predicted = np.repeat([0, 1, 0, 1], [tn, fp, fn + moved, tp - moved])
    entry["scores"][key] = float({
        "accuracy": (label == predicted).mean(),
        "f1": f1_score(label, predicted, average="macro"),
        "sensitivity": (tp - moved) / (tp + fn),
    }[key])  # fmt: skip
    summarise(made)


def _counts(made: Made) -> None:
    counts = made.fold(_any_fold(made))["counts"]
    counts["malignant"] += int(made.rng.integers(1, 6))


def _declared(made: Made) -> None:
    for entry in made.document["folds"]:
        (_, fp), (fn, tp) = entry["confusion"]
        entry["scores"]["f1"] = 2 * tp / (2 * tp + fp + fn)
        del entry["confusion"]
    made.with_cases = False
    _without_logs(made)
    summarise(made)


def _mean(made: Made) -> None:
    key = str(made.rng.choice(["auc", "accuracy", "f1"]))
    made.document["summary"][key]["mean"] += _slip(made, 0.001, 0.02)


def _bare_mean(made: Made) -> None:
    made.with_cases = False
    _without_logs(made)
    made.document["summary"] = {
        "accuracy": {"mean": made.document["summary"]["accuracy"]["mean"] + _slip(made)}
    }
    for entry in made.document["folds"]:
        del entry["confusion"], entry["scores"]["accuracy"], entry["scores"]["f1"]


def _sd(made: Made) -> None:
    key = str(made.rng.choice(["auc", "accuracy", "f1"]))
    factor = float(made.rng.choice([made.rng.uniform(0.5, 0.85), made.rng.uniform(1.2, 1.8)]))
    made.document["summary"][key]["sd"] *= factor


def _pooled(made: Made) -> None:
    kept = made.rng.uniform(0.3, 0.7)
    rows = made.own(0)
    gone = {row[1] for row in rows[round(len(rows) * kept) :]}
    made.rows = [row for row in made.rows if row[1] not in gone]
    report(made)
    right = sum(entry["confusion"][0][0] + entry["confusion"][1][1] for entry in made.document["folds"])
    made.document["summary"]["accuracy"]["mean"] = right / len(made.rows)


def _curve_auc(made: Made, k: int) -> np.ndarray:
    return np.array(made.logs[str(k)]["val_auc"])


def _best_headline(made: Made) -> None:
    made.with_cases = False
    for k, entry in enumerate(made.document["folds"]):
        del entry["confusion"]
        entry["scores"] = {"auc": float(_curve_auc(made, k).max())}
    made.document["summary"] = {}


def _mixed(made: Made) -> None:
    made.with_cases = False
    chosen = made.rng.permutation(len(made.document["folds"]))[: int(made.rng.integers(1, 3))]
    for k, entry in enumerate(made.document["folds"]):
        del entry["confusion"]
        curve = _curve_auc(made, k)
        entry["scores"] = {"auc": float(curve.max() if k in chosen else curve[-1])}
    made.document["summary"] = {}


def _shift(made: Made, folds: list[int], by: float) -> None:
    for row in made.rows:
        if int(row[0]) in folds:
            row[4] += by
    report(made)


def _collapse(made: Made) -> None:
    k = _any_fold(made)
    logits = np.array([row[4] for row in made.own(k) if row[3] == 1])
    _shift(made, [k], -float(np.quantile(logits, made.rng.uniform(0.75, 1.0))))


def _off(made: Made) -> None:
    folds = list(range(len(made.document["folds"])))
    _shift(made, folds, float(made.rng.uniform(1.0, 3.0) * made.rng.choice([-1, 1])))


def _curve(name: str, change: Callable[[Made, np.ndarray], np.ndarray]) -> Change:
    def changed(made: Made) -> None:
        curves = made.logs[str(_any_fold(made))]
        values = np.array(curves[name])
        if name == "val_auc":
            values[:-1] = change(made, values)[:-1]
        else:
            values = change(made, values)
        curves[name] = values.tolist()

    return changed


def _rise(made: Made, values: np.ndarray) -> np.ndarray:
    t = np.linspace(0, 1, len(values))
    start = made.rng.uniform(0.2, 0.6)
    return values * (1 + made.rng.uniform(0.15, 1.2) * np.clip((t - start) / (1 - start), 0, None))


def _lower(made: Made, values: np.ndarray) -> np.ndarray:
    t = np.linspace(0, 1, len(values))
    return values * (1 - made.rng.uniform(0.4, 0.9) * np.clip(t * 2, 0, 1))


def _jumps(made: Made, values: np.ndarray) -> np.ndarray:
    return np.clip(values + made.rng.normal(0, made.rng.uniform(0.04, 0.15), len(values)), 0, 1)


def _early(made: Made, values: np.ndarray) -> np.ndarray:
    best = int(made.rng.integers(1, 5))
    t = np.arange(len(values))
    level = float(np.median(values))
    return np.where(
        t < best, 0.75, level * (1 - made.rng.uniform(0.03, 0.15) * np.exp(-np.clip(t - best, 0, None) / 3))
    )


def _still(made: Made, values: np.ndarray) -> np.ndarray:
    fall = np.linspace(0, made.rng.uniform(0.2, 0.7), len(values))
    return np.full(len(values), 0.7) * (1 - fall) + made.rng.normal(0, 0.004, len(values))


def _worse(made: Made) -> None:
    """One fold that did not train: its scores say little about the label."""
    k, weight = _any_fold(made), float(made.rng.uniform(0.0, 0.4))
    own = made.own(k)
    spread = float(np.std([row[4] for row in own]))
    for row in own:
        row[4] = weight * row[4] + (1 - weight) * float(made.rng.normal(0, spread))
    report(made)


def _group(made: Made) -> None:
    first, second = made.own(0), made.own(1)
    for n in range(int(made.rng.integers(1, 6))):
        second[n][2] = first[3 * n][2]


def _digest(made: Made) -> None:
    first, second = made.own(0), made.own(1)
    for n in range(int(made.rng.integers(1, 6))):
        second[n][5] = first[3 * n][5]


def _attention(change: Callable[[Made, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Change:
    def changed(made: Made) -> None:
        curves = made.logs[str(_any_fold(made))]
        names = "val_attention_normalised_entropy", "val_attention_top1"
        found = change(made, *(np.array(curves[name]) for name in names))
        for name, values in zip(names, found, strict=True):
            curves[name] = values.tolist()

    return changed


def _one_slice(made: Made, entropy: np.ndarray, top1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    began = int(made.rng.integers(3, len(entropy) - 5))
    top1[began:] = np.clip(made.rng.uniform(0.85, 0.99) + made.rng.normal(0, 0.01, len(top1) - began), 0, 1)
    entropy[began:] = (1 - top1[began:]) * made.rng.uniform(0.8, 1.4)
    return entropy, top1


def _no_choice(made: Made, entropy: np.ndarray, top1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    level = made.rng.uniform(0.97, 1.0)
    return np.clip(
        np.full(len(entropy), level) + made.rng.normal(0, 0.002, len(entropy)), 0, 1
    ), 0 * top1 + 0.05


def _zeros(made: Made) -> None:
    entry = made.fold(_any_fold(made))
    curves = made.logs[str(entry["fold"])]
    del curves["val_attention_normalised_entropy"], curves["val_attention_top1"]
    bags = [(np.ones(8) / 8 + made.rng.random(8)).tolist() for _ in range(4)]
    entry["attention"] = [{"epoch": e, "weights": [*map(_shares, bags)]} for e in range(4)]
    entry["attention"][int(made.rng.integers(4))]["weights"][0] = [0.0] * 8


def _shares(weights: list[float]) -> list[float]:
    return [each / sum(weights) for each in weights]


def _unlogged(made: Made) -> None:
    for curves in made.logs.values():
        del curves["val_attention_normalised_entropy"], curves["val_attention_top1"]


def _nowhere(made: Made) -> None:
    made.with_cases = False
    _alter(made, "auc")


def _nothing(made: Made) -> None:
    """The fault is in how the study was asked for."""


SUMMARY = ("mean-not-from-folds", "sd-not-from-folds", "mean-impossible")
AT_ODDS = ("score-not-from-cases", "f1-variant", "scores-impossible", "accuracy-grid")
MIL = (("mil", True),)
FAULTS: tuple[Fault, ...] = (
    Fault("accuracy-matrix", "accuracy of another matrix", lambda m: _other_matrix(m, "accuracy"), AT_ODDS),
    Fault("f1-matrix", "F1 of another matrix", lambda m: _other_matrix(m, "f1"), AT_ODDS),
    Fault("score-matrix", "sensitivity of another matrix", lambda m: _other_matrix(m, "sensitivity"),
          AT_ODDS),
    Fault("matrix-counts", "1 to 5 cases more in the counts", _counts,
          (*AT_ODDS, "score-matrix", "auc-grid", "mean-impossible")),
    Fault("accuracy-grid", "accuracy off by 0.002 to 0.05", lambda m: _alter(m, "accuracy", bare=True),
          ("f1-variant", "scores-impossible", "mean-impossible")),
    Fault("auc-grid", "AUC off by 0.002 to 0.05", lambda m: _alter(m, "auc", bare=True)),
    Fault("scores-impossible", "sensitivity off by 0.002 to 0.05",
          lambda m: _alter(m, "sensitivity", bare=True), ("f1-variant",)),
    Fault("f1-variant", "binary F1 called macro", _declared, ("scores-impossible",)),
    Fault("mean-not-from-folds", "mean off by 0.001 to 0.02", _mean, ("mean-impossible", "mean-is-pooled")),
    Fault("mean-impossible", "mean off by 0.002 to 0.05, no fold accuracies", _bare_mean,
          wanted=(("equal", True),)),
    Fault("sd-not-from-folds", "SD times 0.5 to 0.85 or 1.2 to 1.8", _sd),
    Fault("mean-is-pooled", "accuracy of all cases called mean", _pooled, ("mean-impossible",)),
    Fault("score-not-from-cases", "AUC off by 0.002 to 0.05", lambda m: _alter(m, "auc"),
          ("auc-grid", "score-not-from-log", "best-epoch-headline", "epochs-mixed")),
    Fault("score-not-from-log", "AUC off by 0.002 to 0.05, no predictions", _nowhere,
          ("auc-grid", "best-epoch-headline", "epochs-mixed")),
    Fault("best-epoch-headline", "best AUC of the curve as headline", _best_headline, ("auc-grid",)),
    Fault("epochs-mixed", "one or two folds with their best AUC", _mixed, ("auc-grid",)),
    Fault("class-collapse", "one fold finds 0 to 25 % of a class", _collapse,
          ("threshold-off", "fold-stands-out", "too-few-cases")),
    Fault("threshold-off", "all logits off by 1 to 3", _off, ("class-collapse",)),
    Fault("class-imbalance", "one class 3 to 17 % of the cases", _nothing,
          ("class-collapse", "too-few-cases", "threshold-off", "fold-stands-out"), (("share", "rare"),)),
    Fault("overfitting", "validation loss rises by 15 to 120 %", _curve("val_loss", _rise), ("loss-gap",)),
    Fault("loss-gap", "training loss falls by another 40 to 90 %", _curve("train_loss", _lower)),
    Fault("unstable", "AUC jumps with SD 0.04 to 0.15", _curve("val_auc", _jumps)),
    Fault("best-epoch-early", "lowest loss at epoch 1 to 4", _curve("val_loss", _early)),
    Fault("best-epoch-last", "loss falls by 20 to 70 % in a straight line", _curve("val_loss", _still),
          ("loss-gap",)),
    Fault("fold-stands-out", "one fold with 60 to 100 % noise", _worse, ("threshold-off", "class-collapse")),
    Fault("group-leak", "1 to 5 cases of a patient in another fold", _group),
    Fault("input-leak", "1 to 5 inputs in another fold as well", _digest),
    Fault("too-few-cases", "8 to 20 cases per fold, three folds", _nothing,
          ("class-collapse", "fold-stands-out", "threshold-off", "class-imbalance"),
          (("folds", 3), ("per_fold", "few"))),
    Fault("attention-collapse", "top-1 weight rises to 0.85 to 0.99", _attention(_one_slice), wanted=MIL),
    Fault("attention-empty", "weights of a bag are zero once", _zeros, ("attention-uniform",), MIL),
    Fault("attention-uniform", "normalised entropy 0.97 to 1", _attention(_no_choice), wanted=MIL),
    Fault("attention-not-logged", "attention is not logged", _unlogged, wanted=MIL),
)  # fmt: skip
"""Every finding has its fault; a test holds that."""
