"""Layouts on made-up listings: what each understands, why others do not fit, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from core.cohort import LAYOUTS, Plan, layout_spec, recognise
from core.errors import InputProblem
from core.types import ListedFile, Listing, PackedIndex, Rows


def listing(
    *names: str,
    content: Mapping[str, bytes] | None = None,
    rows: Rows = (),
    packed: PackedIndex | None = None,
) -> Listing:
    """Files of these names in this order, without bytes unless given."""

    def index(name: str) -> PackedIndex:
        if packed is None:
            raise InputProblem("Not a packed set", found="no npz", expected="an npz", fix="pack it")
        return packed

    return Listing(
        label="made up",
        files=tuple(ListedFile(name, 1) for name in names),
        read=lambda name: (content or {})[name],
        rows=lambda name: rows,
        packed=index,
    )


def pairs(*stems: str, suffix: str = ".png", mask: str = "_mask") -> list[str]:
    return [f"{stem}{ending}{suffix}" for stem in stems for ending in ("", mask)]


def names(plan: Plan) -> list[str]:
    return [item.name for item in plan.items]


def refused(plan: Plan) -> dict[str, str]:
    return {each.name: each.sentence for each in plan.refused}


PATIENT = "TCGA_CS_4941_19960909"
LGG = pairs(f"{PATIENT}/{PATIENT}_1", f"{PATIENT}/{PATIENT}_2", suffix=".tif")
ACDC = pairs("patient001/patient001_f01", "patient001/patient001_f12", "patient003/patient003_f01")
NNUNET = ["Data/imagesTr/a_0000.nii.gz", "Data/labelsTr/a.nii.gz"]
FOLDERS = ["CV/002/image.png", "CV/002/reference.png", "CV/002/unet_epoch01.png", "CV/002/unet_epoch10.png"]
BRATS = ["p1/Flair_std.nii.gz", "p1/T1c_std.nii.gz", "p1/OTMultiClass.nii.gz", "p1/brainmask.nii.gz"]
CLASSES = [f"{each}/x{number}.jpeg" for each in ("normal", "viral") for number in range(3)]


@pytest.mark.parametrize(
    ("files", "layout"),
    [
        (LGG, "lgg"),
        (ACDC, "acdc"),
        (NNUNET, "nnunet"),
        (FOLDERS, "folders"),
        (BRATS, "brats"),
        (CLASSES, "classes"),
        (pairs("benign/benign_1", "benign/benign_10"), "pairs"),
        (pairs("a", "b", mask="_seg", suffix=".nii.gz"), "pairs"),
        (["images/a.png", "labels/a.png"], "pairs"),
        (["a_image.nii.gz", "a_label.nii.gz"], "pairs"),
    ],
)
def test_layout_is_found_and_every_other_one_has_a_reason(files: list[str], layout: str) -> None:
    found = recognise(listing(*files))
    assert found.plan.layout == layout
    assert {key for key, _ in found.reasons} == {spec.key for spec in LAYOUTS} - {layout}
    assert all(reason for _, reason in found.reasons)


def test_every_layout_has_a_key_of_its_own_and_words() -> None:
    assert len({spec.key for spec in LAYOUTS}) == len(LAYOUTS)
    for spec in LAYOUTS:
        assert spec.label and spec.help and spec.recognised
        assert set(spec.before) <= {each.key for each in LAYOUTS} - {spec.key}


def test_unknown_layout_lists_the_known_ones() -> None:
    with pytest.raises(InputProblem, match="lgg") as problem:
        layout_spec("zip")
    assert "nnunet" in problem.value.expected


def test_nothing_that_fits_gives_the_reason_of_every_layout() -> None:
    with pytest.raises(InputProblem) as problem:
        recognise(listing("notes.txt"))
    assert all(f"{spec.key}: " in problem.value.found for spec in LAYOUTS)


def test_two_layouts_that_fit_equally_ask_for_a_name() -> None:
    files = (*FOLDERS, *BRATS)
    with pytest.raises(InputProblem, match="name the layout: folders or brats"):
        recognise(listing(*files))
    assert recognise(listing(*files), "brats").plan.layout == "brats"


def test_slices_of_a_patient_form_one_case_in_numeric_order() -> None:
    stems = [f"{PATIENT}/{PATIENT}_{number}" for number in (10, 9, 8, 11)]
    plan = recognise(listing(*pairs(*stems, suffix=".tif"))).plan
    (item,) = plan.items
    assert (item.name, item.group, item.kind) == (PATIENT, PATIENT, "stack")
    assert [name.rsplit("_", 1)[1] for name in item.image] == ["8.tif", "9.tif", "10.tif", "11.tif"]
    assert [name.rsplit("_", 2)[1] for name in item.reference] == ["8", "9", "10", "11"]


def test_a_volume_with_a_hole_or_without_a_mask_is_refused() -> None:
    hole = pairs("a/a_1", "a/a_3", suffix=".tif")
    lone = [*pairs("b/b_1", suffix=".tif"), "b/b_2.tif"]
    whole = pairs("c/c_1", suffix=".tif")
    plan = recognise(listing(*hole, *lone, *whole)).plan
    assert names(plan) == ["c"]
    assert "1 slice missing between 1 and 3" in refused(plan)["a"]
    assert "slice 2 has no mask" in refused(plan)["b"]


def test_pairs_of_a_patient_folder_share_its_group() -> None:
    plan = recognise(listing(*ACDC, "patient003/patient003_f12.png")).plan
    assert [item.group for item in plan.items] == ["patient001", "patient001", "patient003"]
    assert "patient003/patient003_f12.png" in refused(plan)


def test_pictures_and_masks_without_a_partner_are_refused_by_name() -> None:
    plan = recognise(listing(*pairs("a"), "b.png", "c_mask.png")).plan
    assert names(plan) == ["a"]
    assert refused(plan) == {"b.png": "It has no mask.", "c_mask.png": "It has no picture."}


def test_two_masks_of_one_picture_are_refused_not_chosen() -> None:
    plan = recognise(listing(*pairs("a", "b"), "b_seg.png")).plan
    assert names(plan) == ["a"]
    assert refused(plan) == {"b": "1 image and 2 masks share this name."}


@pytest.mark.parametrize(
    ("stem", "group"),
    [
        ("MCUCXR_0016_0", "MCUCXR_0016"),
        ("s/CHNCXR_0372_1", "CHNCXR_0372"),
        ("benign/benign_7", "benign/benign_7"),
        ("person12_virus_3", "person12"),
        ("NORMAL2-IM-1096-0001-0001", "IM-1096"),
        ("IM-0437-0001-0002", "IM-0437"),
        ("sub-01_T1w", "sub-01"),
        ("x/TCGA_CS_4941_19960909_12", "TCGA_CS_4941_19960909"),
        ("001", "001"),
    ],
)
def test_group_is_the_patient_that_the_name_tells(stem: str, group: str) -> None:
    plan = recognise(listing(*pairs(stem, "zz/other"))).plan
    assert {item.group for item in plan.items if item.name == stem} == {group}


def test_nnunet_takes_channels_and_labels_from_its_dataset_file() -> None:
    facts = {
        "channel_names": {"0": "FLAIR", "1": "T1"},
        "labels": {"background": 0, "oedema": 1, "core": 2},
    }
    files = [
        "imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz", "imagesTr/b_0000.nii.gz", "imagesTr/c.nii.gz",
        "labelsTr/a.nii.gz", "labelsTr/b.nii.gz", "labelsTr/d.nii.gz", "dataset.json",
    ]  # fmt: skip
    plan = recognise(listing(*files, content={"dataset.json": json.dumps(facts).encode()})).plan
    assert names(plan) == ["a"]
    assert plan.items[0].channels == ("FLAIR", "T1")
    assert plan.class_names == ("oedema", "core")
    assert set(refused(plan)) == {"b", "imagesTr/c.nii.gz", "labelsTr/d.nii.gz"}


def test_nnunet_of_version_1_names_labels_by_number() -> None:
    facts = {"modality": {"0": "CT"}, "labels": {"0": "background", "1": "liver"}}
    files = (*NNUNET, "Data/dataset.json")
    plan = recognise(listing(*files, content={"Data/dataset.json": json.dumps(facts).encode()})).plan
    assert (plan.class_names, plan.items[0].channels) == (("liver",), ("CT",))


@pytest.mark.parametrize("text", [b"[1]", b"{", b"[" * 100_000, b'"x"'])
def test_nnunet_with_a_broken_dataset_file_is_no_crash(text: bytes) -> None:
    files = (*NNUNET, "Data/dataset.json")
    with pytest.raises(InputProblem, match="JSON"):
        recognise(listing(*files, content={"Data/dataset.json": text}), "nnunet")


def test_a_folder_per_case_tells_predictions_from_other_references() -> None:
    plan = recognise(listing(*FOLDERS, "CV/002/reference_native.png", "CV/013/image.png")).plan
    (item,) = plan.items
    assert (item.name, item.kind) == ("CV/002", "fitted")
    assert item.predictions == ("CV/002/unet_epoch01.png", "CV/002/unet_epoch10.png")
    assert set(refused(plan)) == {"CV/002/reference_native.png", "CV/013"}


def test_sequences_become_channels_and_a_brain_mask_is_neither() -> None:
    second = [name.replace("p1", "p2") for name in BRATS if "T1c" not in name]
    third = [name.replace("p1", "p3") for name in BRATS]
    plan = recognise(listing(*BRATS, *second, *third)).plan
    assert names(plan) == ["p1", "p3"]
    assert plan.items[0].channels == ("Flair", "T1c")
    assert "lacks the sequence T1c" in refused(plan)["p2"]
    assert "brain mask" in refused(plan)["p1/brainmask.nii.gz"]


def test_class_folders_become_labels_unless_they_look_like_patients() -> None:
    plan = recognise(listing(*CLASSES, "readme.png")).plan
    assert plan.class_names == ("normal", "viral")
    assert plan.items[0].labels == ("normal",)
    assert "readme.png" in refused(plan)
    with pytest.raises(InputProblem, match="look like patients"):
        recognise(listing(*(f"{number}/scan.png" for number in range(9))))


def row(case: str, image: str, **more: str) -> dict[str, str]:
    return {"case": case, "image": image, **more}


def test_manifest_keeps_ids_as_they_are_spelled() -> None:
    rows = tuple(row(case, "a.png", group=case, label="x;y") for case in ("001", "NA", "1E5", "=1+1"))
    plan = recognise(listing("manifest.csv", "a.png", rows=rows)).plan
    assert names(plan) == ["001", "NA", "1E5", "=1+1"]
    assert (plan.task, plan.class_names) == ("multilabel", ("x", "y"))


def test_manifest_refuses_paths_out_of_the_folder_and_repeated_cases() -> None:
    rows = (
        row("up", "../a.png"),
        row("root", "/etc/passwd"),
        row("drive", "C:\\a.png"),
        row("missing", "b.png"),
        row("", "a.png"),
        row("twice", "a.png"),
        row("twice", "a.png"),
        row("fine", "sub/../a.png"),
    )
    plan = recognise(listing("manifest.csv", "a.png", rows=rows)).plan
    assert names(plan) == ["fine"]
    assert plan.items[0].image == ("a.png",)
    assert {name: "leads out" in why for name, why in refused(plan).items()} == {
        "up": True, "root": True, "drive": True, "missing": False, "row 6": False, "twice": False,
    }  # fmt: skip


def test_manifest_task_follows_from_references_and_labels() -> None:
    def task(**more: str) -> str:
        return recognise(listing("t.csv", "a.png", "m.png", rows=(row("1", "a.png", **more),))).plan.task

    assert task(reference="m.png", label="x") == "segmentation"
    assert task(label="x") == "classification"
    assert task() == "segmentation"


def test_packed_slices_are_grouped_by_patient() -> None:
    index = PackedIndex(patient=(PATIENT, "b", PATIENT), slice=(2, 1, 1), has_mask=True)
    plan = recognise(listing("all.npz", packed=index)).plan
    assert [(item.name, item.group) for item in plan.items] == [
        (PATIENT, PATIENT),
        ("b", "b"),
    ]
    assert plan.understood == "3 slices with masks of 2 patients."
