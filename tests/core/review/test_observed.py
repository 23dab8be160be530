"""What reviewers found against what an operating point promised."""

from __future__ import annotations

import pytest

from core.review import Found, observed_risk
from core.review.observed import exact_interval


def found(*decisions):
    return [Found(f"2026-01-01T00:00:{k:02}Z", each) for k, each in enumerate(decisions)]


def test_rejected_and_corrected_are_failures_and_unsure_is_none():
    risk = observed_risk(found("accept", "reject", "correct", "unsure", "accept"), 9, None)
    assert (risk.passed, risk.reviewed, risk.unsure, risk.n, risk.failures) == (9, 5, 1, 4, 2)
    assert risk.risk.value == pytest.approx(0.5)


def test_exact_interval_of_two_in_twenty():
    # Clopper-Pearson, e.g. R: binom.test(2, 20)$conf.int = 0.01234853 0.31698271.
    assert exact_interval(2, 20) == pytest.approx((0.01234853, 0.31698271), abs=1e-7)


def test_interval_of_nothing():
    assert exact_interval(0, 0) == (None, None)
    assert observed_risk([], 3, 0.1).risk.value is None


def test_alarm_only_when_the_interval_lies_above_promise_and_bound():
    bad = found(*["reject"] * 8, *["accept"] * 8)  # 50 % [24.7, 75.3]
    assert observed_risk(bad, 20, 0.2).alarm
    assert not observed_risk(bad, 20, 0.2, bound=0.3).alarm
    assert not observed_risk(bad, 20, None).alarm
    assert not observed_risk(found("reject"), 20, 0.05).alarm  # one case proves little


def test_drift_from_twenty_good_to_twenty_bad():
    risk = observed_risk(found(*["accept"] * 20, *["reject"] * 20), 40, 0.5)
    assert [each.failures for each in risk.drift] == [0, 20]
    assert risk.drifted


def test_blocks_follow_time_not_the_order_given():
    risk = observed_risk(found(*["accept"] * 20, *["reject"] * 5)[::-1], 40, None)
    assert [(each.n, each.failures) for each in risk.drift] == [(20, 0), (5, 5)]
