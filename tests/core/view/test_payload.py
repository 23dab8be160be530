"""What the browser unpacks is what was stored: same values, same labels, nothing lost without a note."""

from __future__ import annotations

import dataclasses
import json
import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from core.types import Case, FixedPoint, Score, Verdict
from core.view.payload import build_payload, start_slice
from core.view.volume import Volume, VolumeCache, build_volume, volume_digest
from tests.core.view.cases import make_analysis, make_case, make_flag, volume

CONSISTENT = Verdict(answer="consistent", flags=())


def split_payload(payload: bytes) -> tuple[dict[str, object], bytes]:
    """The header of a container, and the bytes after it."""
    (length,) = struct.unpack_from("<I", payload)
    return json.loads(payload[4 : 4 + length]), payload[4 + length :]


def unpack(payload: bytes) -> tuple[dict[str, object], dict[str, NDArray[np.generic]]]:
    """Header and arrays, read as the browser reads them."""
    header, rest = split_payload(payload)
    arrays, offset = {}, 0
    for part in header["parts"]:
        raw = np.frombuffer(zlib.decompress(rest[offset : offset + part["bytes"]]), np.uint8)
        offset += part["bytes"]
        assert raw.size == part["raw"]
        low, high = raw[: raw.size // 2], raw[raw.size // 2 :]
        arrays[part["name"]] = raw if part["dtype"] == "u1" else low + high.astype(np.uint16) * 256
    assert offset == len(rest)
    return header, arrays


def shown_values(case: Case, built: Volume | None = None) -> NDArray[np.float64]:
    """Channel 0 of `case` after packing and unpacking, as (slice, row, column)."""
    shape = case.image.values.shape[1:]
    header, arrays = unpack(build_payload(case, make_analysis(np.zeros(shape)), CONSISTENT, volume=built))
    channel = header["channels"][0]
    return arrays["image0"].reshape((-1, *shape[1:])) * channel["scale"] + channel["offset"]


@pytest.mark.parametrize("largest", [200, 60000])
def test_whole_numbers_arrive_exactly(largest: int) -> None:
    values = np.linspace(-100, largest - 100, 2 * 8 * 8).round().reshape(1, 2, 8, 8)
    np.testing.assert_array_equal(shown_values(make_case(values)), values[0])


def test_real_numbers_arrive_within_half_a_step() -> None:
    values = np.sin(np.arange(2 * 8 * 8.0)).reshape(1, 2, 8, 8)
    half_step = (values.max() - values.min()) / 65535 / 2
    np.testing.assert_allclose(shown_values(make_case(values)), values[0], atol=half_step * 1.01)


def test_constant_image_is_shown_and_not_divided_by_zero() -> None:
    values = np.full((1, 1, 4, 4), 7.5)
    np.testing.assert_array_equal(shown_values(make_case(values)), values[0])


def test_probabilities_and_maps_are_within_half_an_8_bit_step() -> None:
    prob = np.linspace(0, 1, 4 * 8 * 8).reshape(4, 8, 8)
    analysis = make_analysis(prob)
    header, arrays = unpack(build_payload(make_case(np.zeros((1, 4, 8, 8))), analysis, CONSISTENT))
    np.testing.assert_allclose(arrays["prob"] / 255, prob.ravel(), atol=0.5 / 255 + 1e-5)
    np.testing.assert_array_equal(arrays["labels"], analysis.mask_pred.ravel())
    entropy = analysis.maps.predictive_entropy
    assert header["maps"][0]["upper"] == pytest.approx(np.log(2))
    shown = arrays["map0"] / 255 * header["maps"][0]["upper"]
    np.testing.assert_allclose(shown, entropy.values.ravel(), atol=np.log(2) * 0.502 / 255)


def test_header_says_what_is_on_screen() -> None:
    case, analysis, verdict = volume()
    header, arrays = unpack(
        build_payload(
            case, analysis, verdict, score_labels={"pairwise_dice": "Agreement"}, facts=[("a", "b")]
        )
    )
    assert header["shape"] == [1, 24, 128, 128]
    assert header["answer"] == "review"
    assert header["worst"] == 12
    assert header["edges"] == ["A", "P", "R", "L"]
    assert header["slices"][12]["causes"] == ["area", "fragmentation", "shape", "spurious"]
    assert header["scores"][0] == {
        "key": "pairwise_dice", "label": "Agreement", "value": 0.812, "note": "", "slice": None, "box": None
    }  # fmt: skip
    assert header["scores"][2]["note"] == "the prediction is empty"
    assert header["facts"] == [["a", "b"]]
    assert header["notes"] == []
    assert set(arrays) == {"labels", "image0", "prob", "reference", "map0", "map1", "map2", "map3"}


@pytest.mark.parametrize("padding", [0.0, 150.5, 2000.0])
def test_padding_does_not_widen_the_first_window(padding: float) -> None:
    values = np.full((1, 1, 20, 20), padding)
    values[0, 0, :10] = np.linspace(100, 299, 200).reshape(10, 20)
    channel = build_volume(make_case(values), make_analysis(np.zeros((1, 20, 20)))).channels[0]
    # 1st and 99th percentile of 100, 101, ..., 299
    assert (channel.low, channel.high) == (pytest.approx(101.99), pytest.approx(297.01))


def test_verdict_changes_words_and_not_the_volume() -> None:
    case, analysis, verdict = volume()
    built = build_volume(case, analysis)
    first, _ = split_payload(build_payload(case, analysis, verdict, volume=built))
    second, _ = split_payload(build_payload(case, analysis, CONSISTENT, volume=built))
    assert first["digest"] == second["digest"]
    assert (first["answer"], second["answer"]) == ("review", "consistent")


def test_same_case_gives_the_same_bytes() -> None:
    case, analysis, verdict = volume()
    assert build_payload(case, analysis, verdict) == build_payload(case, analysis, verdict)


def noisy() -> Case:
    values = np.random.default_rng(0).normal(1000, 200, (1, 16, 32, 32))
    return make_case(values)


def test_large_study_loses_depth_first_then_maps_then_slices() -> None:
    case, analysis = noisy(), make_analysis(np.full((16, 32, 32), 0.3), [0.9] * 10 + [0.2] + [0.9] * 5)
    whole = build_volume(case, analysis)
    shallow = build_volume(case, analysis, limit_bytes=whole.size - 1)
    windowed = build_volume(case, analysis, limit_bytes=shallow.size // 3)
    assert whole.notes == ()
    assert "256 steps" in shallow.notes[0]
    assert (shallow.slices, windowed.slices < 16, windowed.size <= shallow.size // 3) == (16, True, True)
    assert windowed.first_slice <= 10 < windowed.first_slice + windowed.slices  # the least confident slice
    assert f"slices {windowed.first_slice + 1} to" in windowed.notes[-1]
    assert len({whole.digest, shallow.digest, windowed.digest}) == 3


def test_window_of_slices_moves_to_what_is_asked_for() -> None:
    case, analysis = noisy(), make_analysis(np.full((16, 32, 32), 0.3))
    limit = build_volume(case, analysis).size // 6
    for wanted in (0, 8, 15):
        held = build_volume(case, analysis, limit_bytes=limit, around=wanted)
        assert held.first_slice <= wanted < held.first_slice + held.slices


def test_8_bit_copy_stays_within_its_stated_step() -> None:
    case = noisy()
    built = build_volume(case, make_analysis(np.zeros((16, 32, 32))), limit_bytes=20_000)
    shown = shown_values(case, built)
    original = case.image.values[0, built.first_slice : built.first_slice + built.slices]
    inside = (original > np.percentile(original, 1)) & (original < np.percentile(original, 99))
    assert np.abs(shown - original)[inside].max() <= built.channels[0].scale * 0.51


def test_flags_of_the_whole_study_are_no_ticks() -> None:
    flag = make_flag("empty", None, None, "Nothing was found.")
    case, analysis = noisy(), make_analysis(np.zeros((16, 32, 32)))
    header, _ = split_payload(build_payload(case, analysis, Verdict(answer="review", flags=(flag,))))
    assert all(each["causes"] == [] for each in header["slices"])
    assert header["flags"][0]["slice"] is None


def test_score_with_a_place_says_where_it_is() -> None:
    case, analysis, verdict = volume()
    score = Score(key="entropy_patch", value=0.4, slice=3, box=(1, 2, 11, 12))
    placed = dataclasses.replace(analysis, scores=(*analysis.scores, score))
    header, _ = split_payload(build_payload(case, placed, verdict))
    assert (header["scores"][-1]["slice"], header["scores"][-1]["box"]) == (3, [1, 2, 11, 12])


def test_volume_digest_depends_on_case_analysis_and_place() -> None:
    case, analysis, _ = volume()
    other = make_analysis(np.zeros((24, 128, 128)), key="9" * 64)
    digests = {volume_digest(case, analysis), volume_digest(case, other), volume_digest(case, analysis, 3)}
    assert len(digests) == 3


def test_cache_makes_once_and_drops_the_oldest() -> None:
    case = make_case(np.zeros((1, 1, 4, 4)))
    built = build_volume(case, make_analysis(np.zeros((1, 4, 4))))
    made: list[str] = []

    def make(name: str) -> Volume:
        made.append(name)
        return built

    cache = VolumeCache(limit_bytes=2 * built.size)
    for name in ("a", "b", "a", "c", "a", "b"):
        cache.get(name, lambda name=name: make(name))
    assert made == ["a", "b", "c", "b"]
    assert cache.size == 2 * built.size


def test_cache_forgets_a_deleted_case() -> None:
    case, analysis, _ = volume()
    cache = VolumeCache(10**9)
    built = cache.get("a", lambda: build_volume(case, analysis))
    cache.get("b", lambda: build_volume(case, analysis, around=3))
    other = make_case(np.zeros((1, 1, 4, 4)), case_id="f" * 64)
    kept = cache.get("c", lambda: build_volume(other, make_analysis(np.zeros((1, 4, 4)))))
    cache.forget(case.id)
    assert (built.size > 0, cache.size) == (True, kept.size)


def test_volume_of_a_case_deleted_while_it_was_made_is_not_kept() -> None:
    case, analysis, _ = volume()
    cache = VolumeCache(10**9)

    def make() -> Volume:
        cache.forget(case.id)
        return build_volume(case, analysis)

    assert cache.get("a", make).case_id == case.id
    assert cache.size == 0
    kept = cache.get("a", lambda: build_volume(case, analysis))
    assert cache.size == kept.size


def test_view_starts_at_the_worst_reason_then_the_least_confident_slice() -> None:
    case, analysis, verdict = volume()
    unrated = make_analysis(np.zeros((7, 4, 4)), [None] * 7)
    assert start_slice(analysis, verdict) == 12
    assert start_slice(make_analysis(np.zeros((3, 4, 4)), [0.9, 0.8, 0.1]), CONSISTENT) == 2
    assert start_slice(unrated, CONSISTENT) == 3
    assert split_payload(build_payload(case, analysis, verdict))[0]["start"] == 12


def test_map_of_doubt_comes_first_and_makes_another_volume() -> None:
    shape = (2, 8, 8)
    case, analysis = make_case(np.zeros((1, *shape))), make_analysis(np.full(shape, 0.3))
    doubt = FixedPoint.of(np.linspace(0.0, 1.0, 2 * 8 * 8).reshape(shape).astype(np.float32), 1.0)
    plain = build_volume(case, analysis)
    shown = build_volume(case, analysis, doubt=doubt)
    assert [each.key for each in shown.maps] == ["doubt", *(each.key for each in plain.maps)]
    assert volume_digest(case, analysis) != volume_digest(case, analysis, doubt=doubt)
    assert plain.digest != shown.digest
    _, arrays = unpack(build_payload(case, analysis, CONSISTENT, volume=shown))
    assert arrays["map0"][[0, -1]].tolist() == [0, 255]
