"""A small part of `python -m tests.simulate.checks`, which counts on a hundred studies."""

from study.analysis.checks.table import CHECKS
from tests.simulate.checks import checked_study, raised_on
from tests.simulate.worlds import KINDS


def test_a_healthy_study_of_every_kind_raises_no_issue():
    found = raised_on(range(300, 300 + len(KINDS)), trials=100)
    assert [code for outcome, code in found if outcome == "issue"] == []


def test_most_checks_of_search_and_estimates_can_be_answered_there():
    found = {one.code: one.outcome for one in checked_study(3, trials=100)}
    told = {code for code, outcome in found.items() if outcome != "not applicable"}
    asked = {check.code for check in CHECKS if check.code[0] in "SA"}
    assert len(told & asked) >= len(asked) - 3
