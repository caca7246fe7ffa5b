"""What the confirm stage says on the terminal of its conclusions."""

import re
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd

from study.analysis.conclusions import conclude
from study.folder.tables import StudyTables
from study.measure import ACCURACY, Measure, Scale
from study.stages.told import confirmed_lines, settled_lines
from tests.study import measured
from tests.study.analysis.test_conclusions import RESULTS


def committed(tmp_path, **of_claim: object) -> StudyTables:
    """The committed study's tables, with other words on a claim that was confirmed."""

    tables = conclude(shutil.copytree(RESULTS / "korean-32", tmp_path / "it")).tables
    claims = tables.claims.astype(object)
    for name, value in of_claim.items():
        claims.loc[claims["stage"] == "confirm", name] = value
    return tables.having(claims=claims)


def test_each_arm_and_each_claim_has_a_line(tmp_path):
    tables = committed(tmp_path)
    lines = confirmed_lines(tables)
    assert [line.partition(":")[0] for line in lines[:4]] == list(
        dict.fromkeys(tables.confirm["arm"])
    )
    assert all(
        "accuracy [" in line and "fresh seeds (the search's best" in line for line in lines[:4]
    )
    assert all(" points [" in line for line in lines[4:])
    assert len(lines) == 4 + (tables.claims["stage"] == "confirm").sum()


def test_a_withheld_claim_says_why_in_place_of_an_estimate(tmp_path):
    gone = {"estimate": pd.NA, "low": pd.NA, "high": pd.NA}
    lines = confirmed_lines(committed(tmp_path, **gone, reason="no net learned"))
    assert lines[4:]
    assert all(line.endswith("(no net learned)") for line in lines[4:])
    assert not any("nan" in line for line in lines)


def test_the_search_s_best_is_in_the_unit_of_its_metric(tmp_path):
    tables = committed(tmp_path)
    by_kappa = replace(tables, study=replace(tables.study, metric="val_qwk"))
    best = tables.confirm.groupby("arm")["search_best_value"].first()
    line = confirmed_lines(by_kappa)[0]
    value = best[line.partition(":")[0]]
    assert line.endswith(f"trial: {value:.3f} validation quadratic weighted kappa)")


def test_a_metric_that_is_called_as_its_unit_is_told_once(tmp_path):
    text = measured.TOML.replace('"loss"', '"bits"').replace('"nats"', '"bits"')
    (deep, _, *_) = confirmed_lines(conclude(measured.write(tmp_path / "it", text).path).tables)
    assert re.match(r"deep: [\d.]+ bits \[", deep)
    assert re.search(r"\(the search's best trial: [\d.]+ bits\)$", deep)


def test_a_difference_of_shares_is_told_no_larger_than_it_can_be():
    row = {
        "claim": "it",
        "stage": "settle", "verdict": "unresolved", "fragile": None, "text": "It helps",
        "estimate": 1.0, "low": -130.0, "high": 132.0, "n_trainings": 2, "reason": "",
    }  # fmt: skip
    share, loss = Scale(unit="share"), Scale(unit="nats", smallest=0.01)
    for measure, ends in (
        (ACCURACY, "+1.0 points [-100.0, 100.0]"),
        (Measure("f1", share), "+1.00 points [-100.00, 100.00]"),
        (Measure("loss", loss), "+1.000 nats [-130.000, 132.000]"),
    ):
        study = SimpleNamespace(measure=measure, every_claim=())
        (line,) = settled_lines(SimpleNamespace(claims=pd.DataFrame([row]), study=study))
        assert f"({ends}; 2 trainings)" in line


def test_one_training_is_no_several():
    row = {
        "claim": "it",
        "stage": "settle", "verdict": "unresolved", "fragile": None, "text": "It helps",
        "estimate": 1.0, "low": 0.0, "high": 2.0, "n_trainings": 1, "reason": "",
    }  # fmt: skip
    (line,) = settled_lines(
        SimpleNamespace(
            claims=pd.DataFrame([row]), study=SimpleNamespace(measure=ACCURACY, every_claim=())
        )
    )
    assert line.endswith("; 1 training)")


def test_an_open_claim_is_told_with_its_price_and_a_settled_one_is_not():
    row = {
        "claim": "it",
        "stage": "settle", "verdict": "unresolved", "fragile": None, "text": "it does",
        "estimate": 1.0, "low": 0.0, "high": 2.0, "n_trainings": 16,
        "reason": "about 48 trainings in all would settle it",
    }  # fmt: skip
    settled = row | {"verdict": "supported"}
    untold = row | {"estimate": float("nan"), "reason": "no net learned"}
    rows = pd.DataFrame([row, settled, untold])
    dear, done, nothing = settled_lines(
        SimpleNamespace(claims=rows, study=SimpleNamespace(measure=ACCURACY, every_claim=()))
    )
    assert dear.endswith("; 16 trainings): about 48 trainings in all would settle it")
    assert done.endswith("; 16 trainings)")
    assert nothing == "unresolved: it does (no net learned; 16 trainings)"
