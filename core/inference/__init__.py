"""Samples from a model, slice by slice. Importing this loads no torch; opening a model does."""

from core.inference.estimators import (
    ESTIMATORS,
    EstimatorSpec,
    SamplePlan,
    estimator_spec,
    possible_estimators,
)
from core.inference.on_machine import WhatRan
from core.inference.predictor import Predictor, open_predictor
from core.inference.settings import RunSettings, resolve_settings

__all__ = [
    "ESTIMATORS",
    "EstimatorSpec",
    "Predictor",
    "RunSettings",
    "SamplePlan",
    "WhatRan",
    "estimator_spec",
    "open_predictor",
    "possible_estimators",
    "resolve_settings",
]
