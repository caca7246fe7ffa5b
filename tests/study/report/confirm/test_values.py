from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from study.analysis.checks.recorded import looks_at_test
from study.analysis.confirm.scoring import possible
from study.folder.parquet import read_table, write_table
from study.folder.tables import StudyTables
from study.report.confirm.values import ConfirmedValues, confirmed_values


@pytest.fixture
def by_hand(tables: StudyTables, tmp_path: Path) -> StudyTables:
    ends = {"estimate": 0.5, "low": 0.4, "high": 0.6, "n_seeds": 3, "n_images": 90,
            "n_clusters": 30}  # fmt: skip
    on_val = {"split": "val", "images": "all", "metric": "accuracy"}
    frame = pd.DataFrame(
        [
            on_val | ends | {"arm": "bcd-scratch", "n_clusters": 90},
            on_val | ends | {"arm": "org-scratch", "estimate": 0.55},
            on_val | {"arm": "org-scratch", "against": "bcd-scratch"} | ends
            | {"estimate": 0.05, "low": -0.01, "high": 0.11},
            on_val | ends | {"arm": "org-scratch", "metric": "recall", "class": "h"},
            on_val | {"arm": "org-pretrained", "n_seeds": 3},
        ]
    )  # fmt: skip
    path = tmp_path / "confirmed.parquet"
    write_table(path, frame, "confirmed", study_name="x")
    return replace(tables, confirmed=read_table(path, "confirmed"))


def test_values_are_found_by_arm_set_metric_and_class(by_hand: StudyTables) -> None:
    found = confirmed_values(by_hand)
    assert found is not None
    value = found.get("org-scratch", split="val")
    assert value is not None
    assert (value.estimate, value.n) == (0.55, "3 seeds, 90 images in 30 clusters")
    assert found.get("org-scratch", split="val", metric="recall", class_="h") is not None
    assert found.get("org-scratch", split="val", metric="recall", class_="a") is None
    assert found.get("org-scratch", split="test") is None


def test_images_of_which_each_is_its_own_cluster_are_told_once(by_hand: StudyTables) -> None:
    found = confirmed_values(by_hand)
    assert found is not None
    value = found.get("bcd-scratch", split="val")
    assert value is not None
    assert value.n == "3 seeds, 90 images"


def test_a_pair_reads_both_ways(by_hand: StudyTables) -> None:
    found = confirmed_values(by_hand)
    assert found is not None
    there = found.get("org-scratch", split="val", against="bcd-scratch")
    back = found.get("bcd-scratch", split="val", against="org-scratch")
    assert there is not None
    assert back is not None
    assert (there.estimate, there.low, there.high) == (0.05, -0.01, 0.11)
    assert (back.estimate, back.low, back.high) == (-0.05, -0.11, 0.01)


def test_arms_are_in_reading_order_and_only_those_with_a_value(by_hand: StudyTables) -> None:
    found = confirmed_values(by_hand)
    assert found is not None
    assert found.arms == ("org-scratch", "bcd-scratch")
    assert (found.split, found.sets) == ("val", (("val", "all"),))


def test_without_the_stage_there_is_nothing(tables: StudyTables, by_hand: StudyTables) -> None:
    assert confirmed_values(tables) is None
    assert by_hand.confirmed is not None
    assert confirmed_values(replace(by_hand, confirmed=by_hand.confirmed.iloc[:0])) is None


def test_looks_at_test_come_from_the_provenance(confirmed_tables: StudyTables) -> None:
    assert looks_at_test(confirmed_tables) == [
        {"at": "2026-01-03T00:00:00+00:00", "command": "python -m study.confirm demo"}
    ]
    assert looks_at_test(replace(confirmed_tables, provenance=None)) == []


def test_no_interval_of_a_share_reaches_past_what_a_share_can_be() -> None:
    assert [possible("accuracy", end) for end in (-0.02, 0.5, 1.04)] == [0.0, 0.5, 1.0]
    assert possible("qwk", -0.02) == -0.02
    assert possible("nll", 12.0) == 12.0


def test_each_arm_that_has_a_value_is_named_and_stands_on_the_axis(
    confirmed: ConfirmedValues,
) -> None:
    found = confirmed.by_arm(split="test")
    assert list(found) == list(confirmed.arms)
    assert confirmed.by_arm(split="test", metric="recall") == {}
    arm = confirmed.arms[0]
    value = confirmed.get(arm, split="test")
    assert found[arm] == value
    assert value is not None
    middle, low, high = value.on_axis(100)
    assert (middle, low, high) == tuple(
        round(end * 100, 4) for end in (value.estimate, value.low, value.high)
    )
    measure = confirmed.measure("test")
    assert value.text(measure) == measure.interval(value.estimate, value.low, value.high)
