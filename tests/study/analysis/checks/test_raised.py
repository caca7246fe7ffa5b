"""For each check a study that raises it, beside one that does not."""

from dataclasses import replace

import pytest

from study.analysis.checks.table import CHECKS, run_checks
from tests.study.analysis.checks.conftest import VERSIONS, known

OF_RECORD = {
    "D101": known(clusters={"val": 12}),
    "D102": known(leaks={"train-val": {"same_content": 0, "same_person": 2}}),
    "D103": known(classes={"train": {"a": 400, "b": 400}, "val": {"a": 150, "b": 50}}),
    "D104": known(duplicates={"removed": True, "copies": 0, "val_copies": 9}),
    "D105": known(duplicates={"removed": True, "conflicting_images": 2}),
    "D106": known(absent_classes={"train": [], "val": ["h"]}),
    "D107": known(quarantined={"bad": 40}),
    "D108": known(majority={"val": 0.62}),
    "R101": known() | {"sessions": [{"versions": v} for v in (VERSIONS, {"torch": "3.0.0"})]},
    "R102": known() | {"claims_hash": "00" * 16},
    "R103": known() | {"git_commit": "0123456789" * 4 + "-dirty"},
}
"""What `study.json` says of a study that raises the check."""

SEVERITY = {check.code: check.severity for check in CHECKS}


def raised(tables, analysis):
    return {one.code for one in run_checks(tables, analysis) if one.outcome in ("issue", "tip")}


def test_a_sound_study_raises_nothing_of_its_record(tables, analysis):
    found = {one.code: one for one in run_checks(tables, analysis)}
    assert all(found[code].outcome == "passed" for code in OF_RECORD), found


@pytest.mark.parametrize("code", OF_RECORD)
def test_a_record_raises_its_check_and_no_other(tables, analysis, code):
    bad = replace(tables, provenance=OF_RECORD[code])
    (found,) = (one for one in run_checks(bad, analysis) if one.code == code)
    assert found.outcome == SEVERITY[code]
    assert raised(bad, analysis) - raised(tables, analysis) == {code}


def test_another_tool_s_folder_is_not_judged_by_what_it_does_not_hold(tables):
    found = {one.code: one.outcome for one in run_checks(replace(tables, provenance=None))}
    assert {found[code] for code in OF_RECORD} == {"not applicable"}


@pytest.mark.parametrize(
    "odd", [3, None, [], "x", {"classes": 3, "images": [], "leaks": {"a": 1}}]
)
def test_a_record_of_other_types_is_no_error(tables, odd):
    run_checks(replace(tables, provenance={"data": {"summary": odd}, "sessions": odd}))
