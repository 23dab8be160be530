"""Models: what can be chosen, how a network is rebuilt, how its input is prepared.

Importing this loads no torch; `core.models.build` and `core.models.weights` do.
"""

from core.models.known import any_model, every_model, rule_limits_of
from core.models.preprocess import fit_slice, scale_intensity, unfit_slice
from core.models.records import (
    ArchitectureConfig,
    ClassifierArchitecture,
    MemberRecord,
    ModelRecord,
    OnnxArchitecture,
    PictureMove,
    PreprocessingConfig,
    TrainingRecord,
    with_contrast,
)
from core.models.registry import (
    get_model,
    list_models,
    promptless,
    require_promptless,
    user_models_folder,
    weights_digest,
)

__all__ = [
    "ArchitectureConfig",
    "ClassifierArchitecture",
    "MemberRecord",
    "ModelRecord",
    "OnnxArchitecture",
    "PictureMove",
    "PreprocessingConfig",
    "TrainingRecord",
    "any_model",
    "every_model",
    "fit_slice",
    "get_model",
    "list_models",
    "promptless",
    "require_promptless",
    "rule_limits_of",
    "scale_intensity",
    "unfit_slice",
    "user_models_folder",
    "weights_digest",
    "with_contrast",
]
