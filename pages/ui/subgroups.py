"""Groups of cases on the Sweeps page, and the same model on several cohorts."""

from __future__ import annotations

import streamlit as st

from core.errors import InputProblem
from core.io.columns import read_columns
from core.metrics.subgroups import GroupRow, SubgroupReport, subgroup_report
from core.pipeline.attributes import attributes_of
from core.pipeline.shift import ShiftRow, compare_runs
from core.store import Store
from core.types import Estimate, NamedBytes, Progress, RunRecord
from core.view.charts import CONFIG
from core.view.group_chart import Forest, forest_chart
from core.view.words import NOT_AVAILABLE, count, interval, number
from pages.ui import outcomes, ready, run_tables, tables
from pages.ui.frame import show_problem
from pages.ui.options import distinct
from pages.ui.run_tables import Loaded
from pages.ui.take_files import file_uploader
from pages.ui.text import plain_text, safe_text

LOWER_IS_BETTER = ("risk", "hd95", "volume_error")


def show_groups(store: Store) -> None:
    """A run on groups of its cases: the answer first, a chart, the worst pairs, every number."""
    answer_place = st.container(key="answer")
    run = run_tables.pick_run(store)
    if run is None:
        return
    level = run_tables.pick_level(run) if run.task == "segmentation" else "case"
    run_tables.notes(run)
    loaded = run_tables.load(run, level)
    with st.expander("More: metric, a table of attributes, smallest group", key="group_more"):
        metric, columns, least = _choices(loaded)
    report = _report(store, loaded, metric, columns, least)
    if report is None:
        return
    answer_place.markdown(_answer(report, loaded))
    st.plotly_chart(
        forest_chart(
            [Forest(_name(row), row.value.value, row.value.low, row.value.high, _note(row), bool(row.small))
             for row in report.groups],
            overall=report.overall.value, x_title=metric,
        ),
        key="group_chart", config=CONFIG, theme="streamlit",
        alt=f"Mean {metric} of every group with intervals",
    )  # fmt: skip
    st.caption(
        "How to read this: a point is the mean of a group, its line the 95 % interval from drawing whole "
        "patients, the dashed line the mean of all. Hollow points are groups too small to say anything. A "
        "difference is no cause: small lesions also lie elsewhere."
    )
    _pairs(report)
    _numbers(report, loaded)


def show_shift(store: Store) -> None:
    """One model on several cohorts, side by side."""
    answer_place = st.container(key="answer")
    runs = [each for each in store.runs() if each.done]
    if len(runs) < 2:
        answer_place.markdown(
            "It takes runs over at least two cohorts. Add another cohort, and run the same model over it."
        )
        return
    cohorts = {each.id: each.name for each in store.cohorts()}
    words = distinct({each.id: _run_words(each, cohorts) for each in runs})
    picked = st.multiselect(
        "Runs, the first is the base", list(words), default=list(words)[:2], format_func=words.get,
        key="shift_runs", max_selections=6, help="Differences are told to the first one.",
    )  # fmt: skip
    if len(picked) < 2:
        return
    key = (tuple(picked), tuple(run.done for run in runs), outcomes.deletions())
    rows = ready.ready("shift", "Comparing the cohorts", key, lambda progress: compare_runs(store, picked))
    if rows is None:
        return
    answer_place.markdown(_shift_answer(rows))
    names = [f"{row.cohort} ({count(row.patients, 'patient')})" for row in rows]
    keys = list(dict.fromkeys(each.key for row in rows for each in row.numbers))
    tables.show(
        ("Number", *(f"{k + 1}. {plain_text(name, 60)}" for k, name in enumerate(names))),
        [(each.replace("_", " "), *(_shift_cell(row, each) for row in rows)) for each in keys],
    )
    st.caption(
        "How to read this: beside each value the difference to the first cohort, whose interval draws the "
        "patients of both by themselves. Fewer than two patients have no interval. It cannot say whether "
        "scanner, disease or reference makes the difference."
    )


def _choices(loaded: Loaded) -> tuple[str, dict[str, dict[str, str]] | None, int]:
    table = loaded.table
    metrics = [key for key in ("dice", "jaccard", "boundary_f1_2px") if key in table.metrics] or ["risk"]
    left, right = st.columns(2)
    metric = left.selectbox(
        "Metric", metrics, key="group_metric", help="What is compared between the groups."
    )
    least = right.number_input(
        "Patients that a group needs", 2, 100, 5, key="group_least",
        help="Smaller groups are shown, and neither tested nor searched.",
    )  # fmt: skip
    file = file_uploader(
        "A table of attributes (CSV)", type=["csv"], key="group_columns",
        help="Its first column names cases or patients, every other is an attribute: the scanner, say.",
    )  # fmt: skip
    columns = None
    if file is not None:
        try:
            columns = read_columns(NamedBytes(file.name, file.getvalue()))
        except InputProblem as problem:
            show_problem(problem)
    return metric, columns, int(least)


