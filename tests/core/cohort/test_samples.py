"""The sample cohort as a whole: what it holds, and that it is the same everywhere."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.cohort import make_sample, sample_cases, sample_spec
from core.cohort.synthetic import NOTE, SampleSpec, case_id
from core.errors import InputProblem
from core.types import Case

SPECS = sample_cases()
ROOT = Path(__file__).resolve().parents[3]
PICTURES = [spec for spec in SPECS if not spec.volume]

each_spec = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key)
cached_sample = cache(make_sample)


def fingerprint(case: Case) -> str:
    found = hashlib.sha256(case.image.values.tobytes())
    assert case.reference is not None
    found.update(case.reference.mask_ref.tobytes())
    return found.hexdigest()


def test_cohort_has_at_least_24_cases_of_every_kind() -> None:
    kinds = {(spec.group, spec.volume) for spec in SPECS}
    assert len(SPECS) >= 24
    assert kinds == {(g, v) for g in ("ordinary", "no lesion", "hard") for v in (False, True)}
    assert {spec.scan.channels for spec in SPECS} == {"three", "flair"}


def test_keys_seeds_and_ids_are_unique() -> None:
    assert len({spec.key for spec in SPECS}) == len({spec.seed for spec in SPECS}) == len(SPECS)
    assert len({case_id(spec) for spec in SPECS}) == len(SPECS)


def test_another_setting_makes_another_id() -> None:
    spec = sample_spec("huge")
    changed = replace(spec, scan=replace(spec.scan, noise=0.5))
    assert case_id(changed) != case_id(spec)
    assert case_id(replace(spec, title="Other words")) == case_id(spec)


def test_listing_the_cohort_draws_nothing() -> None:
    started = time.perf_counter()
    assert sample_cases() is SPECS
    assert time.perf_counter() - started < 0.01


def test_unknown_sample_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputProblem, match="frontal-left"):
        sample_spec("nobody")


@each_spec
def test_texts_are_sentences(spec: SampleSpec) -> None:
    assert spec.shows.endswith(".") and spec.expected.endswith(".")


@each_spec
def test_case_is_well_formed(spec: SampleSpec) -> None:
    case = cached_sample(spec.key)
    values = case.image.values
    channels = 3 if spec.scan.channels == "three" else 1
    assert values.shape == (channels, spec.scan.slices, spec.scan.pixels, spec.scan.pixels)
    assert values.dtype == np.float32 and np.isfinite(values).all() and values.min() >= 0
    assert not values.flags.writeable
    assert case.reference is not None
    assert case.reference.mask_ref.shape == values.shape[1:]
    assert case.reference.mask_ref.dtype == np.bool_
    assert case.id == case_id(spec) and len(case.id) == 64
    assert NOTE in case.notes and case.format == "synthetic"
    assert len(case.image.channel_names) == channels


@each_spec
def test_reference_holds_a_lesion_exactly_when_one_was_placed(spec: SampleSpec) -> None:
    reference = cached_sample(spec.key).reference
    assert reference is not None
    assert reference.mask_ref.any() == bool(spec.lesions)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.group == "ordinary"], ids=lambda s: s.key)
def test_ordinary_lesion_is_brighter_on_flair_than_the_rest_of_the_head(spec: SampleSpec) -> None:
    case = cached_sample(spec.key)
    assert case.reference is not None
    flair = case.image.values[case.image.channel_names.index("FLAIR")]
    mask = case.reference.mask_ref
    slices = mask.any(axis=(1, 2))
    head = flair[slices] > 200
    assert np.median(flair[mask]) > 1.15 * np.median(flair[slices][head & ~mask[slices]])


def test_geometry_says_where_the_patient_lies() -> None:
    geometry = cached_sample("volume-frontal").image.geometry
    assert geometry.edges == ("A", "P", "R", "L")
    assert geometry.spacing_mm == (3.4, 1.4, 1.4)
    affine = geometry.affine_ras
    assert affine is not None
    origin = affine @ [0, 0, 0, 1]
    # One slice up, one row back, one column to the patient's left.
    assert (affine @ [1, 0, 0, 1] - origin)[:3] == pytest.approx([0, 0, 3.4])
    assert (affine @ [0, 1, 0, 1] - origin)[:3] == pytest.approx([0, -1.4, 0])
    assert (affine @ [0, 0, 1, 1] - origin)[:3] == pytest.approx([-1.4, 0, 0])


def test_lesion_of_the_left_hemisphere_lies_on_the_right_of_the_picture() -> None:
    reference = cached_sample("frontal-left").reference
    assert reference is not None
    rows, columns = np.nonzero(reference.mask_ref[0])
    assert columns.mean() > 128 > rows.mean()


def test_volume_changes_little_from_slice_to_slice() -> None:
    case = cached_sample("volume-frontal")
    flair = case.image.values[0, 4:12]
    neighbours = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairwise(flair)]
    assert min(neighbours) > 0.9


def test_sample_is_the_same_when_drawn_again_after_others() -> None:
    before = fingerprint(cached_sample("noise"))
    make_sample("faint")
    assert fingerprint(make_sample("noise")) == before


def test_sample_is_the_same_in_another_process() -> None:
    code = (
        "import hashlib; from core.cohort import make_sample\n"
        "for key in ('motion', 'multifocal'):\n"
        "    case = make_sample(key); found = hashlib.sha256(case.image.values.tobytes())\n"
        "    found.update(case.reference.mask_ref.tobytes()); print(found.hexdigest())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [fingerprint(cached_sample(key)) for key in ("motion", "multifocal")]
