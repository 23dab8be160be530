"""Where bags come from: packed slices, grades of a table, synthetic volumes, a folder of BraTS 2018."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from mil_toy import toy_config
from toy import write_toy

from core.cohort.synthetic.make import draw
from core.cohort.synthetic.records import Scan
from core.errors import InputProblem
from core.train.mil.brats import kept_slices
from core.train.mil.sources import SOURCES, load_source, read_grades, source_spec
from core.train.mil.synthetic import graded_spec, synthetic_bags

CLINICAL = "Patient,neoplasm_histologic_grade\np0,1\np1,2\np2,\np3,2\n"
SEQUENCES = ("flair", "t1", "t1ce", "t2")
SMALL = Scan(pixels=48, slices=8, bottom_mm=2.0, step_mm=8.0, pixel_mm=4.7)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    write_toy(tmp_path)
    (tmp_path / "clinical.csv").write_text(CLINICAL)
    return tmp_path


def write_brats(folder: Path, leave_out: str = "") -> Path:
    """Two patients of each grade in the folders of the challenge; volumes of 20 x 24 pixels, 6 slices."""
    rng = np.random.default_rng(0)
    for grade in ("HGG", "LGG"):
        for number in range(2):
            name = f"Brats18_{grade}_{number}_1"
            (folder / grade / name).mkdir(parents=True)
            brain = np.zeros((20, 24, 6), dtype=np.int16)
            brain[4:16, 5:20, 1:6] = rng.integers(100, 900, (12, 15, 5))
            seg = np.zeros((20, 24, 6), dtype=np.uint8)
            seg[8:11, 8:12, 3] = 4
            for sequence in (*SEQUENCES, "seg"):
                if f"{name}_{sequence}" == leave_out:
                    continue
                values = seg if sequence == "seg" else brain
                image = nibabel.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0]))
                nibabel.save(image, folder / grade / name / f"{name}_{sequence}.nii.gz")
    return folder


def test_slabs_come_from_the_packed_slices_in_numerical_order(packed: Path) -> None:
    data = load_source(packed, toy_config())
    assert data.patients == ("p0", "p1", "p2", "p3")
    assert [(each.first, each.slices, each.label) for each in data.volumes[:2]] == [
        (0, 6, None),
        (6, 6, None),
    ]
    # Slices 1 2 3 9 10 11: those not divisible by three hold tumour.
    assert data.holds is not None and data.holds[:6].tolist() == [True, True, False, False, True, True]
    assert data.pictures.shape == (24, 3, 32, 32) and 0.0 <= data.pictures.min() < data.pictures.max() <= 1.5


def test_grades_come_from_the_table_and_patients_without_one_are_left_out(packed: Path) -> None:
    assert read_grades(packed / "clinical.csv") == {"p0": 0, "p1": 1, "p3": 1}
    data = load_source(packed, toy_config(source="lgg-grade", bag="volume", bag_size=None))
    assert [(each.patient, each.label) for each in data.volumes] == [("p0", 0), ("p1", 1), ("p3", 1)]
    assert len(data.pictures) == 18


def test_without_the_table_or_the_slices_the_message_says_so(packed: Path, tmp_path: Path) -> None:
    (packed / "clinical.csv").unlink()
    with pytest.raises(InputProblem, match="clinical table is not there"):
        load_source(packed, toy_config(source="lgg-grade", bag="volume"))
    with pytest.raises(InputProblem, match="training data is not there"):
        load_source(tmp_path / "nowhere", toy_config())


def test_synthetic_grades_take_turns_and_twins_differ_in_ring_and_core_alone() -> None:
    low, high = graded_spec(0, SMALL), graded_spec(1, SMALL)
    (plain,), (ring,) = low.lesions, high.lesions
    assert (plain.cyst, plain.enhancing) == (0.0, 0.0) and ring.cyst == ring.enhancing > 0.4
    assert (plain.centre, plain.radii, plain.brightness) == (ring.centre, ring.radii, ring.brightness)
    assert (low.head, low.seed != high.seed) == (high.head, True)


def test_a_ring_takes_up_contrast_and_its_core_is_dark_on_flair() -> None:
    def parts(number: int) -> tuple[float, float]:
        values, mask_ref = draw(graded_spec(number, SMALL))
        flair, after = values[1][mask_ref], values[2][mask_ref]
        return float(np.percentile(after, 97)), float(np.percentile(flair, 10))

    (plain_rim, plain_core), (ring_rim, ring_core) = parts(0), parts(1)
    assert ring_rim > 1.2 * plain_rim and ring_core < plain_core


def test_synthetic_volumes_become_bags_and_are_the_same_bytes_again() -> None:
    config = toy_config(source="synthetic-grade", bag="volume", bag_size=None)
    one, two = synthetic_bags(4, config, SMALL), synthetic_bags(4, config, SMALL)
    assert [each.label for each in one.volumes] == [0, 1, 0, 1]
    assert one.pictures.shape == (32, 3, 32, 32) and one.pictures.tobytes() == two.pictures.tobytes()
    assert one.holds is not None and 0 < one.holds.sum() < 32


def test_a_brats_folder_gives_grades_sequences_and_marks(tmp_path: Path) -> None:
    config = toy_config(
        source="brats-grade", bag="volume", bag_size=None, channels=("t1", "flair", "t1ce", "t2")
    )
    data = load_source(write_brats(tmp_path), config)
    assert [each.label for each in data.volumes] == [0, 0, 1, 1]
    assert data.volumes[2].patient == "Brats18_HGG_0_1"
    # The first of six slices holds no brain and is dropped; the mark lies on the fourth.
    assert [each.slices for each in data.volumes] == [5, 5, 5, 5]
    assert data.holds is not None and data.holds[:5].tolist() == [False, False, True, False, False]
    assert data.pictures.shape == (20, 4, 32, 32)


def test_a_folder_without_both_grades_or_with_a_missing_sequence_is_refused(tmp_path: Path) -> None:
    config = toy_config(source="brats-grade", bag="volume", channels=("t1ce", "flair"))
    with pytest.raises(InputProblem, match=r"no BraTS 2018 training folder.*LGG"):
        load_source(tmp_path, config)
    write_brats(tmp_path, leave_out="Brats18_LGG_1_1_t1ce")
    with pytest.raises(InputProblem, match=r"Brats18_LGG_1_1.*no Brats18_LGG_1_1_t1ce"):
        load_source(tmp_path, config)


def test_slices_without_tissue_are_dropped_unless_there_is_none() -> None:
    assert kept_slices(np.array([False, True, True]), 5).tolist() == [1, 2]
    assert kept_slices(np.zeros(4, dtype=bool), 2).tolist() == [0, 3]


def test_every_source_has_a_question_and_an_unknown_one_is_named() -> None:
    assert all(spec.question.endswith("?") for spec in SOURCES)
    with pytest.raises(KeyError, match="known: lgg-slab"):
        source_spec("nothing")
