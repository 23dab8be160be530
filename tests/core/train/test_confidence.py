"""How well the confidence ranks: counting, the document, and the shipped figures held to the weights."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from core.models import get_model
from core.train.confidence import measure as confidence
from core.train.confidence.choice import WEIGHTS, stresses, variants
from core.train.confidence.judged import PLACES, judge, patient_rows, places, table
from core.train.confidence.measure import ConfidenceReport, Ranking
from core.train.confidence.text import DOCUMENT, REPORT, confidence_text
from core.train.data import TrainingSet, load_training_set
from core.train.segmenter import find_packed
from core.train.unseen import JudgedStudy, studies_of, unseen_samples
from core.types import BoolArray, SliceSamples
from core.uncertainty import SCORES, reduce

SIDE = 16


def blob(column: int = 4) -> BoolArray:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[4:8, column : column + 4] = True
    return mask


def judged(patient: str, pred: str, ref: str) -> JudgedStudy:
    """A study drawn as one letter per slice: # the same blob, + one that shares half of it, . nothing."""
    masks = {"#": blob(), "+": blob(6), ".": np.zeros((SIDE, SIDE), np.bool_)}
    prob = [masks[each].astype(np.float32)[None] for each in pred]
    stream = [SliceSamples(k, iter([each, each])) for k, each in enumerate(prob)]
    return JudgedStudy(patient, reduce(stream, len(pred), (SIDE, SIDE)), np.stack([masks[r] for r in ref]))


STUDIES = (judged("a", ".##...", "###..."), judged("b", ".#....", "..#..."), judged("c", "..##+.", "..###."))


def test_places_are_told_by_the_nearest_findings() -> None:
    # a: slices 0 (missed) and 3 beside two, 4 one away, 5 elsewhere. b: 0 and 2 (missed) beside one,
    # 3 one away, 4 and 5 elsewhere. c: 1 and 5 beside two, 0 one away.
    found = {label: (each.missed, each.slices) for label, each in zip(PLACES, places(STUDIES), strict=True)}
    assert list(found.values()) == [(1, 4), (1, 2), (0, 3), (0, 3)]


def test_risk_counts_both_empty_as_right_and_one_empty_as_wrong() -> None:
    slices, wholes = judge(STUDIES)
    # c, slice 4: blobs of 16 pixels that share 8.
    assert slices.risk.tolist() == [1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0.5, 0]
    assert slices.missed.tolist() == [k in {0, 8} for k in range(18)]
    # a: 2 blobs of 3; b: none shared; c: 2.5 of 3.
    assert wholes.risk == pytest.approx([1 - 4 / 5, 1, 1 - 2.5 / 3])


def test_table_has_every_score_and_says_where_one_is_undefined() -> None:
    slices, wholes = judge(STUDIES)
    found = table(slices)
    assert (found.units, found.patients, found.empty, found.missed) == (18, 3, 12, 2)
    assert found.mean_risk == pytest.approx(3.5 / 18)
    assert [row.score for row in found.rows] == [spec.key for spec in SCORES]
    rows = {row.score: row for row in found.rows}
    assert rows["expected_dice"].undefined == 12
    assert rows["expected_dice"].normalised_aurc is None
    assert rows["expected_dice"].found_only is not None
    default = rows["agreement"]
    assert default.normalised_aurc is not None
    assert default.without is not None
    assert (default.normalised_aurc.low or 0) <= (default.normalised_aurc.value or 0)
    assert [each.patient for each in patient_rows(slices, wholes)] == ["a", "b", "c"]


def test_ranking_by_the_reference_bounds_the_default() -> None:
    found = table(judge(STUDIES)[0])
    value = found.rows[0].normalised_aurc
    assert value is not None and value.value is not None
    assert found.perfect_empty is not None and found.perfect_empty >= value.value
    assert found.perfect_found is not None and found.perfect_found >= value.value


def test_every_second_slice_is_a_study_of_its_own() -> None:
    data = load_like(np.stack([blob()] * 5))
    (thin,) = studies_of({"p": (np.zeros((5, SIDE, SIDE), np.float32),) * 2}, data, every=2)
    assert thin.mask_ref.shape[0] == thin.reduced.prob.codes.shape[1] == 3


