from dataclasses import replace
from pathlib import Path

import pandas as pd

from study.folder.parquet import read_table, write_table
from study.folder.tables import StudyTables
from study.measure import ACCURACY
from study.report.head.answer import Answer, best_arm
from study.report.head.digest import digest_of
from tests.study.report.simulated import (
    LR_ONLY,
    NO_EPOCHS,
    a_study,
    provenance,
    simplest_frame,
    tables_of,
    trial,
)


def answer_of(tables: StudyTables) -> Answer:
    return digest_of(tables).answer


def test_planted_nine_points_are_the_answer(confirmed_tables: StudyTables) -> None:
    answer = answer_of(confirmed_tables)
    (settled,) = answer.settled
    assert settled.name == "transfer_helps"
    assert settled.standing is not None
    assert settled.standing.sentence.startswith("Pretrained beats scratch by ")
    assert settled.standing.low is not None
    assert settled.standing.high is not None
    assert settled.standing.low < 9.0 < settled.standing.high
    assert answer.claims == "The one claim declared before the search is supported."
    assert not answer.can_confirm


def test_the_best_arm_is_compared_with_the_next_one_on_paired_seeds(
    confirmed_tables: StudyTables,
) -> None:
    # the two pretrained arms are truly equal
    best = answer_of(confirmed_tables).best
    assert best.startswith(("Arm org-pretrained reaches ", "Arm bcd-pretrained reaches "))
    assert "test accuracy on fresh seeds (5 seeds, 600 images in 100 clusters)" in best
    assert "the highest of 4 arms. It is not told apart from " in best


def test_nothing_is_claimed_of_a_study_without_verdicts(tmp_path: Path) -> None:
    trials = pd.DataFrame([trial(0), trial(1, val_accuracy=0.6)])
    answer = answer_of(tables_of(tmp_path, a_study(LR_ONLY, claims=()), trials, NO_EPOCHS))
    assert answer.settled == ()
    assert answer.claims == "No claim was declared before the search, so none is judged."
    assert answer.factors == ""
    assert answer.best.startswith("The highest final validation accuracy of a completed trial is")


def test_unresolved_claims_are_counted_and_not_told(tables: StudyTables, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"claim": ["transfer_helps"], "estimate": [40.0], "low": [-1.0], "high": [81.0],
         "verdict": ["unresolved"], "stage": ["search"]}
    )  # fmt: skip
    path = tmp_path / "claims.parquet"
    write_table(path, frame, "claims", study_name="x")
    answer = answer_of(replace(tables, claims=read_table(path, "claims")))
    assert answer.settled == ()
    assert answer.claims == "The one claim is not settled by the search alone: unresolved."
    assert answer.can_confirm


def test_factors_are_named_only_where_they_matter(tables: StudyTables, tmp_path: Path) -> None:
    def said(*verdicts: str) -> str:
        frame = pd.DataFrame(
            {"factor": ["lr", "init", "variant"], "share": [0.5, 0.3, 0.0],
             "low": [0.34, 0.2, 0.0], "high": [0.65, 0.4, 0.1], "verdict": list(verdicts)}
        )  # fmt: skip
        path = tmp_path / "importance.parquet"
        write_table(path, frame, "importance", study_name="x")
        return answer_of(replace(tables, importance=read_table(path, "importance"))).factors

    assert said("matters", "matters", "negligible") == (
        "Factors that matter, with their own shares of the variance, interactions apart: lr "
        "50.0\u202f% [34.0, 65.0] and init 30.0\u202f% [20.0, 40.0]; 1 negligible."
    )
    assert said("unresolved", "unresolved", "negligible") == (
        "No factor is shown to matter (1 negligible and 2 unresolved)."
    )


