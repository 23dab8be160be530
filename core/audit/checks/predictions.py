"""Do the reported scores of a fold follow from its predictions?"""

from __future__ import annotations

import math
from collections.abc import Iterator

from core.audit.codes import finding
from core.audit.facts import Facts
from core.audit.records import Finding, Study
from core.audit.scores import F1_VARIANTS, score_spec


def prediction_findings(study: Study, facts: tuple[Facts, ...]) -> Iterator[Finding]:
    """Reported against recomputed scores, where a study gives both."""
    for each in facts:
        for named in each.fold.scores:
            keys = [named.key]
            if named.key == "f1":
                keys = [f"f1_{variant}" for variant in ((study.f1,) if study.f1 else F1_VARIANTS)]
            computed = {key: each.computed[key] for key in keys if key in each.computed}
            # Predictions are rounded as well: a pair of cases may become a tie, or stop being one.
            pairs = math.prod(each.counts or ()) if named.key == "auc" and len(study.classes) == 2 else 0
            slack = 1.0 / pairs if pairs else 0.0
            if computed and not any(named.figure.fits(value, slack) for value in computed.values()):
                label = score_spec(named.key).label
                given = ", ".join(f"{value:.4f}" for value in computed.values())
                said = f"The {label} of the predictions is {given}, reported is {named.figure.value:.4f}."
                yield finding("score-not-from-cases", f"{each.where}, {label}", said, [each.name])
