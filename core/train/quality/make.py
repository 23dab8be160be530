"""The command's way: predictions out of fold, networks if asked for, the report, and its document."""

from __future__ import annotations

from pathlib import Path

from core.models.records import ModelRecord
from core.train.common.curve import Say
from core.train.common.threads import one_thread
from core.train.data import load_training_set
from core.train.quality.config import read_quality_config
from core.train.quality.data import quality_data
from core.train.quality.report import quality_report
from core.train.quality.text import write_quality_text
from core.train.quality.train import store_quality
from core.train.segmenter import find_packed


def make_quality(record: ModelRecord, folder: Path, config: Path, fit: bool, say: Say) -> Path:
    """Write quality.safetensors (with `fit`), quality.json and QUALITY.md, and return the document's path.

    folder: with the packed training slices and `lgg/tif`. Raises InputProblem without them.
    """
    settings = read_quality_config(config)
    packed = load_training_set(find_packed(folder))
    data = quality_data(record, packed, say)
    if fit:
        record = store_quality(record, data, settings, say)
    with one_thread():
        report = quality_report(record, data, packed, folder, say)
    return write_quality_text(record, report)
