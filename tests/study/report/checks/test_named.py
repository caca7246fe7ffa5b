import re
from dataclasses import replace
from typing import get_args

from study.analysis import Analysis
from study.analysis.checks.check import Checked, Outcome
from study.analysis.checks.table import CHECKS
from study.folder.tables import StudyTables
from study.report.checks.named import counts_of, named_checks
from study.report.page import render


def checked(code: str, outcome: Outcome) -> Checked:
    return Checked(code=code, title=code, question="?", outcome=outcome, why="W.", docs="d")


def test_issues_come_before_tips_and_each_kind_in_the_order_of_the_table() -> None:
    order: tuple[Outcome, ...] = ("passed", "tip", "issue", "not applicable", "tip", "issue")
    found = named_checks([checked(str(i), one) for i, one in enumerate(order)])
    assert [one.code for one in found.raised] == ["2", "5", "1", "4"]
    assert [one.code for one in found.passed] == ["0"]
    assert [one.code for one in found.absent] == ["3"]


def test_the_counts_are_one_sentence() -> None:
    found = [checked(str(i), outcome) for i, outcome in enumerate(get_args(Outcome))]
    assert counts_of(found) == "4 checks: 1 issue, 1 tip, 1 passed and 1 not applicable."
    assert counts_of(found[:2]) == "2 checks: 1 issue, 1 tip, 0 passed and 0 not applicable."


def test_the_page_lists_every_check_once_and_folds_those_that_found_nothing(
    tables: StudyTables, analysis: Analysis
) -> None:
    page = render(tables, analysis=analysis)
    section = page[page.index('<section id="checks"') :].split("</section>")[0]
    assert section.count("<b>D102 Leak between splits.</b>") == 1
    open_part = re.sub(r"<details>.*?</details>", "", section, flags=re.DOTALL)
    assert "D102 Leak" in open_part  # three images of train are in val
    assert "D103" not in open_part
    assert "D103" in section
    assert all(section.count(f"<b>{check.code} ") == 1 for check in CHECKS)


def test_a_text_of_the_study_is_no_markup_in_the_section(
    tables: StudyTables, analysis: Analysis
) -> None:
    known = {"data": {"summary": {"absent_classes": {"val": ["<script>x"]}}}}
    page = render(replace(tables, provenance=known), analysis=analysis)
    assert "&lt;script&gt;x" in page[page.index('<section id="checks"') :]
    assert "<script>x" not in page
