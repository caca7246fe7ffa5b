from dataclasses import replace
from typing import Any

import pytest

from study.analysis.checks.recorded import majority_share, search_majority
from study.asked.plans import FoldPlan
from study.folder.tables import StudyTables
from study.report.checks.audit import audit_data
from tests.study.report.simulated import MAJORITY, provenance


def test_the_summary_is_told_in_words(tables: StudyTables) -> None:
    audit = audit_data(tables)
    assert audit is not None
    facts = dict(audit.facts)
    assert facts == {
        "Set": "synthetic",
        "Layout": "family csv",
        "Images": "750 train and 250 val, at 32 × 32 pixels",
        "Persons": "150 train and 50 val",
        "Families": "40 train and 14 val",
        "Splits": "the data set's own splits",
        "Commonest class": "24.4\u202f% of train and 24.4\u202f% of val",
        "Unusable": "1 file or row, and 2 set aside for an age without a class",
        "Duplicates": (
            "12 byte-identical copies in train left out, and 2 whose copies carry other classes"
        ),
        "Leaks between splits": "train → val: 3 images with the same content",
    }
    assert audit.quarantined[0][2] == "cannot be decoded"


@pytest.mark.parametrize(
    ("notes", "told"),
    [(["2 files are not read: 2 .txt", "b"], "2 files are not read: 2 .txt; b"), ([], None),
     (5, None), ("text", None)],
)  # fmt: skip
def test_how_a_set_was_read_is_told_if_there_is_anything_to_tell(
    tables: StudyTables, notes: Any, told: str | None
) -> None:
    known = provenance()
    known["data"]["summary"]["notes"] = notes
    audit = audit_data(replace(tables, provenance=known))
    assert audit is not None
    assert dict(audit.facts).get("How it was read") == told


def test_folds_are_told_and_their_images_give_the_majority(tables: StudyTables) -> None:
    known = provenance() | {"folds": {"how": "5 folds of train and val", "majority": 0.3}}
    study = replace(tables.study, folds=FoldPlan(k=5, search=True))
    folded = replace(tables, provenance=known, study=study)
    audit = audit_data(folded)
    assert audit is not None
    assert dict(audit.facts)["Folds"] == "5 folds of train and val"
    assert majority_share(folded) == 0.3
    assert majority_share(folded, split="train") == MAJORITY
    assert majority_share(replace(folded, provenance=provenance())) is None


def test_classes_are_counted_per_split_with_their_shares(tables: StudyTables) -> None:
    audit = audit_data(tables)
    assert audit is not None
    assert audit.splits == ("train", "val")
    first, fourth = audit.classes[0], audit.classes[3]
    assert first.name == "a 0-6"
    assert first.cells[0] == (90, "12.0\u202f%", round(90 / 183, 3))
    assert fourth.cells[0] == (183, "24.4\u202f%", 1.0)


def test_a_search_without_folds_is_held_against_the_validation_split(
    tables: StudyTables,
) -> None:
    known = provenance() | {"folds": {"how": "5 folds of train and val", "majority": 0.3}}
    for in_search, share in ((True, 0.3), (False, MAJORITY)):
        study = replace(tables.study, folds=FoldPlan(k=5, search=in_search))
        folded = replace(tables, study=study, provenance=known)
        assert search_majority(folded) == share
        assert majority_share(folded) == 0.3
    assert search_majority(tables) == MAJORITY


def test_the_majority_share_is_the_validation_split_s(tables: StudyTables) -> None:
    assert majority_share(tables) == MAJORITY


@pytest.mark.parametrize(
    "known",
    [None, {}, {"data": None}, {"data": {"summary": []}}, {"data": {"summary": {}}}],
)
def test_without_a_summary_there_is_no_audit(tables: StudyTables, known: Any) -> None:
    bare = replace(tables, provenance=known)
    assert audit_data(bare) is None
    assert majority_share(bare) is None


@pytest.mark.parametrize("key", list(provenance()["data"]["summary"]))
@pytest.mark.parametrize("other", [None, "text", 5, [], {}])
def test_a_part_that_is_missing_or_odd_leaves_the_others(
    tables: StudyTables, key: str, other: Any
) -> None:
    known = provenance()
    known["data"]["summary"][key] = other
    audit = audit_data(replace(tables, provenance=known))
    assert audit is not None
    assert len(audit.facts) >= 8


@pytest.mark.parametrize("share", ["0.2", -0.1, 24.4, None, True])
def test_a_senseless_majority_share_is_not_used(tables: StudyTables, share: Any) -> None:
    known = provenance()
    known["data"]["summary"]["majority"]["val"] = share
    assert majority_share(replace(tables, provenance=known)) is None