def test_one_reason_for_all_factors_stands_on_the_first_screen(
    tables: StudyTables, tmp_path: Path
) -> None:
    def said(*reasons: str) -> str:
        frame = pd.DataFrame(
            {"factor": ["lr", "init"], "share": [None, None], "low": [None, None],
             "high": [None, None], "verdict": ["unresolved"] * 2, "reason": list(reasons)}
        )  # fmt: skip
        path = tmp_path / "importance.parquet"
        write_table(path, frame, "importance", study_name="x")
        return answer_of(replace(tables, importance=read_table(path, "importance"))).factors

    assert said("only 8 trials", "only 8 trials") == (
        "No factor is shown to matter (2 unresolved). Why: only 8 trials."
    )
    assert said("only 8 trials", "another") == "No factor is shown to matter (2 unresolved)."


def test_a_second_look_at_the_test_split_is_a_warning(confirmed_tables: StudyTables) -> None:
    assert answer_of(confirmed_tables).warnings == ()
    known = dict(confirmed_tables.provenance or {})
    known["test_reads"] = [*known["test_reads"], known["test_reads"][0]]
    (warning,) = answer_of(replace(confirmed_tables, provenance=known)).warnings
    assert warning.startswith("The test split was looked at 2 times (2026-01-03")


def test_claims_that_were_changed_after_the_search_began_are_a_warning(
    tables: StudyTables,
) -> None:
    assert answer_of(tables).warnings == ()
    known = provenance() | {"claims_hash": "00" * 16}
    (warning,) = answer_of(replace(tables, provenance=known)).warnings
    assert "they were changed since" in warning


def test_the_best_arm_is_a_confirmed_one_if_any_is(confirmed_tables: StudyTables) -> None:
    arms = digest_of(confirmed_tables).arms
    best = best_arm(arms, ACCURACY)
    assert best is not None
    assert best.arm.endswith("-pretrained")
    unconfirmed = [replace(row, confirmed=None) for row in arms]
    searched = best_arm(unconfirmed, ACCURACY)
    assert searched is not None
    assert searched.best_value == max(row.best_value or 0 for row in arms)
    assert best_arm([], ACCURACY) is None


def test_a_metric_that_no_fresh_net_has_is_said_to_be_none(confirmed_tables: StudyTables) -> None:
    assert confirmed_tables.confirmed is not None
    measured = confirmed_tables.confirmed
    others = measured[measured["metric"] != confirmed_tables.study.metric.partition("_")[2]]
    answer = answer_of(confirmed_tables.having(confirmed=others))
    assert answer.best.endswith("can be estimated from the nets on fresh seeds.")


def test_the_recipe_to_use_is_the_best_arm_s_simplest_with_what_it_gives_up(
    tables: StudyTables,
) -> None:
    best = best_arm(digest_of(tables).arms, ACCURACY)
    assert best is not None
    told = answer_of(tables.having(simplest=simplest_frame(best.arm))).recipe
    assert told == (
        f"Recipe to use in arm {best.arm}: optimizer sgd, lr 0.01, weight_decay 0.0005, "
        "batch_size 64. With batch_size and weight_decay at the default it gives up "
        "0.4 [-0.2, 0.9] points against the best one, at most 1 point with probability 0.96 "
        f"(by the search’s 40 full-length trials; not trained itself); "
        "1 setting stays off it."
    )
    assert answer_of(tables).recipe == ""  # nobody has analysed it


def test_where_no_simpler_recipe_can_be_told_the_best_one_is_used(tables: StudyTables) -> None:
    best = best_arm(digest_of(tables).arms, ACCURACY)
    assert best is not None
    frame = simplest_frame(best.arm)
    begun = frame[(frame["outcome"] != "moved") & (frame["arm"] == best.arm)]
    told = answer_of(tables.having(simplest=begun)).recipe
    assert "weight_decay 0.002, batch_size 32. No simpler one is shown to be as good: " in told
    assert "by the search’s " in told
    assert "not trained" not in told  # it was
    untold = frame[frame["outcome"] == "untold"].assign(arm=best.arm)
    told = answer_of(tables.having(simplest=untold)).recipe
    assert told.startswith(
        f"Recipe to use in arm {best.arm}: optimizer {best.config['optimizer']}"
    )
    assert "No simpler one can be told yet: 3 full-length trials in the arm" in told
