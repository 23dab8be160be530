"""Opening the model that the settings name. Torch loads on first use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.config import AnalysisConfig

if TYPE_CHECKING:
    from core.inference import Predictor
    from core.inference.bag_predictor import BagPredictor
    from core.store import Store


def open_model(store: Store, config: AnalysisConfig) -> Predictor:
    """The predictor that the settings name, with the contrast that they ask for.

    Raises ModelProblem for an unknown model, and for one that answers only to a box.
    """
    from core.inference import open_predictor
    from core.models import get_model, require_promptless, with_contrast

    record = get_model(config.model_id)
    require_promptless(record)
    return open_predictor(
        with_contrast(record, config.contrast),
        device=config.device,
        backend=config.backend,
        precision=config.precision,
        graphs=_graphs_folder(store),
    )


def open_bag_model(config: AnalysisConfig) -> BagPredictor:
    """The predictor of the bag model that the settings name; it runs in torch and single precision.

    Raises ModelProblem for an unknown one, and InferenceProblem for a device, backend or precision that it
    cannot have.
    """
    from core.inference.bag_predictor import open_bag_predictor
    from core.models import with_contrast
    from core.models.mil_records import get_bag_model

    return open_bag_predictor(
        with_contrast(get_bag_model(config.model_id), config.contrast),
        device=config.device,
        backend=config.backend,
        precision=config.precision,
    )


def _graphs_folder(store: Store) -> Path | None:
    """Where exported graphs are kept between runs; a store in memory keeps nothing."""
    home = store.info().home
    return Path(home) / "graphs" if home else None
