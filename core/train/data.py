"""The packed training slices and their patient-wise folds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.models.preprocess import IntensityRange, intensity_range
from core.train.common.groups import group_dice

FLAIR = 1
"""Channel order of the packed pictures: pre-contrast, FLAIR, post-contrast."""


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Slices by patient and number: image (n, 3, row, column) uint8, mask (n, row, column) bool."""

    image: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    patient: NDArray[np.str_]
    slice_number: NDArray[np.int64]
    volume_range: tuple[tuple[IntensityRange, ...], ...]
    slice_range: tuple[tuple[IntensityRange, ...], ...]

    @property
    def patients(self) -> tuple[str, ...]:
        """Patient names, sorted."""
        return tuple(str(name) for name in np.unique(self.patient))

    @property
    def has_tumour(self) -> NDArray[np.bool_]:
        """For each slice, whether its reference holds any tumour."""
        return np.asarray(self.mask.any(axis=(1, 2)))


def load_training_set(path: Path) -> TrainingSet:
    """The packed slices of `lgg128_train.npz`, sorted, with their intensity ranges."""
    with np.load(path, allow_pickle=False) as packed:
        order = np.lexsort((packed["slice"], packed["patient"]))
        image = np.ascontiguousarray(packed["image"][order].transpose(0, 3, 1, 2))
        mask = packed["mask"][order] > 0
        patient = packed["patient"][order]
        number = packed["slice"][order].astype(np.int64)
    by_patient = {
        name: tuple(intensity_range(image[patient == name, channel]) for channel in range(image.shape[1]))
        for name in np.unique(patient)
    }
    return TrainingSet(
        image=image,
        mask=mask,
        patient=patient,
        slice_number=number,
        volume_range=tuple(by_patient[name] for name in patient),
        slice_range=tuple(tuple(intensity_range(channel) for channel in picture) for picture in image),
    )


def tumour_volumes(data: TrainingSet) -> dict[str, int]:
    """Tumour pixels of each patient, over all slices."""
    return {name: int(data.mask[data.patient == name].sum()) for name in data.patients}


def evaluate_probabilities(
    prob: NDArray[np.float32], data: TrainingSet, chosen: NDArray[np.bool_]
) -> tuple[float, float]:
    """Cross-entropy and mean patient Dice (threshold 0.5, all slices of a patient) of the chosen slices."""
    mask_ref = data.mask[chosen]
    clipped = np.clip(prob, 1e-6, 1 - 1e-6)
    loss = float(-np.where(mask_ref, np.log(clipped), np.log1p(-clipped)).mean())
    return loss, float(np.mean(list(patient_dice(prob > 0.5, data, chosen).values())))


def patient_dice(
    mask_pred: NDArray[np.bool_], data: TrainingSet, chosen: NDArray[np.bool_]
) -> dict[str, float]:
    """Dice of each patient over all of its chosen slices; 1 where neither side holds tumour."""
    return group_dice(mask_pred, data.mask[chosen], data.patient[chosen])
