"""Files of cohorts: listings, stacks, channels, packed slices, class values, tables of text."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from io_files import pillow

from core.errors import InputProblem
from core.io.archive import is_npz
from core.io.levels import Levels, class_values, levels_of
from core.io.limits import Limits
from core.io.listing import MOST_FILES, open_listing
from core.io.npz import read_npy, read_npz
from core.io.packed import Packed
from core.io.rows import read_rows
from core.io.stack import read_channels, read_fitted, read_stack
from core.types import NamedBytes

GREY = np.arange(63, dtype=np.uint8).reshape(7, 9)


def named(name: str, pixels: np.ndarray) -> NamedBytes:
    return NamedBytes(name, pillow(pixels))


def npz(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


class TestListing:
    def test_files_are_listed_in_natural_order_and_read_by_name(self, tmp_path: Path) -> None:
        for name in ("s10.png", "s2.png", ".hidden"):
            (tmp_path / name).write_bytes(name.encode())
        found = open_listing(tmp_path)
        assert found.names == ("s2.png", "s10.png")
        assert found.read("s10.png") == b"s10.png"

    @pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "s/../s2.png", "nothing"])
    def test_what_is_not_listed_cannot_be_read(self, tmp_path: Path, name: str) -> None:
        (tmp_path.parent / "secret").write_bytes(b"x")
        (tmp_path / "s2.png").write_bytes(b"x")
        with pytest.raises(InputProblem, match="not in the folder"):
            open_listing(tmp_path).read(name)

    def test_links_are_refused_by_name_and_never_followed(self, tmp_path: Path) -> None:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "a.png").write_bytes(b"x")
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "b.png").write_bytes(b"x")
        (folder / "link.png").symlink_to(outside / "a.png")
        (folder / "more").symlink_to(outside)
        found = open_listing(folder)
        assert found.names == ("b.png",)
        assert {each.name for each in found.refused} == {"link.png", "more"}

    def test_a_link_put_there_after_listing_is_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_bytes(b"x")
        found = open_listing(tmp_path)
        (tmp_path / "a.png").unlink()
        (tmp_path / "a.png").symlink_to("/etc/hostname")
        with pytest.raises(InputProblem, match="cannot be read"):
            found.read("a.png")

    def test_a_zip_works_like_its_folder_and_text_files_are_there(self) -> None:
        data = zipped(**{"imagesTr/a_0000.png": b"1", "dataset.json": b"{}", "__MACOSX/x": b"2"})
        found = open_listing([NamedBytes("d.zip", data)])
        assert set(found.names) == {"imagesTr/a_0000.png", "dataset.json"}
        assert found.read("dataset.json") == b"{}"

    @pytest.mark.parametrize("name", ["../a.png", "/a.png", "C:\\a.png", "a\\..\\..\\b.png"])
    def test_a_zip_with_a_path_that_leaves_it_is_refused(self, name: str) -> None:
        with pytest.raises(InputProblem, match="leaves the archive"):
            open_listing([NamedBytes("d.zip", zipped(**{name: b"1"}))])

    def test_a_zip_may_hold_arrays_but_no_other_archive(self) -> None:
        inner = npz(a=np.zeros(2))
        found = open_listing([NamedBytes("d.zip", zipped(**{"a.npz": inner, "b.zip": zipped(c=b"1")}))])
        assert found.read("a.npz") == inner
        with pytest.raises(InputProblem, match="itself a zip"):
            found.read("b.zip")

    def test_two_uploads_of_one_name_are_refused(self) -> None:
        with pytest.raises(InputProblem, match="same name"):
            open_listing([NamedBytes("a.png", b"1"), NamedBytes("a.png", b"2")])

    def test_a_table_on_disk_comes_first(self, tmp_path: Path) -> None:
        for name in ("a.png", "z.csv"):
            (tmp_path / name).write_bytes(b"x")
        assert open_listing(tmp_path / "z.csv").names == ("z.csv", "a.png")

    def test_missing_folder_is_one_message(self, tmp_path: Path) -> None:
        with pytest.raises(InputProblem, match="no such file"):
            open_listing(tmp_path / "nothing")

    def test_more_files_than_the_limit_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert MOST_FILES > 7858
        monkeypatch.setattr("core.io.listing.MOST_FILES", 1)
        for name in ("a", "b"):
            (tmp_path / name).write_bytes(b"x")
        with pytest.raises(InputProblem, match="Too many files"):
            open_listing(tmp_path)


class TestStack:
    def test_the_kth_slice_is_the_kth_picture(self) -> None:
        pages = [named(f"p_{k}.png", GREY + np.uint8(k)) for k in range(3)]
        masks = [named(f"p_{k}_mask.png", np.where(k == GREY, 255, 0).astype(np.uint8)) for k in range(3)]
        case = read_stack("p", pages, masks, group="p", class_levels=())
        assert case.image.values.shape == (1, 3, 7, 9)
        assert [case.image.values[0, k, 0, 0] for k in range(3)] == [0, 1, 2]
        assert case.reference is not None
        assert np.argwhere(case.reference.mask_ref).tolist() == [[0, 0, 0], [1, 0, 1], [2, 0, 2]]
        assert (case.format, case.group, case.name) == ("tiff", "p", "p")

    def test_other_order_is_another_case(self) -> None:
        pages = [named(f"p_{k}.png", GREY + np.uint8(k)) for k in range(2)]
        first, second = (read_stack("p", each, [], group="p").id for each in (pages, pages[::-1]))
        assert first != second

    @pytest.mark.parametrize("odd", [GREY[:5], np.stack([GREY] * 3, axis=-1), GREY.astype(np.uint16)])
    def test_pictures_that_differ_in_size_channels_or_type_are_refused(self, odd: np.ndarray) -> None:
        with pytest.raises(InputProblem, match=r"odd\.png"):
            read_stack("p", [named("a.png", GREY), named("odd.png", odd)], [], group="p")

    def test_as_many_masks_as_pictures(self) -> None:
        with pytest.raises(InputProblem, match="2 pictures and 1 masks"):
            read_stack("p", [named("a.png", GREY)] * 2, [named("m.png", GREY * 0)], group="p")

    def test_sequences_become_channels_of_the_same_size_only(self) -> None:
        case = read_channels(
            "p", [named("a.png", GREY), named("b.png", GREY.T.T)], ("FLAIR", "T1"), [], group="g"
        )
        assert case.image.channel_names == ("FLAIR", "T1")
        assert case.image.values.shape == (2, 1, 7, 9)
        with pytest.raises(InputProblem, match="size 9 x 7"):
            read_channels("p", [named("a.png", GREY), named("b.png", GREY.T)], ("x", "y"), [], group="g")

    def test_a_picture_takes_the_size_of_its_mask_and_says_so(self) -> None:
        mask = np.zeros((14, 18), np.uint8)
        mask[3, 4] = 2
        case = read_fitted("p", named("a.png", GREY), named("m.png", mask), group="g")
        assert case.image.values.shape == (1, 1, 14, 18)
        assert any("resampled from 7 x 9 to 14 x 18" in note for note in case.notes)
        assert case.reference is not None and case.reference.labels is not None
        assert np.argwhere(case.reference.labels == 2).tolist() == [[0, 3, 4]]
        same = read_fitted("p", named("a.png", GREY), named("m.png", GREY * 0), group="g")
        assert not any("resampled" in note for note in same.notes)


class TestPacked:
    IMAGE = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(3, 8, 8)
    PATIENT = np.array(["b", "a", "b"])

    def test_one_case_per_patient_in_slice_order(self) -> None:
        mask = np.zeros((3, 8, 8), np.uint8)
        mask[0, 1, 1] = 1
        data = npz(image=self.IMAGE, mask=mask, patient=self.PATIENT, slice=np.array([7, 1, 2]))
        case = Packed(NamedBytes("all.npz", data)).case("b", "B", ())
        assert [case.image.values[0, k, 0, 0] for k in range(2)] == [128, 0]
        assert case.reference is not None
        assert np.argwhere(case.reference.mask_ref).tolist() == [[1, 1, 1]]
        assert case.group == "B"

    def test_the_case_depends_on_its_own_slices_only(self) -> None:
        alone = npz(image=self.IMAGE[[0, 2]], patient=self.PATIENT[[0, 2]])
        among = npz(image=self.IMAGE, patient=self.PATIENT)
        ids = {Packed(NamedBytes("x.npz", data)).case("b", "b", ()).id for data in (alone, among)}
        assert len(ids) == 1

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            ({"image": IMAGE}, "patient"),
            ({"image": IMAGE[:2], "patient": PATIENT}, "3 patient names"),
            ({"image": IMAGE, "patient": PATIENT, "mask": IMAGE[:, :4]}, "mask of shape"),
            ({"image": IMAGE, "patient": PATIENT, "slice": np.array([1, 1, 1])}, "twice"),
            ({"image": IMAGE, "patient": PATIENT, "slice": np.array([0.5, 1, 2])}, "slice numbers"),
            ({"image": np.zeros((3, 8, 8, 2)), "patient": PATIENT}, "2 channels"),
        ],
    )
    def test_arrays_that_do_not_fit_together_are_refused(
        self, arrays: dict[str, np.ndarray], message: str
    ) -> None:
        with pytest.raises(InputProblem, match=message):
            Packed(NamedBytes("x.npz", npz(**arrays)))


class TestNumPyFiles:
    def test_round_trip_without_pickle(self) -> None:
        data = npz(a=np.arange(6).reshape(2, 3), b=np.asfortranarray(np.eye(3)))
        assert is_npz(data)
        found = read_npz(data, Limits())
        assert found["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert found["b"].tolist() == np.eye(3).tolist()

    def test_objects_are_never_unpacked(self) -> None:
        out = io.BytesIO()
        np.save(out, np.array([{}], dtype=object))
        with pytest.raises(InputProblem, match="object"):
            read_npy(out.getvalue(), Limits())

    def test_a_header_that_declares_more_than_there_is_is_refused_before_allocation(self) -> None:
        out = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            out, {"descr": "<f8", "fortran_order": False, "shape": (2**20, 2**20)}
        )
        with pytest.raises(InputProblem, match="as declared"):
            read_npy(out.getvalue(), Limits())

    @pytest.mark.parametrize("cut", range(0, 130, 13))
    def test_a_cut_file_is_one_message(self, cut: int) -> None:
        out = io.BytesIO()
        np.save(out, np.arange(9))
        with pytest.raises(InputProblem, match="NumPy"):
            read_npy(out.getvalue()[:cut], Limits())

    def test_a_zip_of_other_files_is_no_npz(self) -> None:
        assert not is_npz(zipped(**{"a.npy": b"x", "b.txt": b"y"}))
        assert not is_npz(b"PK\x03\x04 garbage")


class TestClassValues:
    def test_labels_stand_for_themselves_gaps_included(self) -> None:
        assert class_values([Levels((1,), ()), Levels((4, 2), ())]) == (1, 2, 3, 4)

    @pytest.mark.parametrize("values", [(), (1,), (255,)])
    def test_one_value_is_inside_and_outside(self, values: tuple[int, ...]) -> None:
        assert class_values([Levels(values, values)]) == ()

    def test_a_grey_rim_is_no_class(self) -> None:
        mask = np.zeros((1, 12, 12), np.uint8)
        mask[0, 2:10, 2:10] = 128
        mask[0, 3:9, 3:9] = 255
        rim = levels_of(mask)
        assert rim == Levels((128, 255), (255,))
        assert class_values([rim]) == ()
        mask[0, 2:10, 2:10] = 128
        mask[0, 3:6, 3:6] = 255
        assert class_values([levels_of(mask)]) == (128, 255)

    def test_many_values_are_a_shrunk_mask_not_labels(self) -> None:
        smooth = np.arange(64, dtype=np.uint8).reshape(1, 8, 8) * 4
        assert levels_of(smooth).values is None
        assert class_values([levels_of(smooth), Levels((1, 2), ())]) == ()


class TestRows:
    def test_every_value_stays_as_it_is_spelled(self) -> None:
        data = b"case,x\n001,NA\n1E5,\nnull,=1+1\n"
        assert [tuple(row.values()) for row in read_rows(NamedBytes("t.csv", data))] == [
            ("001", "NA"), ("1E5", ""), ("null", "=1+1"),
        ]  # fmt: skip

    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    def test_separator_is_sniffed_and_a_byte_order_mark_dropped(self, separator: str) -> None:
        data = f"case{separator}group\nä{separator}b\n".encode("utf-8-sig")
        assert read_rows(NamedBytes("t.csv", data)) == ({"case": "ä", "group": "b"},)

    @pytest.mark.parametrize(
        "data",
        [
            b"", b"case\n", b"case,case\n1,2\n", b"case,\n1,2\n", b"case,x\n1\n", b"case,x\n1,2,3\n",
            b'case,x\n"1,2\n', b"case,x\n\xff,1\n", b"ca\0se\n1\n", b"case\n" + b"x" * 10_001 + b"\n",
            b"PAR1 and no more",
        ],
    )  # fmt: skip
    def test_what_is_no_table_is_one_message(self, data: bytes) -> None:
        with pytest.raises(InputProblem, match="table"):
            read_rows(NamedBytes("t.csv", data))

    def test_limits_hold(self) -> None:
        data = b"a,b\n1,2\n3,4\n"
        for limits in (Limits(rows=1), Limits(columns=1)):
            with pytest.raises(InputProblem, match="at most 1"):
                read_rows(NamedBytes("t.csv", data), limits)

    def test_parquet_gives_the_same_text(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        out = io.BytesIO()
        pq.write_table(pa.table({"case": ["001", None], "n": [1, 2]}), out)
        rows = read_rows(NamedBytes("t.parquet", out.getvalue()))
        assert rows == ({"case": "001", "n": "1"}, {"case": "", "n": "2"})