def _report(
    store: Store, loaded: Loaded, metric: str, columns: dict[str, dict[str, str]] | None, least: int
) -> SubgroupReport | None:
    table = loaded.table

    def work(progress: Progress) -> SubgroupReport:
        found = attributes_of(store, table, columns, progress)
        higher = not metric.startswith(LOWER_IS_BETTER)
        return subgroup_report(table, found, metric, min_patients=least, higher_is_better=higher)

    key = (loaded.run.id, loaded.run.done, table.level, metric, repr(columns), least, outcomes.deletions())
    return ready.ready("groups", "Measuring the cases", key, work)


def _answer(report: SubgroupReport, loaded: Loaded) -> str:
    tested = [row for row in report.groups if row.p_holm is not None and row.p_holm < 0.05]
    higher = not report.metric.startswith(LOWER_IS_BETTER)
    worse = [row for row in tested if ((row.difference.value or 0.0) < 0.0) == higher]
    overall = interval(report.overall.value, report.overall.low, report.overall.high)
    if not worse:
        return (
            f"**No group of {run_tables.headline(loaded)} is shown to be worse** than the rest (mean "
            f"{report.metric} {overall}; corrected for {len(report.groups)} groups)."
        )
    first = min(worse, key=lambda row: (row.difference.value or 0.0) * (1 if higher else -1))
    return (
        f"**{_name(first)[:1].upper()}{_name(first)[1:]} is worst**: mean {report.metric} "
        f"{_words(first.value)}, {_words(first.difference)} to the rest (n = {first.units} of "
        f"{count(first.patients, 'patient')}, p after Holm {number(first.p_holm)}). "
        f"Over all {overall}; {run_tables.headline(loaded)}."
    )


def _pairs(report: SubgroupReport) -> None:
    st.header("Worst pairs of conditions")
    if not report.pairs:
        st.caption(f"No pair has {report.min_patients} patients and {report.min_units} units.")
        return
    tables.show(
        ("Pair", "Mean", "To the rest", "n", "p after Holm"),
        [
            (_name(row), _words(row.value), _words(row.difference),
             f"{row.units} of {count(row.patients, 'patient')}", number(row.p_holm))
            for row in report.pairs[:8]
        ],
    )  # fmt: skip
    st.caption(
        f"Exploratory: the worst of {report.searched} pairs with at least {report.min_patients} patients, "
        "corrected for all of them. What is found here has to be looked at in other patients."
    )


def _numbers(report: SubgroupReport, loaded: Loaded) -> None:
    with st.expander("Every number, and how groups were told", key="group_numbers"):
        for key, rule in report.rules:
            st.caption(f"**{safe_text(key, 60)}**: {safe_text(rule, 300)}")
        rows = [
            {
                "group": _name(row), "units": row.units, "patients": row.patients, "undefined": row.undefined,
                "mean": row.value.value, "low": row.value.low, "high": row.value.high,
                "difference": row.difference.value, "difference_low": row.difference.low,
                "difference_high": row.difference.high, "p": row.p, "p_holm": row.p_holm,
                "too_small": row.small,
            }
            for row in (*report.groups, *report.pairs)
        ]  # fmt: skip
        st.dataframe(rows, hide_index=True, key="group_rows", placeholder=NOT_AVAILABLE, alt="Every group")
        tables.downloads(f"groups-{loaded.run.id[:8]}", report.model_dump(mode="json"), rows)


def _name(row: GroupRow) -> str:
    return " and ".join(
        f"{a.removeprefix('column ')}: {c}" for a, c in zip(row.attributes, row.categories, strict=True)
    )


def _note(row: GroupRow) -> str:
    told = row.small or f"p after Holm {number(row.p_holm)}"
    return f"n = {row.units} of {count(row.patients, 'patient')}; {told}"


def _words(estimate: Estimate) -> str:
    return interval(estimate.value, estimate.low, estimate.high)


def _run_words(run: RunRecord, cohorts: dict[str, str]) -> str:
    return f"{plain_text(cohorts.get(run.cohort_id, 'removed cohort'), 60)}: {plain_text(run.title, 80)}"


def _shift_answer(rows: tuple[ShiftRow, ...]) -> str:
    key = rows[0].numbers[0].key
    parts = [
        f"{number(row.numbers[0].value.value)} on {safe_text(row.cohort, 60)} "
        f"({count(row.patients, 'patient')})"
        for row in rows
    ]
    return f"**Mean {key}**: {'; '.join(parts)}."


def _shift_cell(row: ShiftRow, key: str) -> str:
    found = next((each for each in row.numbers if each.key == key), None)
    if found is None:
        return NOT_AVAILABLE
    change = "" if found.difference.value is None else f"; difference {_words(found.difference)}"
    return f"{_words(found.value)}{change}"