def load_like(mask: BoolArray) -> TrainingSet:
    slices = len(mask)
    return TrainingSet(
        image=np.zeros((slices, 3, SIDE, SIDE), np.uint8),
        mask=mask,
        patient=np.array(["p"] * slices),
        slice_number=np.arange(slices),
        volume_range=(),
        slice_range=(),
    )


def test_first_variant_is_the_default_itself() -> None:
    record = get_model("lgg-unet").model_copy(update={"folds": (("a",), ("b",), ("c",))})
    slices, _ = judge(STUDIES)
    found = variants(STUDIES, slices, record)
    assert found[0].label == WEIGHTS[0][0]
    default = table(slices).rows[0].normalised_aurc
    assert default is not None and found[0].normalised_aurc.value == pytest.approx(default.value)
    assert all(each.normalised_aurc.value is not None for each in found)


def test_stresses_take_away_slices_networks_and_probability() -> None:
    data = load_like(np.stack([blob()] * 2 + [blob() & False] * 4))
    half = np.where(data.mask, np.float32(0.9), np.float32(0.0))
    found = stresses({"p": (half, half)}, data)
    assert len(found) == 4
    # The last one scales the only patient below one half: nothing is found, two of six slices are misses.
    assert found[-1].default.value is not None


def shipped() -> ConfidenceReport:
    text = (get_model("lgg-unet").folder / REPORT).read_text(encoding="utf-8")
    return ConfidenceReport.model_validate_json(text)


def test_shipped_document_is_what_its_report_says() -> None:
    record = get_model("lgg-unet")
    document = (record.folder / DOCUMENT).read_text(encoding="utf-8")
    assert document == confidence_text(record, shipped())
    assert "$" not in document
    assert "not a medical device" in document


def test_shipped_report_knows_every_score_of_the_table() -> None:
    report = shipped()
    assert report.validation is not None
    for ranking in (report.out_of_fold, report.validation):
        for rows in (ranking.slices.rows, ranking.studies.rows):
            assert [row.score for row in rows] == [spec.key for spec in SCORES]


@pytest.mark.data
@pytest.mark.slow
def test_out_of_fold_figures_of_a_few_patients_come_out_again(data_dir: Path) -> None:
    record, data = get_model("lgg-unet"), load_training_set(find_packed(data_dir))
    stored = {each.patient: each for each in shipped().out_of_fold.patients}
    assert sorted(stored) == sorted(data.patients)
    some = sorted(stored, key=lambda name: (stored[name].slices, name))[:3]
    samples = unseen_samples(record, data, some)
    found = patient_rows(*judge(studies_of(samples, data)))
    for each in found:
        expected = stored[each.patient]
        assert (each.slices, each.missed) == (expected.slices, expected.missed)
        assert each.study_risk == pytest.approx(expected.study_risk, abs=2e-3)
        assert each.study_confidence == pytest.approx(expected.study_confidence, abs=2e-3)
        assert each.normalised_aurc == pytest.approx(expected.normalised_aurc, abs=5e-3)


def test_the_command_writes_report_and_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slices, wholes = judge(STUDIES)
    ranking = Ranking(
        slices=table(slices),
        studies=table(wholes),
        places=places(STUDIES),
        patients=patient_rows(slices, wholes),
    )
    made = ConfidenceReport(model="toy", out_of_fold=ranking, variants=(), stresses=(), validation=None)
    asked: list[bool] = []

    def report(record: object, data: Path, validation: bool, say: object) -> ConfidenceReport:
        asked.append(validation)
        return made

    record = get_model("lgg-unet").model_copy(update={"folder": tmp_path})
    monkeypatch.setattr("core.models.get_model", lambda _: record)
    monkeypatch.setattr(confidence, "confidence_report", report)
    from core.train.cli import train as command

    result = CliRunner().invoke(command, ["confidence", "toy", "--data", str(tmp_path), "--no-validation"])
    assert result.exit_code == 0, result.output
    assert asked == [False]
    assert ConfidenceReport.model_validate_json((tmp_path / REPORT).read_text(encoding="utf-8")) == made
    text = (tmp_path / DOCUMENT).read_text(encoding="utf-8")
    assert "Not read yet" in text
    value = ranking.slices.rows[0].normalised_aurc
    assert value is not None and not math.isnan(value.value or 0.0)
    assert f"{value.value:.3f}" in text
