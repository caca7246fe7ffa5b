from tests.simulate.folded_search import judged


def test_a_fold_a_trial_leaves_the_winner_less_flattered_and_the_answers_as_good():
    on_folds, on_split = (
        judged(range(5), way, 100).set_index("measure")["value"] for way in ("folds", "split")
    )

    assert on_folds["judged"] < on_split["judged"]
    assert on_folds["coverage_average"] >= 0.93
    assert on_folds["l1_main"] < on_split["l1_main"] + 0.1
    assert on_folds["true"] > on_split["true"] - 1.0
