"""Files of predictions matched to cases by name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.cohort.predictions import match_predictions, slice_groups


def test_the_longest_case_name_wins() -> None:
    found = match_predictions(["benign_11_pred.png", "benign_1.png"], ["b/benign_1", "b/benign_11"])
    assert dict(found.files) == {"b/benign_1": ("benign_1.png",), "b/benign_11": ("benign_11_pred.png",)}


def test_a_name_inside_a_word_is_no_match() -> None:
    found = match_predictions(["case10.png"], ["case1"])
    assert found.files == ()
    assert found.unmatched == ("case1",)
    assert found.refused[0].sentence == "Its name holds the name of no case."


def test_folders_of_a_case_hold_its_samples_in_natural_order() -> None:
    names = ["CV/002/e10.png", "CV/002/e9.png", "CV/002/image.png", "CV/002/reference_native.png"]
    found = match_predictions(names, ["CV/002", "CV/010"])
    assert found.files == (("CV/002", ("CV/002/e9.png", "CV/002/e10.png")),)
    assert {each.name for each in found.refused} == {"CV/002/image.png", "CV/002/reference_native.png"}


def test_a_file_that_fits_two_cases_is_refused() -> None:
    found = match_predictions(["002.png"], ["CV/002", "JTSC/002"])
    assert found.files == ()
    assert "fits 2 cases" in found.refused[0].sentence


def test_the_whole_path_decides_where_last_parts_are_equal() -> None:
    found = match_predictions(["CV/002.png", "JTSC/002/fold1.png"], ["CV/002", "JTSC/002"])
    assert [case for case, _ in found.files] == ["CV/002", "JTSC/002"]


def test_softmax_file_goes_before_the_mask_made_from_it() -> None:
    found = match_predictions(["a.npz", "a.nii.gz", "a.pkl"], ["a"])
    assert found.files == (("a", ("a.npz",)),)
    assert {each.name for each in found.refused} == {"a.nii.gz", "a.pkl"}


def test_slices_that_do_not_make_whole_samples_are_not_put_together() -> None:
    assert slice_groups(["p_1.png", "p_2.png"], "p", 3) is None
    assert slice_groups(["p_1.png", "p_3.png"], "p", 2) is None
    assert slice_groups(["p_1.nii.gz", "p_2.nii.gz"], "p", 2) is None
    assert slice_groups(["p_9_pred.png", "p_10_pred.png"], "p", 2) == (("p_9_pred.png", "p_10_pred.png"),)


@given(
    st.lists(st.text("ab1_/", min_size=1, max_size=6), max_size=8),
    st.lists(st.text("ab1_", min_size=1, max_size=4), unique=True, max_size=4),
)
def test_every_file_is_matched_once_or_refused_once(stems: list[str], cases: list[str]) -> None:
    names = sorted({f"{stem}.png" for stem in stems})
    found = match_predictions(names, cases)
    used = [name for _, files in found.files for name in files] + [each.name for each in found.refused]
    assert sorted(used) == names
    assert sorted([case for case, _ in found.files] + list(found.unmatched)) == sorted(cases)
