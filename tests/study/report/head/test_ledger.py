from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from study.folder.parquet import read_table, write_table
from study.folder.tables import StudyTables
from study.report.head.ledger import Entry, ledger_data, tally
from study.report.wording import NOT_HERE, NOT_YET, SYMBOLS


def claims_of(tmp_path: Path, *rows: dict[str, Any]) -> pd.DataFrame:
    base = {
        "claim": "transfer_helps",
        "verdict": "unresolved",
        "stage": "search",
        "unit": "points",
    }
    path = tmp_path / "claims.parquet"
    frame = pd.DataFrame([base | row for row in rows])
    write_table(path, frame, "claims", study_name="x")
    return read_table(path, "claims")


SEARCHED = {"estimate": 14.0, "low": 2.0, "high": 26.0, "n_trials": 13, "verdict": "supported"}
CONFIRMED = {
    "stage": "confirm", "estimate": 0.4, "low": -0.6, "high": 1.4, "n_trials": 20, "n_seeds": 5,
    "split": "test", "reason": "p = 0.2",
}  # fmt: skip


def entry(tables: StudyTables, frame: pd.DataFrame | None) -> Entry:
    (found,) = ledger_data(replace(tables, claims=frame))
    return found


def test_a_declared_claim_without_analysis_is_not_yet_judged(tables: StudyTables) -> None:
    found = entry(tables, None)
    assert (found.verdict, found.standings, found.is_settled) == (NOT_YET, (), False)
    assert found.text == "Transfer learning beats training from scratch"


def test_the_confirm_stage_counts_and_the_search_stands_beside_it(
    tables: StudyTables, tmp_path: Path
) -> None:
    found = entry(tables, claims_of(tmp_path, SEARCHED, CONFIRMED))
    assert found.verdict == "unresolved"  # the search had said supported
    assert [one.stage for one in found.standings] == ["confirm", "search"]
    assert [one.value for one in found.standings] == [
        "+0.4 [-0.6, +1.4] points", "+14.0 [+2.0, +26.0] points",
    ]  # fmt: skip
    assert [one.n for one in found.standings] == [
        "5 fresh seeds each, test split", "at least 13 full-length trials a side",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("clusters", "said"),
    [((20, 18), "38 clusters of images"), ((90, 80), "170 images")],
)
def test_clusters_of_one_image_each_are_told_as_images(
    tables: StudyTables, tmp_path: Path, clusters: tuple[int, int], said: str
) -> None:
    """As where folds are by image, since nobody knows who belongs together."""
    settled = {
        "stage": "settle", "estimate": 0.4, "low": -0.6, "high": 1.4, "n_trials": 32,
        "n_seeds": 2, "n_clusters": sum(clusters),
    }  # fmt: skip
    trainings = pd.DataFrame({"n_images": [90, 80, None], "n_clusters": [*clusters, None]})
    found = entry(replace(tables, settle=trainings), claims_of(tmp_path, settled))
    assert [one.n for one in found.standings] == [f"32 trainings in 2 blocks, {said}"]


def test_one_answer_of_several_to_the_contrary_refutes(
    tables: StudyTables, tmp_path: Path
) -> None:
    sets = [
        CONFIRMED | {"split": "utkface", "verdict": "supported"},
        CONFIRMED | {"split": "adience", "verdict": "refuted"},
    ]
    found = entry(tables, claims_of(tmp_path, *sets))
    assert len(found.confirmed) == 2
    assert found.verdict == "refuted"
    assert found.confirmed[0].n == "5 fresh seeds each, utkface"


def test_a_claim_that_cannot_be_tested_says_so_with_the_command_that_would(
    tables: StudyTables, tmp_path: Path
) -> None:
    row = {
        "reason": "not tested here: no weights",
        "command": "python -m study.run x",
        "n_trials": 0,
    }
    found = entry(tables, claims_of(tmp_path, row))
    assert found.verdict == NOT_HERE
    assert found.standing is not None
    assert found.standing.sentence == "Not tested here: no weights."
    assert found.standing.command == "python -m study.run x"


def test_a_withheld_estimate_has_no_n_that_could_be_misread(
    tables: StudyTables, tmp_path: Path
) -> None:
    found = entry(tables, claims_of(tmp_path, {"n_trials": 8, "reason": "only 8 trials"}))
    assert found.searched is not None
    assert (found.searched.value, found.searched.n) == ("–", "")


def test_a_claim_that_only_the_table_knows_is_listed_last(
    tables: StudyTables, tmp_path: Path
) -> None:
    rows = {"claim": "old", "text": "An old belief", **SEARCHED}
    first, last = ledger_data(replace(tables, claims=claims_of(tmp_path, rows)))
    assert (first.verdict, last.text) == (NOT_YET, "An old belief")
    assert last.searched is not None
    assert last.searched.sentence.endswith("a side): supported.")


def test_the_tally_names_settled_claims_first(tables: StudyTables, tmp_path: Path) -> None:
    frame = claims_of(tmp_path, {}, SEARCHED | {"claim": "a"}, {"claim": "b"})
    entries = ledger_data(replace(tables, claims=frame))
    assert tally(entries) == "1 supported and 2 unresolved"


@pytest.mark.parametrize("verdict", ["supported", "refuted", "unresolved", NOT_YET, NOT_HERE])
def test_every_verdict_has_a_sign_of_its_own(verdict: str) -> None:
    assert list(SYMBOLS.values()).count(SYMBOLS[verdict]) == 1
