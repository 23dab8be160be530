"""Training audit: verdict, findings with what they rest on, filters, files of one's own, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import get_args

import pytest
from streamlit.testing.v1 import AppTest

from core.audit import SAMPLES, Evidence, audit_study, finding_spec, read_study, sample_files
from core.audit.records import Audit, Finding
from core.types import NamedBytes
from pages.ui import audit_evidence, audit_forms, audit_source
from pages.ui.audit_findings import Filters, passing
from pages.ui.audit_words import fold_words
from pages.ui.text import safe_text
from tests.pages.conftest import Bench
from tests.pages.many import csv_file

PAGE = "pages/audit.py"
Text = Callable[[AppTest], str]


@pytest.fixture(scope="module")
def golden() -> Audit:
    return audit_study(read_study(sample_files("golden")))


def upload(app: AppTest, *files: NamedBytes) -> AppTest:
    app.file_uploader(key="audit_upload_0").set_value(
        [(each.name, each.data, "application/octet-stream") for each in files]
    )
    return app.run()


def findings(app: AppTest) -> list[str]:
    """The labels of the findings that are in sight."""
    return [each.label for each in app.expander if each.label.startswith("**")]


def leaky(name: str = "predictions.csv") -> NamedBytes:
    """Two folds that share a patient; a threshold far off 0.5, and training rows to find that out by."""
    rows = [
        f"{fold},{fold}-{k},{'shared' if k == 0 else f'{fold}-{k}'},{k % 2},{0.05 + 0.1 * (k % 2):.2f}"
        for fold in range(2)
        for k in range(40)
    ]
    return csv_file(name, "fold,case,group,label,prob", rows)


def test_empty_page_offers_files_their_form_and_samples(bench: Bench, text: Text) -> None:
    app = bench.open(PAGE)
    assert not app.exception
    assert app.title[0].value == "Can these scores be true?"
    assert "Nothing is audited yet" in app.markdown[0].value
    assert [each.key for each in app.button if each.key and each.key.startswith("open_")] == [
        f"open_{each.key}" for each in SAMPLES
    ]
    assert SAMPLES[0].key == "golden"
    app.session_state["audit_forms"] = True
    shown = text(app.run())
    assert "#### Predictions, CSV, Parquet or JSON rows" in shown and "accuracy-matrix" not in shown
    assert "A file to start from" in app.get("download_button")[0].proto.label
    assert json.loads(audit_forms.TEMPLATE.read_bytes())["folds"]


def test_verdict_comes_first_and_every_finding_is_in_sight_with_its_evidence(
    bench: Bench, golden: Audit, text: Text
) -> None:
    app = bench.open(PAGE)
    app.button(key="open_golden").click().run()
    assert not app.exception
    assert app.query_params["study"] in ("golden", ["golden"])
    assert app.markdown[0].value == f"**{safe_text(golden.verdict, 600)}**"
    for words in ("18 errors", "7 warnings", "1 note"):
        assert words in app.markdown[1].value
    labels = findings(app)
    assert len(labels) == len(golden.findings) == 26
    for each in golden.findings:
        assert f"**{safe_text(each.where)}** · {safe_text(each.evidence, 600)}" in labels
    shown = text(app)
    assert all(safe_text(each.advice, 400) in shown for each in golden.findings)
    assert all(safe_text(each, 300) in shown for each in golden.not_checked)


def test_advice_leads_to_the_findings_that_it_answers(bench: Bench, golden: Audit, text: Text) -> None:
    app = bench.open(PAGE, study="golden")
    shown = text(app)
    for each in golden.recommendations:
        assert f"**{safe_text(each.title)}.**" in shown
        assert all(f"](#kind-{code})" in shown for code in each.answers)
    app = bench.open(PAGE, study="golden", audit_severity="Notes")
    assert "](#kind-attention-not-logged)" in text(app)
    assert "](#kind-class-collapse)" not in text(app)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda each: each.key)
def test_every_sample_opens_with_its_verdict_and_all_that_it_rests_on(
    bench: Bench, text: Text, sample: object
) -> None:
    key = sample.key  # type: ignore[attr-defined]
    made = audit_study(read_study(sample_files(key)))
    opened = {f"finding_{key}_{place}": "true" for place in range(len(made.findings))}
    app = bench.open(PAGE, study=key, **opened)
    assert not app.exception
    assert app.markdown[0].value == f"**{safe_text(made.verdict, 600)}**"
    for view in ("folds", "matrices", "curves", "attention", "thresholds"):
        if view in app.segmented_control(key="audit_view").options or view == "folds":
            app.segmented_control(key="audit_view").set_value(view).run()
            assert not app.exception


def test_every_kind_of_evidence_can_be_drawn() -> None:
    assert set(audit_evidence.DRAWN) == set(get_args(Evidence))


@pytest.mark.parametrize("study", ["golden", "lgg-mil"])
@pytest.mark.parametrize("rests_on", get_args(Evidence))
def test_evidence_is_drawn_whether_or_not_it_was_given(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, study: str, rests_on: Evidence
) -> None:
    def found(study: object, progress: object = None) -> Audit:
        made = audit_study(study)  # type: ignore[arg-type]
        about = (made.findings[0].model_copy(update={"rests_on": rests_on}),)
        return made.model_copy(update={"findings": about})

    monkeypatch.setattr(audit_source, "audit_study", found)
    app = bench.open(PAGE, study=study, **{f"finding_{study}_0": "true"})
    assert not app.exception and not app.error
    drawn = len(app.dataframe) + len(app.table) + len(app.get("plotly_chart")) + len(app.caption)
    closed = bench.open(PAGE, study=study)
    assert drawn > len(closed.dataframe) + len(closed.table) + len(closed.get("plotly_chart")) + len(
        closed.caption
    )


def test_opened_finding_shows_the_matrix_and_the_figures_of_its_fold(bench: Bench) -> None:
    closed = bench.open(PAGE, study="golden")
    app = bench.open(PAGE, study="golden", finding_golden_0="true")
    assert len(app.get("plotly_chart")) == len(closed.get("plotly_chart")) + 1
    scores = app.table[0].value
    assert list(scores["Score"]) == ["AUC", "accuracy", "F1"]
    assert list(scores["Value"]) == ["0\\.9095", "0\\.7895", "0\\.7689"]


def test_fold_that_a_finding_is_about_is_marked_in_the_table(bench: Bench, golden: Audit) -> None:
    place = [each.code for each in golden.findings].index("fold-stands-out")
    app = bench.open(PAGE, study="golden", **{f"finding_golden_{place}": "true"})
    rows = app.dataframe[0].value
    assert list(rows["fold"][rows["Here"] == "▶"]) == list(golden.findings[place].folds) == ["1"]


def test_score_that_a_summary_finding_is_about_is_marked(bench: Bench, golden: Audit) -> None:
    place = [each.code for each in golden.findings].index("mean-not-from-folds")
    app = bench.open(PAGE, study="golden", **{f"finding_golden_{place}": "true"})
    rows = app.dataframe[0].value
    (row,) = rows[rows["Here"] == "▶"].to_dict("records")
    assert (row["score"], row["mean of the folds"], row["reported mean"]) == ("accuracy", "0.8105", "0.8088")


def test_filters_narrow_by_severity_fold_and_kind(bench: Bench, golden: Audit, text: Text) -> None:
    app = bench.open(PAGE, study="golden", audit_severity="Warnings")
    assert len(findings(app)) == golden.count("warning") == 7
    app.selectbox(key="audit_fold").set_value("1").run()
    assert "3 of 26 findings" in text(app)
    assert not any(label.startswith("**fold 0**") for label in findings(app))
    app.multiselect(key="audit_kinds").set_value(["fold-stands-out"]).run()
    assert [label.partition("** ")[0] for label in findings(app)] == ["**fold 1"]
    # The name of a fold may be that of a patient.
    assert "audit_fold" not in app.query_params


def test_findings_about_no_fold_are_about_all() -> None:
    spec = finding_spec("class-imbalance")
    made = [
        Finding(
            code=spec.code, severity=spec.severity, where="study", evidence="", advice="", title="",
            folds=folds,
        )
        for folds in ((), ("1",), ("2",))
    ]  # fmt: skip
    audit = Audit(title="", verdict="", findings=tuple(made), folds=())
    assert passing(audit, Filters(fold="1")) == (0, 1)
    assert passing(audit, Filters(severities=("error",))) == ()
    assert passing(audit, Filters(kinds=("class-imbalance",))) == (0, 1, 2)


def test_files_of_ones_own_are_audited_and_stay_out_of_the_address(bench: Bench, text: Text) -> None:
    app = upload(bench.open(PAGE), leaky("for Ada.csv"))
    assert not app.exception
    assert "The same patient or group is on both sides of a split" in text(app)
    assert "for Ada\\.csv" in text(app)
    assert not any("Ada" in str(each) for each in (*app.query_params, *app.query_params.values()))
    assert not any(key.startswith("finding") for key in app.query_params)
    place = next(k for k, label in enumerate(findings(app)) if "shared" in label)
    token = app.session_state[audit_source.OWN].token
    app.session_state[f"finding_{token}_{place}"] = True
    app.run()
    assert not app.exception
    assert list(app.dataframe[0].value["Here"]) == ["▶", "▶"]
    assert list(app.dataframe[0].value["cases"]) == ["40", "40"]


def test_an_audit_is_seen_by_nobody_but_who_uploaded_the_files(bench: Bench, text: Text) -> None:
    first = upload(bench.open(PAGE), leaky("results.csv"))
    assert "both sides of a split" in text(first)
    second = bench.open(PAGE)
    assert "Nothing is audited yet" in text(second) and "results\\.csv" not in text(second)
    clean = csv_file(
        "results.csv", "fold,case,label,prob", [f"{k % 2},{k},{k // 2 % 2},0.5" for k in range(80)]
    )
    second = upload(second, clean)
    assert "both sides of a split" not in text(second) and not second.exception
    assert "both sides of a split" in text(first.run())
    own = [each.session_state[audit_source.OWN] for each in (first, second)]
    assert own[0].token != own[1].token and own[0].audits is not own[1].audits


def test_the_same_files_in_two_sessions_are_two_audits(bench: Bench, text: Text) -> None:
    apps = [upload(bench.open(PAGE), leaky()) for _ in range(2)]
    assert all("both sides of a split" in text(each) for each in apps)


def test_files_are_let_go_once_they_are_audited_and_a_sample_leads_back(bench: Bench, text: Text) -> None:
    app = upload(bench.open(PAGE), leaky())
    assert app.session_state[audit_source.OWN].files == ()
    app.session_state[audit_source.OTHERS] = True
    app.run()
    app.button(key="open_golden").click().run()
    assert "Two\\-class MIL study" in text(app)
    app.session_state[audit_source.OTHERS] = True
    app.run()
    app.button(key="audit_back").click().run()
    assert "both sides of a split" in text(app) and "study" not in app.query_params


def test_file_that_cannot_be_read_is_named_with_found_expected_and_fix(bench: Bench, text: Text) -> None:
    app = upload(bench.open(PAGE), csv_file("![x](http:a.png).csv", "colour,size", ["red,2"]))
    assert not app.exception
    assert "The audit cannot use this file" in app.error[0].value
    shown = text(app)
    for words in ("**File:**", "**Found:** columns colour\\, size", "**Expected:**", "**What to do:**"):
        assert words in shown
    assert "![x]" not in shown
    # Other files can be chosen at once.
    assert app.file_uploader(key="audit_upload_0") is not None


def test_names_from_files_are_words_everywhere(bench: Bench, text: Text) -> None:
    evil = "<b>![a](http:x.png)"
    document = {
        "title": evil, "classes": [evil, "b"], "summary": {"accuracy": {"mean": 0.9}},
        "folds": [{"fold": evil, "confusion": [[9, 1], [40, 0]], "scores": {"accuracy": 0.9}}],
    }  # fmt: skip
    app = upload(bench.open(PAGE), NamedBytes(f"{evil}.json", json.dumps(document).encode()))
    token = app.session_state[audit_source.OWN].token
    for place in range(len(findings(app))):
        app.session_state[f"finding_{token}_{place}"] = True
    app.run()
    assert not app.exception and findings(app)
    words = text(app) + "".join(each.label for each in app.expander)
    assert "![a]" not in words and "<b>" not in words.replace("\\<b\\>", "")
    for chart in app.get("plotly_chart"):
        assert "<b>" not in str(json.loads(chart.proto.spec))


def test_many_folds_and_findings_are_drawn_in_part(bench: Bench, text: Text) -> None:
    folds = [
        {"fold": k, "confusion": [[20, 0], [19, 1]], "scores": {"accuracy": 0.9, "f1": 0.9}}
        for k in range(100)
    ]
    document = {"classes": ["a", "b"], "folds": folds}
    app = upload(bench.open(PAGE), NamedBytes("many.json", json.dumps(document).encode()))
    assert not app.exception
    kinds = len([each for each in app.subheader if "100 times" in each.value])
    assert kinds > 1 and text(app).count("92 more of this kind") == kinds
    app.multiselect(key="audit_kinds").set_value(["class-collapse"]).run()
    assert len(findings(app)) == 60 and "40 more of this kind" in text(app)
    app.segmented_control(key="audit_view").set_value("matrices").run()
    assert len(app.get("plotly_chart")) == 12
    app.selectbox(key="audit_fold").set_value("99").run()
    assert len(app.get("plotly_chart")) == 1 and len(findings(app)) == 1


def test_folds_that_read_alike_are_told_apart(golden: Audit) -> None:
    rows = tuple(golden.folds[0].model_copy(update={"fold": name}) for name in ("a\u200b", "a"))
    assert len(set(fold_words(golden.model_copy(update={"folds": rows})).values())) == 2
