"""Ways to make stated probabilities honest, each fitted on some patients and applied to others.

One shape serves rows of a classification and levels of a histogram: probabilities (point, class), with how
often each occurred and how often the class was there. Exclusive classes are joined by a softmax; findings and
the classes of a segmentation are judged one by one (sigmoid).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from core.errors import SettingsProblem
from core.metrics.reliability.calibration import LEAST_PROB
from core.types import Float64Array

Parameters = tuple[Float64Array, ...]
COLDEST, HOTTEST = 0.01, 100.0
"""Range in which a temperature is looked for; at an end the data do not limit it."""


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What was stated and what came: (point, class) each. exclusive: exactly one class is true per point.

    prob: in [0, 1]. count: how often. positive: how often the class was there, at most count.
    """

    prob: Float64Array
    count: Float64Array
    positive: Float64Array
    exclusive: bool


@dataclass(frozen=True, eq=False)
class Recalibration:
    """One way to recalibrate. keeps_argmax: the predicted class stays. keeps_ranking: a single probability
    orders the cases as before (so AUROC and risk-coverage of a binary model stay).
    """

    key: str
    label: str
    objective: str
    keeps_argmax: bool
    keeps_ranking: bool
    fit: Callable[[Outcomes], Parameters]
    apply: Callable[[Parameters, Float64Array, bool], Float64Array]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A recalibration with its parameters."""

    key: str
    parameters: Parameters
    exclusive: bool

    def apply(self, prob: Float64Array) -> Float64Array:
        """Recalibrated (point, class) probabilities."""
        return RECALIBRATIONS[self.key].apply(self.parameters, prob, self.exclusive)

    @property
    def temperature(self) -> float | None:
        """T, for temperature scaling only."""
        return float(self.parameters[0][0]) if self.key == "temperature" else None

    @property
    def at_end(self) -> bool:
        """Whether the data did not limit the temperature, so that it lies at an end of the range."""
        return self.temperature in (COLDEST, HOTTEST)


def fit_recalibration(key: str, outcomes: Outcomes) -> Fitted:
    """Fit the named recalibration. Raises SettingsProblem when it is unknown or has nothing to be fitted on.

    >>> probs = np.array([[0.9], [0.9], [0.9], [0.9]])
    >>> right = np.array([[1.0], [1.0], [1.0], [0.0]])
    >>> fitted = fit_recalibration("temperature", Outcomes(probs, np.ones((4, 1)), right, False))
    >>> fitted.apply(np.array([[0.9]])).round(3).tolist()
    [[0.75]]
    """
    if key not in RECALIBRATIONS:
        raise SettingsProblem(
            "Unknown recalibration",
            found=key,
            expected=f"one of {', '.join(RECALIBRATIONS)}",
            fix="choose one of these",
        )
    if not outcomes.count.any():
        raise SettingsProblem(
            "A recalibration has nothing to be fitted on",
            found="no case with a reference in the half that is fitted on",
            expected="at least one",
            fix="add patients with references",
        )
    return Fitted(key, RECALIBRATIONS[key].fit(outcomes), outcomes.exclusive)


def logits(prob: Float64Array, exclusive: bool) -> Float64Array:
    """ln p for exclusive classes, ln p / (1 - p) for events of their own."""
    kept = np.clip(prob, LEAST_PROB, 1.0 if exclusive else 1.0 - LEAST_PROB)
    return np.asarray(np.log(kept) if exclusive else np.log(kept) - np.log1p(-kept))


def _squash(values: Float64Array, exclusive: bool) -> Float64Array:
    if not exclusive:
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * values)))
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _fit_nothing(outcomes: Outcomes) -> Parameters:
    return ()


def _keep(parameters: Parameters, prob: Float64Array, exclusive: bool) -> Float64Array:
    return prob


def _fit_temperature(outcomes: Outcomes) -> Parameters:
    """The NLL is convex in 1 / T: its slope has one root, or none where the data do not limit T."""
    from scipy.optimize import brentq

    z = logits(outcomes.prob, outcomes.exclusive)

    def slope(inverse: float) -> float:
        surplus = outcomes.count * _squash(inverse * z, outcomes.exclusive) - outcomes.positive
        return float((surplus * z).sum())

    low, high = 1.0 / HOTTEST, 1.0 / COLDEST
    if slope(low) >= 0.0:
        return (np.array([HOTTEST]),)
    if slope(high) <= 0.0:
        return (np.array([COLDEST]),)
    return (np.array([1.0 / brentq(slope, low, high, xtol=1e-12, rtol=1e-12)]),)


def _cool(parameters: Parameters, prob: Float64Array, exclusive: bool) -> Float64Array:
    return _squash(logits(prob, exclusive) / parameters[0], exclusive)


def _fit_vector(outcomes: Outcomes) -> Parameters:
    from scipy.optimize import minimize

    z = logits(outcomes.prob, outcomes.exclusive)
    classes, total = z.shape[1], outcomes.count.sum()

    def loss(values: Float64Array) -> tuple[float, Float64Array]:
        scale, offset = values[:classes], values[classes:]
        scores = scale * z + offset
        if outcomes.exclusive:
            top = scores.max(axis=1, keepdims=True)
            partition = top + np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
            value = (outcomes.positive * (partition - scores)).sum()
        else:
            value = (outcomes.count * np.logaddexp(0.0, scores) - outcomes.positive * scores).sum()
        surplus = outcomes.count * _squash(scores, outcomes.exclusive) - outcomes.positive
        slopes = np.r_[(surplus * z).sum(axis=0), surplus.sum(axis=0)]
        return float(value / total), slopes / total

    start = np.r_[np.ones(classes), np.zeros(classes)]
    limits = [(-HOTTEST, HOTTEST)] * len(start)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": 500})
    return found.x[:classes], found.x[classes:]


def _stretch(parameters: Parameters, prob: Float64Array, exclusive: bool) -> Float64Array:
    scale, offset = parameters
    return _squash(scale * logits(prob, exclusive) + offset, exclusive)


def _fit_isotonic(outcomes: Outcomes) -> Parameters:
    from sklearn.isotonic import IsotonicRegression

    out: list[Float64Array] = []
    for k in range(outcomes.prob.shape[1]):
        seen = outcomes.count[:, k] > 0
        count = outcomes.count[seen, k]
        model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        model.fit(outcomes.prob[seen, k], outcomes.positive[seen, k] / count, sample_weight=count)
        out += [np.asarray(model.X_thresholds_, np.float64), np.asarray(model.y_thresholds_, np.float64)]
    return tuple(out)


def _steps(parameters: Parameters, prob: Float64Array, exclusive: bool) -> Float64Array:
    columns = [np.interp(prob[:, k], parameters[2 * k], parameters[2 * k + 1]) for k in range(prob.shape[1])]
    out = np.stack(columns, axis=1)
    if not exclusive:
        return out
    total = out.sum(axis=1, keepdims=True)
    return np.where(total > 0, out / np.where(total > 0, total, 1.0), prob)


RECALIBRATIONS: Mapping[str, Recalibration] = MappingProxyType(
    {
        each.key: each
        for each in (
            Recalibration(
                "none", "none: as the model states them", "nothing is fitted", True, True, _fit_nothing, _keep
            ),
            Recalibration(
                "temperature",
                "temperature: one factor for all logits (Guo et al. 2017, arXiv:1706.04599)",
                "smallest negative log-likelihood over all outcomes, each weighing the same",
                True,
                True,
                _fit_temperature,
                _cool,
            ),
            Recalibration(
                "vector",
                "vector: a factor and an offset per class (Guo et al. 2017, arXiv:1706.04599)",
                "smallest negative log-likelihood over all outcomes, each weighing the same",
                False,
                False,
                _fit_vector,
                _stretch,
            ),
            Recalibration(
                "isotonic",
                "isotonic: any rising step function per class (Zadrozny and Elkan 2002, "
                "doi:10.1145/775047.775151)",
                "smallest squared error over all outcomes; classes are fitted one against the rest and "
                "exclusive ones brought back to a sum of 1",
                False,
                False,
                _fit_isotonic,
                _steps,
            ),
        )
    }
)
"""Every recalibration by its key."""


def row_outcomes(prob: Float64Array, label: NDArray[np.bool_], *, exclusive: bool) -> Outcomes:
    """Outcomes of rows (n, class), each counted once."""
    return Outcomes(prob, np.ones_like(prob), label.astype(np.float64), exclusive)
