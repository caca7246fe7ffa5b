from dataclasses import replace

import pandas as pd
import pytest

from study.analysis.moved import Answered, difference, moved_claims
from study.asked.claim import Claim
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.importance import ImportanceClaim
from study.asked.plans import FoldPlan
from tests.study.report.simulated import a_study

TRANSFER = DifferenceClaim(
    name="t", text="Transfer helps", factor="init", better="pretrained", worse="scratch", least=1.0
)
SHARE = ImportanceClaim(name="s", text="", factor="lr", more_than="variant")


def answered(name: str, *rows: dict[str, object], claims: tuple[Claim, ...] = (TRANSFER,)):
    base = {"claim": "t", "stage": "search", "verdict": "unresolved", "unit": "points",
            "split": None, "estimate": None, "low": None, "high": None}  # fmt: skip
    frame = pd.DataFrame([base | row for row in rows], columns=list(base))
    return Answered(name=name, study=a_study(claims=claims), claims=frame)


def interval(estimate: float, low: float, high: float, **more: object) -> dict[str, object]:
    return {"estimate": estimate, "low": low, "high": high} | more


def only(frame: pd.DataFrame) -> dict[str, object]:
    (row,) = frame.to_dict("records")
    return row


def test_the_interval_of_a_difference_worked_by_hand() -> None:
    # below: sqrt((4 - 1)^2 + (14 - 10)^2) = 5; above: sqrt((16 - 4)^2 + (10 - 5)^2) = 13
    assert difference((10, 5, 14), (4, 1, 16)) == pytest.approx((-6, -11, 7))


def test_symmetric_intervals_give_that_of_independent_normal_estimates() -> None:
    d, low, high = difference((9, 9 - 1.96 * 3, 9 + 1.96 * 3), (1, 1 - 1.96 * 4, 1 + 1.96 * 4))
    assert (d, low, high) == pytest.approx((-8, -8 - 1.96 * 5, -8 + 1.96 * 5))


def test_a_claim_moves_where_the_difference_is_surely_not_0() -> None:
    first = answered("a", interval(9, 7, 11, verdict="supported"))
    assert only(moved_claims(first, answered("b", interval(5, 3, 7))))["moved"]
    # its own intervals exclude each other's estimates, but the difference's holds 0
    row = only(moved_claims(first, answered("b", interval(6.4, 4.4, 8.4))))
    assert not row["moved"]
    assert (row["first_verdict"], row["second_verdict"]) == ("supported", "unresolved")
    assert row["difference"] == pytest.approx(-2.6)


def test_stages_are_compared_like_with_like_and_confirm_comes_first() -> None:
    searched, confirmed = interval(9, 7, 11), interval(2, 1, 3, stage="confirm", split="test")
    both, one = answered("a", searched, confirmed), answered("b", interval(2, 1, 3))
    assert only(moved_claims(both, one))["stage"] == "search"
    assert only(moved_claims(both, both))["stage"] == "confirm"
    assert only(moved_claims(both, one))["first_verdict"] == "unresolved"


def test_confirmations_on_other_splits_are_not_compared() -> None:
    test = answered("a", interval(2, 1, 3, stage="confirm", split="test"))
    val = answered("b", interval(9, 8, 10, stage="confirm", split="val"))
    row = only(moved_claims(test, val))
    assert not row["moved"]
    assert pd.isna(row["difference"])
    assert row["reason"] == "confirmed on different images: test and val"


def test_what_is_told_out_of_fold_is_not_compared_with_one_validation_split() -> None:
    row = interval(2, 1, 3, stage="confirm", split="val")
    on_val, folded = answered("a", row), answered("b", row)
    folded = replace(folded, study=replace(folded.study, folds=FoldPlan(k=5, search=False)))
    found = only(moved_claims(on_val, folded))
    assert found["reason"] == "confirmed on different images: val and out of fold"
    assert only(moved_claims(folded, folded))["stage"] == "confirm"


def test_a_claim_that_was_changed_is_another_claim_and_a_reworded_one_is_not() -> None:
    other = DifferenceClaim(
        name="t", text="", factor="init", better="pretrained", worse="scratch", least=2.0
    )
    reworded = DifferenceClaim(
        name="t", text="in other words", factor="init", better="pretrained", worse="scratch",
        least=1.0,
    )  # fmt: skip
    first = answered("a", interval(9, 7, 11))
    changed = moved_claims(first, answered("b", interval(1, 0, 2), claims=(other,)))
    assert only(changed)["reason"] == "the two studies state it differently"
    assert only(moved_claims(first, answered("b", interval(1, 0, 2), claims=(reworded,))))["moved"]


def test_a_withheld_estimate_moves_nothing() -> None:
    row = only(moved_claims(answered("a", interval(9, 7, 11)), answered("b", {})))
    assert (row["moved"], row["reason"]) == (False, "no stage has an estimate in both studies")


def test_claims_of_one_study_alone_are_left_out() -> None:
    first = answered("a", interval(9, 7, 11), claims=(TRANSFER, SHARE))
    assert list(moved_claims(first, answered("b", interval(9, 7, 11)))["claim"]) == ["t"]
