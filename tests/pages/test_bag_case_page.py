"""A volume judged slab by slab: on the Case page, in the pickers, and among the cases of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.models.mil_evidence import attention_evidence
from core.models.mil_records import get_bag_model
from core.pipeline import run_model, stored_result
from core.pipeline.classify import ClassOutcome, bag_facts
from core.pipeline.runs import run_cohort
from core.report import result_files
from core.store import Store
from core.types import Case, RunRecord
from core.view.bag_payload import bag_rows, bag_slices, bag_strip, most_attended
from core.view.class_payload import build_class_payload, build_class_volume
from pages.ui import bag_result, viewer
from pages.ui.reader import Reader
from tests.core.toy_bags import make_volume, put_bag_model, settings
from tests.core.toy_runs import put_cohort
from tests.core.view.test_payload import unpack
from tests.pages.conftest import Bench, make_case

CASE = "pages/case.py"
Text = Callable[[AppTest], str]


@pytest.fixture
def bags(bench: Bench, home: Path) -> Bench:
    put_bag_model(home)
    return bench


def judged(bench: Bench, case: Case) -> ClassOutcome:
    bench.store.put_case(case)
    found = run_model(bench.store, case, settings())
    assert isinstance(found, ClassOutcome)
    return found


def put_run(store: Store) -> RunRecord:
    cases = [make_volume(1, marked=(0, 1)), make_volume(2, marked=(3,), bare=(5, 6)), make_volume(3)]
    return run_cohort(store, put_cohort(store, cases).id, settings())


def header_of(outcome: ClassOutcome, **more: Any) -> Any:
    return unpack(build_class_payload(outcome.case, outcome.classification, outcome.verdict, **more))[0]


def answer(app: AppTest) -> str:
    return next(each.value for each in app.markdown if each.value.startswith(("**Looks", "**Review")))


def test_answer_names_the_slab_that_decides_its_probability_spread_and_number(bags: Bench) -> None:
    found = judged(bags, make_volume(marked=(0,))).classification
    app = bags.open(CASE, case=found.case_id)
    assert not app.exception
    assert found.deciding is not None
    bag, said = found.bags[found.deciding], answer(app).replace("\\", "")
    held = found.predicted == ("yes",)
    assert ("At least one slab holds **yes**" if held else "No slab reads as yes; the nearest is") in said
    assert f"slab {found.deciding + 1} of 2 (slices {bag.slices[0] + 1}–{bag.slices[-1] + 1})" in said
    ends = f"({bag.prob[:, 1].min():.3f}–{bag.prob[:, 1].max():.3f} over 2 predictions)"
    assert f"**yes** with a mean probability of **{bag.mean_prob:.3g}" in said and ends in said
    assert f"(marked in slab 1): **{'right' if held else 'wrong'}**." in said
    assert "n = 2 predictions, 2 slabs." in said


def test_one_bag_of_the_whole_volume_reads_as_a_class(bags: Bench) -> None:
    found = judged(bags, make_volume(slices=3)).classification
    said = answer(bags.open(CASE, case=found.case_id))
    assert f"Most likely **{found.predicted[0]}** with a mean probability of" in said
    assert "n = 2 predictions." in said and "slab" not in said.partition("n = ")[2]


def test_numbers_list_every_slab_and_every_slice(bags: Bench) -> None:
    found = judged(bags, make_volume(marked=(4,), bare=(5,))).classification
    app = bags.open(CASE, case=found.case_id)
    slabs = app.table[0].value
    assert slabs["Slices"].tolist() == ["1–4", "4–7"]
    assert [each.replace("\\", "") for each in slabs["Reference"]] == ["nothing", "marked"]
    assert sum("decides" in each for each in slabs["Slab"]) == 1
    assert all(each.endswith(" of 4") for each in slabs["Effective slices"])
    slices = next(each.value for each in app.dataframe if "Attention" in each.value)
    assert slices["Slice"].tolist() == [1, 2, 3, 4, 4, 5, 6, 7]
    assert slices["Attention"][:4].sum() == pytest.approx(1.0)


def test_what_attention_is_worth_is_told_from_the_validation_beside_the_model(
    bags: Bench, text: Text
) -> None:
    found = judged(bags, make_volume())
    shown = text(bags.open(CASE, case=found.case.id))
    assert "Attention is not evidence" in shown and "has not been measured for this model" in shown
    shipped = bag_result.evidence_words(attention_evidence(get_bag_model("lgg-mil")))
    assert "attention 0.743 [0.679–0.803]" in shipped
    assert "scores of single slices 0.863" in shipped and "100 slabs of 50 patients" in shipped
    assert re.search(r"without any picture, 0\.857 \[.*\]; 0\.5 is guessing", shipped)


def test_limits_of_the_attention_follow_their_field(bags: Bench) -> None:
    found = judged(bags, make_volume())
    app = bags.open(CASE, case=found.case.id)
    app.number_input(key="limit_attention-collapsed_0").set_value(10.0).run()
    said = answer(app).replace("\\", "")
    assert said.startswith("**Review this case.**") and "effective slices, below 10" in said
    assert "1 limit changed" in said and bags.analysed == []


def test_downloads_hold_every_slab_with_its_attention(bags: Bench) -> None:
    found = judged(bags, make_volume())
    result = stored_result(bags.store, found.classification.key)
    assert result is not None
    picture, record = result_files(result)
    assert picture.data.startswith(b"\x89PNG")
    assert re.fullmatch(r"second-look-class_[0-9a-f]{16}\.json", record.name)
    said = json.loads(record.data)
    assert said["deciding_bag"] == found.classification.deciding
    assert [each["slices"] for each in said["bags"]] == [[0, 1, 2, 3], [3, 4, 5, 6]]
    for each, bag in zip(said["bags"], found.classification.bags, strict=True):
        assert each["attention"] == bag.mean_attention.tolist() and len(each["samples"]) == 2
        assert set(each["scores"]) >= {"max_softmax", "attention_slices", "attention_on_tissue"}


def test_the_strip_shows_the_larger_attention_where_slabs_overlap(bags: Bench) -> None:
    outcome = judged(bags, make_volume(bare=(6,)))
    found, facts = outcome.classification, bag_facts(outcome.classification)
    assert facts is not None
    first, second = (each.mean_attention for each in found.bags)
    shown = [each["value"] for each in bag_slices(found, facts, ())]
    assert shown == pytest.approx([*first[:3], max(first[3], second[0]), *second[1:]])
    assert [each["empty"] for each in bag_slices(found, facts, ())] == [False] * 6 + [True]
    assert bag_strip(found)["scale"] == pytest.approx(max(shown))
    assert [row["top"] for row in bag_rows(found, facts)] == [each.top_slice for each in found.bags]


def test_the_view_starts_on_the_slice_with_most_attention_and_has_the_reference(bags: Bench) -> None:
    outcome = judged(bags, make_volume(marked=(2,)))
    found = outcome.classification
    header = header_of(outcome, bags=bag_facts(found))
    assert header["start"] == header["worst"] == most_attended(found)
    assert [each["id"] for each in header["layers"]] == ["reference"]
    assert {each["name"] for each in header["parts"]} >= {"image0", "image1", "image2", "reference"}
    assert len(header["slices"]) == 7 and len(header["slabs"]) == 2
    alone = header_of(outcome, alone=True)
    assert alone["answer"] is None and "slabs" not in alone and alone["flags"] == alone["scores"] == []
    assert {each["value"] for each in alone["slices"]} == {None}


def test_a_volume_too_large_for_a_browser_is_loaded_around_a_slice(bags: Bench) -> None:
    outcome = judged(bags, make_volume(slices=16))
    whole = build_class_volume(outcome.case, outcome.classification)
    assert (whole.first_slice, whole.slices) == (0, 16)
    part = build_class_volume(outcome.case, outcome.classification, limit_bytes=12_000, around=12)
    assert part.size <= 12_000 and part.slices < 16
    assert part.first_slice <= 12 < part.first_slice + part.slices
    assert any("slices" in each and "are loaded" in each for each in part.notes)


def test_a_volume_is_offered_the_bag_model_and_a_picture_is_not(bags: Bench, text: Text) -> None:
    case, picture = make_volume(), make_case()
    for each in (case, picture):
        bags.store.put_case(each)
    app = bags.open("", case=case.id)
    assert "Slabs: Tiny" in app.selectbox(key="model").options
    assert "Naming a class takes a single picture" in text(app)
    app = bags.open("", case=picture.id)
    assert "Slabs: Tiny" not in app.selectbox(key="model").options
    assert "Judging slabs takes a volume" in text(app)


def test_models_page_shows_the_card_and_what_a_slab_is(bench: Bench, text: Text) -> None:
    shown = bench.open("pages/models.py", shown="lgg-mil")
    facts = dict(zip(shown.table[0].value["What"], shown.table[0].value["Answer"], strict=True))
    assert "slabs of 12 neighbouring slices" in facts["Judges"]
    assert "50 patients in 5 folds" in facts["How it was split"]
    assert "instance network with resnet18" in facts["Network"]
    assert "Attention is not a finding" in text(shown)


def test_trust_pages_count_slabs_unless_told_otherwise(bags: Bench, text: Text) -> None:
    run = put_run(bags.store)
    for page in ("pages/coverage.py", "pages/reliability.py"):
        app = bags.open(page, run=run.id)
        assert not app.exception
        assert "6 slabs" in text(app)
        app.segmented_control(key="bag_level").set_value("case").run()
        assert "3 cases" in text(app) and not app.exception


def test_a_slab_of_a_run_opens_its_case_there_with_its_place_among_slabs(
    bags: Bench, text: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = put_run(bags.store)
    table = bags.store.unit_table(run.id, "slab")
    assert table is not None
    asked: list[object] = []
    monkeypatch.setattr(bag_result, "class_view", lambda *_, **more: asked.append(more["view_state"]))
    app = bags.open(CASE, run=run.id, unit="b3", analysis=table.analysis_key[3] or "")
    assert not app.exception
    assert "the confidence of the slab from slice 4 of this case is" in text(app).replace("\\", "")
    found = bags.store.classification(table.analysis_key[3] or "")
    assert found is not None
    assert asked == [viewer.ViewState(slice=found.bags[1].top_slice)]


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("page", ["pages/worklist.py", "pages/review.py"])
def test_worklist_and_desk_take_volumes(bags: Bench, text: Text, page: str, alone: bool) -> None:
    run = put_run(bags.store)
    app = bags.open(page, run=run.id, unit="0")
    app.session_state["review_reader"] = Reader(name="Ada", alone=alone)
    app.run()
    assert not app.exception
    shown = text(app)
    assert ("hidden" in shown) == alone


def test_model_is_offered_for_a_cohort_with_masks(bags: Bench) -> None:
    run = put_run(bags.store)
    app = bags.open("pages/cohorts.py", cohort=run.cohort_id)
    assert not app.exception
    assert any("Tiny" in each for each in app.selectbox(key="run_model").options)


def test_groups_are_of_volumes_as_a_slab_has_no_lesion_of_its_own_to_measure(bags: Bench) -> None:
    run = put_run(bags.store)
    app = bags.open("pages/sweeps.py", run=run.id, sweeps_view="Groups of cases")
    assert not app.exception
    assert app.selectbox(key="pick_run").value == run.id
    assert "bag_level" not in {each.key for each in app.get("button_group")}
