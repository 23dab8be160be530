"""The parts of the About page."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path

import streamlit as st

import core
from core.config import AnalysisConfig
from core.models import every_model
from core.models.records import ModelRecord
from core.models.registry import SHIPPED_FOLDER
from core.view.words import count
from pages.ui.text import plain_text, safe_text

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"


def purpose() -> None:
    """What it is for and what not."""
    st.markdown(
        "**It must not be used for decisions about a patient.** Second Look is a research tool, not a "
        "medical device, and has not been evaluated for clinical use. It tells a reviewer when not to trust "
        "a network that outlines a lesion or names a class, and shows why."
    )
    yes, no = st.columns(2, gap="medium")
    with yes.container(border=True, height="stretch"):
        st.header("Use it to")
        st.markdown(
            "- see where a network's mask or class may be wrong, and how sure the network is\n"
            "- compare networks and ways of estimating uncertainty on the same case\n"
            "- study on cohorts with references which confidence and which limits catch failures"
        )
    with no.container(border=True, height="stretch"):
        st.header("Do not use it")
        st.markdown(
            "- for diagnosis, treatment, triage or any decision about a person\n"
            "- as proof that a mask or a class is right: “Looks consistent” says that no check fired, and "
            "where all networks make the same mistake none may fire\n"
            "- on images unlike the training data: the models that come with it saw axial brain MRI of "
            "adults with lower-grade glioma or children's frontal chest X-rays and nothing else. The check "
            "“foreign picture” recognises many other pictures, not all: each model's FAMILIARITY.md says "
            "which it misses"
        )


def reading_the_screen() -> None:
    """How to read a case."""
    with st.expander("How to read the Case page", expanded=False):
        st.markdown(
            "- **The sentence under the title is the answer.** Any fired rule means review. Each reason "
            "names the measured value, its limit and the slice; a click on it shows the place.\n"
            "- **Confidence** runs from 0 to 1, higher is safer. It ranks cases; it is not a probability of "
            "being right.\n"
            "- **“Predicted nothing” is a state of its own**: missed lesions are among the cases that look "
            "most certain.\n"
            "- **Uncertainty maps**: predictive entropy (all doubt), expected entropy (doubt inside each "
            "network), mutual information (disagreement between networks), variance. Entropies are in nats.\n"
            "- **A class** comes with its mean probability and each prediction as a dot: dots far apart "
            "are doubt. The layer “what the decision rests on” shows where the networks looked, not where an "
            "illness is.\n"
            "- **An operating point** is a confidence limit that was chosen on a cohort for a stated risk or "
            "coverage, under Risk and coverage. Where one is in force it replaces the fixed limit, and the "
            "answer names it.\n"
            "- **Limits** come from the reference masks that a model was trained with. Changing one decides "
            "the case again at once, from stored measures.\n"
            "- **With a reference mask**: Dice, Jaccard, boundary F1 at 2 pixels. Both masks empty counts as "
            "1, one empty as 0, and the state is named beside the number. A class is right or wrong where a "
            "cohort names it."
        )


def models() -> None:
    """Each model with its data, licence and card."""
    st.header("Models")
    records = every_model()
    if not records:
        st.info("No model is installed. Put one into the models folder of the store's directory.")
    preferred = AnalysisConfig().model_id
    for record in sorted(records, key=lambda each: each.id != preferred):
        _model(record)


def sources_and_versions() -> None:
    """Data, licences and versions."""
    st.header("Data, licences, versions")
    st.markdown(
        "The shipped brain weights are derived from TCGA-LGG brain MRI with masks by Buda et al. 2019 "
        "(doi:10.1016/j.compbiomed.2019.05.002), licence CC BY-NC-SA 4.0, and carry the same licence: no "
        "commercial use. Chest X-ray weights are derived from children's films of one hospital by Kermany et "
        "al. 2018 (doi:10.17632/rscbjbr9sj.2), licence CC BY 4.0; each model's card names its own data "
        "and licence. The sample cases are synthetic: drawn by code, they show no patient."
    )
    with st.expander("Versions and licences of the software"):
        st.caption(
            f"Second Look {core.__version__}, Python {platform.python_version()}, {platform.machine()}"
        )
        columns = zip(*packages(REQUIREMENTS.read_text(encoding="utf-8")), strict=True)
        st.dataframe(
            dict(zip(("library", "version", "licence"), columns, strict=True)),
            hide_index=True,
            key="versions",
        )


def _model(record: ModelRecord) -> None:
    with st.container(border=True, key=f"model_{record.id}"):
        st.subheader(safe_text(record.title), anchor=False)
        st.markdown(safe_text(record.description, 600))
        st.caption(
            f"{safe_text(record.id)} · {count(len(record.members), 'network')} · input: "
            f"{safe_text(', '.join(record.channels))} · licence: {safe_text(record.licence)}"
        )
        card = record.folder / "CARD.md"
        # A user's own card is foreign Markdown, which could fetch pictures: only shipped ones are rendered.
        if record.folder.parent == SHIPPED_FOLDER and card.is_file():
            with st.expander("Model card: data, scores with intervals, known failures"):
                st.markdown(card_body(card.read_text(encoding="utf-8")))


def card_body(card: str) -> str:
    """A model card without its title, which stands above it already, and with smaller headings.

    >>> card_body("# Title\\n\\nText\\n\\n## Data")
    'Text\\n\\n#### Data'
    """
    without_title = re.sub(r"\A\s*# .*\n", "", card)
    return re.sub(r"^#(?=#* )", "###", without_title, flags=re.MULTILINE).strip()


def packages(requirements: str) -> tuple[tuple[str, str, str], ...]:
    """(name, installed version, licence as the package states it) of every line of a requirements file."""
    names = re.findall(r"^([A-Za-z0-9._-]+)", requirements, flags=re.MULTILINE)
    return tuple((name, _version(name), _licence(name)) for name in names)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _licence(package: str) -> str:
    try:
        facts = metadata(package)
    except PackageNotFoundError:
        return ""
    classified = [each for each in facts.get_all("Classifier") or () if each.startswith("License ::")]
    stated = facts.get("License-Expression") or (classified[0] if classified else facts.get("License", ""))
    return plain_text(stated.rpartition(":: ")[2])
