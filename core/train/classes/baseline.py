"""The baseline that a classifier has to beat: logistic regression on pictures of 28 x 28 pixels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from core.train.classes.data import PictureSet

SIDE = 28
STRENGTHS = (0.001, 0.01, 0.1, 1.0)
"""Inverse strength of the penalty, chosen on folds of persons inside the training pictures alone."""
INNER_FOLDS = 4
ITERATIONS = 2000
TINY = 1e-12


def tiny_pictures(data: PictureSet) -> NDArray[np.float64]:
    """(n, 784) area-averaged pixels, 0 … 1."""
    small = [cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for picture in data.image]
    return np.stack(small).reshape(len(small), -1) / 255.0


def baseline_probabilities(data: PictureSet, unseen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Class probabilities (n, class) of the unseen pictures, from a fit to all others.

    The penalty is chosen by the log loss in an inner cross-validation over persons of the training pictures.
    """
    from sklearn.linear_model import LogisticRegression

    pixels = tiny_pictures(data)
    strength = _choose_strength(pixels[~unseen], data.label[~unseen], data.person[~unseen])
    model = LogisticRegression(C=strength, max_iter=ITERATIONS).fit(pixels[~unseen], data.label[~unseen])
    return np.asarray(model.predict_proba(pixels[unseen]), dtype=np.float64)


def _choose_strength(
    pixels: NDArray[np.float64], label: NDArray[np.int64], person: NDArray[np.str_]
) -> float:
    losses = [_inner_loss(strength, pixels, label, person) for strength in STRENGTHS]
    return STRENGTHS[int(np.argmin(losses))]


def _inner_loss(
    strength: float, pixels: NDArray[np.float64], label: NDArray[np.int64], person: NDArray[np.str_]
) -> float:
    """Mean log loss of the left-out persons; a class that the fit never saw has the smallest probability."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold

    given = np.full(len(label), TINY)
    for fit, judge in GroupKFold(INNER_FOLDS).split(pixels, label, person):
        model = LogisticRegression(C=strength, max_iter=ITERATIONS).fit(pixels[fit], label[fit])
        prob = np.full((len(judge), int(label.max()) + 1), TINY)
        prob[:, model.classes_] = model.predict_proba(pixels[judge])
        given[judge] = prob[np.arange(len(judge)), label[judge]]
    return float(-np.log(np.maximum(given, TINY)).mean())
