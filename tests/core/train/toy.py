"""A packed training file of four made-up patients and settings that train on it in a second."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from core.train.common.settings import About
from core.train.config import AugmentSettings, FinetuneSettings, SegmenterConfig

SIDE = 32
CONFIG = SegmenterConfig(
    id="toy",
    about=About(title="Toy", description="A toy.", licence="none", source="made up", volume="slice by slice"),
    kind="unet",
    encoder="resnet18",
    decoder_channels=(8, 8, 8, 8, 8),
    members=((0,), (1,)),
    folds=2,
    epochs=2,
    samples_per_epoch=16,
    batch_size=4,
    size=SIDE,
    early_size=SIDE,
    warmup_steps=2,
    evaluate_every=1,
    bf16=False,
    finetune=FinetuneSettings(
        epochs=1, learning_rate=1e-3, warmup_steps=1, augment=AugmentSettings(strip_probability=0.5)
    ),
)


def segmenter_configs() -> list[Path]:
    """The shipped settings of segmenters: a classifier's name no decoder, and a prompted one's prompts."""
    folder = Path(__file__).parents[3] / "core" / "train" / "configs"
    found = {path: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    return [path for path, each in found.items() if "kind" in each and "prompts" not in each]


def write_toy(folder: Path) -> Path:
    """Write `lgg128_train.npz` with bright squares as tumours; slices in an order that is not sorted."""
    rng = np.random.default_rng(0)
    images, masks, patients, numbers = [], [], [], []
    for patient in range(4):
        for number in (10, 2, 1, 11, 3, 9):
            image = rng.integers(20, 60, (SIDE, SIDE, 3), dtype=np.uint8)
            mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
            if number % 3:
                mask[8 : 12 + 2 * patient, 10 : 12 + number] = 1
                image[mask > 0, 1] = 200
            images.append(image)
            masks.append(mask)
            patients.append(f"p{patient}")
            numbers.append(number)
    path = folder / "lgg128_train.npz"
    np.savez(
        path,
        image=np.stack(images),
        mask=np.stack(masks),
        patient=np.array(patients),
        slice=np.array(numbers, dtype=np.int16),
    )
    return path
