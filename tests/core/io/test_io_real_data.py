"""Real files: the DICOM series against dcm2niix, masks against their images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.config import ReadOptions
from core.io import inspect_path, read_case, read_path
from core.types import Case

pytestmark = pytest.mark.data


def case_of(path: Path, reference: Path | None = None, volume: int | None = None) -> Case:
    return read_case(read_path(path), ReadOptions(volume=volume), read_path(reference) if reference else ())


@pytest.mark.parametrize(
    ("folder", "converted", "volumes", "spacing_mm"),
    [
        # GE: 150 files in one series, thickness 3 mm, positions 5 mm apart.
        ("20180918GE", "ref_DCM2NIIX_regression_test_4.nii.gz", (0, 4, 9), (5.0, 3.75, 3.75)),
        # Siemens: one mosaic per time point.
        ("20180918Si", "ref_EPI_PE=AP_3.nii.gz", (0, 1), (12.0, 3.0, 3.0)),
    ],
)
def test_dicom_series_stacks_to_the_voxels_and_spacing_of_dcm2niix(
    data_dir: Path, folder: str, converted: str, volumes: tuple[int, ...], spacing_mm: tuple[float, ...]
) -> None:
    for volume in volumes:
        ours = case_of(data_dir / "dicom" / folder, volume=volume).image
        theirs = case_of(data_dir / "dicom" / converted, volume=volume).image
        assert np.array_equal(ours.values, theirs.values)
        assert ours.geometry.spacing_mm == theirs.geometry.spacing_mm == spacing_mm
        assert ours.geometry.affine_ras is not None
        assert theirs.geometry.affine_ras is not None
        # Positions in the DICOM files are rounded to 1e-3 mm or less.
        assert np.abs(ours.geometry.affine_ras - theirs.geometry.affine_ras).max() < 1e-3


def test_ge_series_offers_its_ten_time_points(data_dir: Path) -> None:
    found = inspect_path(data_dir / "dicom" / "20180918GE")
    assert found.case is not None
    assert found.case.choices.volumes == 10


@pytest.mark.parametrize(
    ("image", "mask", "labels"),
    [
        (
            "brats/brats_2013_pat0005_1/Flair_subtrMeanDivStd.nii.gz",
            "brats/brats_2013_pat0005_1/OTMultiClass.nii.gz",
            (0, 1, 2, 3, 4),
        ),
        ("pyradiomics/brain1_image.nii.gz", "pyradiomics/brain1_label.nii.gz", (0, 1)),
        ("ms_mni/patient26/FLAIR_MNI.nii.gz", "ms_mni/patient26/GOLD_STANDARD_MNI.nii.gz", (0, 1)),
        (
            "lgg/tif/TCGA_CS_4941_19960909/TCGA_CS_4941_19960909_15.tif",
            "lgg/tif/TCGA_CS_4941_19960909/TCGA_CS_4941_19960909_15_mask.tif",
            (0, 255),
        ),
    ],
)
def test_reference_lies_on_its_image(data_dir: Path, image: str, mask: str, labels: tuple[int, ...]) -> None:
    case = case_of(data_dir / image, data_dir / mask)
    assert case.reference is not None
    assert case.reference.value_set == labels
    inside = case.image.values[:, case.reference.mask_ref].mean()
    # Lesions are bright in FLAIR and contrast-enhanced images: a turned mask would hit background.
    assert inside > case.image.values.mean() + 0.5 * case.image.values.std()


def test_volumes_stored_lps_and_las_are_shown_alike(data_dir: Path) -> None:
    for path in (
        "brats/brats_2013_pat0005_1/Flair_subtrMeanDivStd.nii.gz",
        "ms_mni/patient26/FLAIR_MNI.nii.gz",
    ):
        assert case_of(data_dir / path).image.geometry.edges == ("A", "P", "R", "L")


@pytest.mark.parametrize("name", ["lfs", "utf8"])
def test_broken_files_found_in_public_repositories_are_named(data_dir: Path, name: str) -> None:
    (path,) = (data_dir / "malformed").glob(f"{name}_*")
    problem = inspect_path(path).problem
    assert problem is not None
    assert {"lfs": "Git LFS pointer", "utf8": "as if the file were text"}[name] in problem.found
