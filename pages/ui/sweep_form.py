"""Start a sweep, or go on with one: model, estimator, corruptions, severities."""

from __future__ import annotations

import streamlit as st

from core.config import AnalysisConfig, EstimatorConfig, digest
from core.corruptions import GROUPS
from core.inference import possible_estimators
from core.models import list_models, promptless
from core.pipeline.sweeps import ALL, chosen_keys, plan_sweep, run_sweep
from core.store import Store
from core.types import CohortRecord, Progress
from pages.ui import jobs
from pages.ui.options import distinct
from pages.ui.text import plain_text, safe_text

CHOICES = {ALL: "Everything that happens in the world", **GROUPS}
LEVELS = (1.0, 2.0, 3.0, 4.0, 5.0)
FIRST_LEVELS = (1.0, 3.0, 5.0)


def form(store: Store, cohort: CohortRecord, writable: bool, *, first: bool) -> None:
    """What to sweep, and the button that starts it; what is there already is not computed again."""
    with st.expander("Start a sweep, or go on with one", key="sweep_form", expanded=first):
        models = {each.id: each for each in promptless(list_models()) if each.task == cohort.task}
        if not models:
            st.markdown(f"No installed model answers this question ({safe_text(cohort.task)}).")
            return
        left, right = st.columns(2)
        titles = distinct({key: plain_text(each.title) for key, each in models.items()})
        model = left.selectbox(
            "Model", list(models), format_func=titles.get, key="sweep_model",
            help="Only models that answer the question of this cohort are listed.",
        )  # fmt: skip
        kinds = {spec.key: spec for spec in possible_estimators(models[model])}
        fast = [kind for kind in ("mc-dropout", "point") if kind in kinds]
        kind = right.selectbox(
            "How to judge its certainty", list(kinds), index=list(kinds).index(fast[0]) if fast else 0,
            format_func=lambda each: kinds[each].label, key="sweep_estimator",
            help="Monte-Carlo dropout asks one network, and costs about one pass; the ensemble asks all.",
        )  # fmt: skip
        groups = left.multiselect(
            "Corruptions", list(CHOICES), default=[ALL], format_func=CHOICES.get, key="sweep_groups",
            help="What makes no sense for the pictures is left out with its reason. Worst cases against the "
            "model have to be chosen by themselves: they are no physics, and slow.",
        )  # fmt: skip
        levels = right.multiselect(
            "Severities", list(LEVELS), default=list(FIRST_LEVELS), format_func=lambda each: f"{each:g}",
            key="sweep_severities", help="Severity 0, the clean pictures, is always there.",
        )  # fmt: skip
        seed = left.number_input(
            "Seed",
            0,
            2**31 - 1,
            0,
            key="sweep_seed",
            help="Another seed draws another noise, place and angle.",
        )
        cells = len(chosen_keys(groups)) * len(levels) + 1
        st.caption(
            f"At most {cells} runs over {cohort.items} cases. Numbers are kept, maps are not; a stopped "
            "sweep goes on with the same choices."
        )
        config = AnalysisConfig(model_id=model, estimator=EstimatorConfig(kind=kind))
        st.button(
            "Start", type="primary", key="start_sweep", disabled=not (writable and groups and levels),
            on_click=start, args=(store, cohort.id, config, tuple(groups), tuple(levels), int(seed)),
        )  # fmt: skip


def start(
    store: Store,
    cohort_id: str,
    config: AnalysisConfig,
    groups: tuple[str, ...],
    levels: tuple[float, ...],
    seed: int,
) -> None:
    """Sweep in the background; the job is selected."""

    def work(progress: Progress) -> str:
        progress(0.0, "Planning")
        run_sweep(
            store, plan_sweep(store, cohort_id, config, chosen_keys(groups), levels, seed=seed), progress
        )
        return cohort_id

    key = digest([cohort_id, config, groups, levels, seed])
    jobs.start(jobs.SWEEP, "Sweeping a cohort", work, key)
