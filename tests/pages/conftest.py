"""A server's resources in small: a store in memory, own job managers, and a model of a few lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.config import AnalysisConfig, ReadOptions, digest
from core.detector import built_in_limits, decide, measure_slice
from core.engine import JobManager
from core.pipeline import Outcome
from core.store import Store
from core.types import (
    Analysis,
    Case,
    FixedPoint,
    Geometry,
    Image,
    MadeBy,
    Maps,
    Progress,
    Reference,
    Score,
    SliceSummary,
    Timing,
)
from core.uncertainty import SCORES
from pages.ui import analysing, outcomes, ready, resources
from pages.ui.menu import CASE

APP = Path(__file__).resolve().parents[2] / "app.py"
SIZE = 32


def make_case(name: str = "slice.png", slices: int = 1, reference: bool = False, seed: int = 0) -> Case:
    """A disk of value 1 on a ground of 0, `slices` times."""
    rows, columns = np.ogrid[:SIZE, :SIZE]
    disk = ((rows - 16) ** 2 + (columns - 16) ** 2 <= 36).astype(np.float32)
    values = np.repeat(disk[None, None], slices, axis=1)
    geometry = Geometry(
        None, None, "axial", "assumed", None, (slices, SIZE, SIZE), (0, 1, 2), (False, False, False)
    )
    drawn = Reference(np.repeat(disk[None] > 0, slices, axis=0), "mask.png", (0.0, 1.0))
    return Case(
        id=digest([name, slices, reference, seed]),
        name=name,
        image=Image(values, geometry, ("intensity",), None, "uint8", (0.0, 1.0)),
        reference=drawn if reference else None,
        format="png",
        options=ReadOptions(),
    )


def make_analysis(case: Case, config: AnalysisConfig | None = None) -> Analysis:
    """The image itself as the probability, and one invented confidence for everything."""
    config = config or AnalysisConfig()
    prob = FixedPoint.of(case.image.values[:1], 1.0)
    scores = tuple(
        Score(key=spec.key, value=0.75 if place == 0 else None, note="" if place == 0 else "not made up")
        for place, spec in enumerate(SCORES)
    )
    slices = []
    for index, mask in enumerate(prob.codes[0] > 32767):
        measures, components = measure_slice(mask)
        slices.append(
            SliceSummary(
                index=index,
                empty=not mask.any(),
                scores=scores,
                measures=measures,
                components=components,
            )
        )
    made_by = MadeBy(
        key=digest([case.id, config.model_dump(mode="json")]),
        config=config,
        app_version="test",
        weights=("0" * 64,),
        members=("stub",),
        device="cpu",
        backend="torch",
        precision="float32",
        threads=1,
        chunk=1,
        samples=2,
        channels=(0, 0, 0),
        self_check=None,
        versions=(),
        created_utc="2026-01-02T03:04:05+00:00",
        timings=(Timing(stage="prediction", seconds=0.5),),
    )
    entropy = FixedPoint.of(np.zeros_like(case.image.values[0]), 0.6931)
    return Analysis(
        case.id, prob, ("lesion",), Maps(entropy, None, None, None), tuple(slices), scores, made_by
    )


@dataclass
class Bench:
    """What a page test holds in its hands."""

    store: Store
    jobs: JobManager
    readers: JobManager
    cohort_jobs: JobManager
    prefetchers: JobManager
    analysed: list[AnalysisConfig]

    def keep(self, case: Case, config: AnalysisConfig | None = None) -> Analysis:
        """Store a case with a result."""
        self.store.put_case(case)
        analysis = make_analysis(case, config)
        self.store.put_analysis(analysis)
        return analysis

    def settle(self) -> None:
        """Wait until no job goes on."""
        for manager in (self.readers, self.jobs, self.cohort_jobs, self.prefetchers):
            for status in manager.recent():
                manager.wait(status.id, 30)

    def open(self, page: str = "", **address: str) -> AppTest:
        """The app, run once at a page and address; what the Case page folds away is opened."""
        app = AppTest.from_file(str(APP), default_timeout=30)
        if page:
            app.switch_page(page)
        if page == CASE:
            for key in ("numbers", "limits", "others"):
                app.session_state[key] = True
        for name, value in address.items():
            app.query_params[name] = value
        return app.run()


@pytest.fixture
def bench(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Fresh resources for one test; the pages find them where the server's own would be."""
    made = Bench(Store.open(mode="memory"), JobManager(), JobManager(), JobManager(), JobManager(), [])

    def run_model(store: Store, case: Case, config: AnalysisConfig, *, progress: Progress) -> Outcome:
        made.analysed.append(config)
        progress(0.5, "Half way")
        analysis = made.keep(case, config)
        limits = built_in_limits()
        return Outcome(
            case, analysis, limits, decide(analysis.slices, limits, analysis.scores), None, False, 0.1
        )

    monkeypatch.setattr(resources, "store", lambda: made.store)
    monkeypatch.setattr(resources, "jobs", lambda: made.jobs)
    monkeypatch.setattr(resources, "readers", lambda: made.readers)
    monkeypatch.setattr(resources, "cohort_jobs", lambda: made.cohort_jobs)
    monkeypatch.setattr(resources, "prefetchers", lambda: made.prefetchers)
    monkeypatch.setattr(resources, "warm_up", lambda: None)
    monkeypatch.setattr(ready, "AT_ONCE_SECONDS", 60.0)
    monkeypatch.setattr(analysing, "run_model", run_model)
    st.cache_resource.clear()
    outcomes.forget()
    yield made
    made.jobs.shutdown()
    made.readers.shutdown()
    made.cohort_jobs.shutdown()
    made.prefetchers.shutdown()
    made.store.close()
    st.cache_resource.clear()


@pytest.fixture
def text() -> Callable[[AppTest], str]:
    """Everything that an app shows in words."""

    def collect(app: AppTest) -> str:
        kinds = ("title", "subheader", "header", "markdown", "caption", "error", "warning", "info", "code")
        return "\n".join(str(each.value) for kind in kinds for each in app.get(kind))

    return collect
