"""What holds for all checks, and for the page that says what each one means."""

import re

from study.analysis.checks.check import PAGE
from study.analysis.checks.table import CHECKS, run_checks
from tests.pages import Page


def test_every_code_is_of_one_check():
    codes = [check.code for check in CHECKS]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[A-Z][1-9]\d\d", code) for code in codes)
    assert len({check.title for check in CHECKS}) == len(codes)


def test_every_check_asks_a_question():
    assert all(check.question.endswith("?") for check in CHECKS)


def test_the_page_has_a_heading_for_every_check_and_no_other():
    headings = re.findall(r"^### (.+)$", Page(PAGE).text, re.MULTILINE)
    assert headings == [check.code for check in CHECKS]


def test_the_page_tells_every_check_by_its_title_and_severity():
    text = Page(PAGE).text
    for check in CHECKS:
        entry = text.partition(f"### {check.code}\n")[2].partition("\n###")[0]
        assert entry.startswith(f"**{check.title}** ({check.severity})."), check.code
        assert " ".join(check.question.split()) in " ".join(entry.split()), check.code


def test_a_study_is_checked_in_the_order_of_the_table(tables, analysis):
    found = run_checks(tables, analysis)
    assert [one.code for one in found] == [check.code for check in CHECKS]
    assert all(one.why.endswith(".") and not one.why[0].islower() for one in found)
    assert {one.docs for one in found} <= {f"{PAGE}#{a}" for a in Page(PAGE).anchors}


def test_without_an_analysis_nothing_is_said_of_estimates(tables):
    found = {one.code: one.outcome for one in run_checks(tables)}
    assert all(o == "not applicable" for code, o in found.items() if code[0] == "A")
