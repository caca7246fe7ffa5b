import math

from study.imports.lengths import MOST_EPOCHS, with_lengths
from study.imports.search import Search, Trial


def search(*trials):
    return Search(source="it", metric="loss", is_minimised=True, trials=trials)


def trial(steps, *, state="completed", **params):
    curve = tuple((float(s), 1.0 / (1 + s)) for s in steps)
    end = curve[-1][1] if curve and state == "completed" else None
    return Trial(name=str(len(params)), state=state, params=params, curve=curve, value=end)


def test_complete_means_to_the_end():
    """Ray's OptunaSearch tells Optuna COMPLETE for trials that ASHA stopped."""
    found = with_lengths(
        search(trial(range(9)), trial(range(3)), trial(range(1), state="stopped"))
    )
    assert [p.state for p in found.trials] == ["completed", "stopped", "stopped"]
    assert [p.run for p in found.trials] == [9, 3, 1]
    assert found.n_cut == 1


def test_a_setting_may_say_how_long_a_trial_is():
    found = with_lengths(
        search(
            trial(range(6), epochs=6),
            trial(range(12), epochs=12),
            trial(range(4), epochs=12),
            trial(range(6), epochs=6),
        )
    )
    assert found.by == "epochs"
    assert [p.planned for p in found.trials] == [6, 12, 12, 6]
    assert [p.state for p in found.trials] == ["completed", "completed", "stopped", "completed"]


def test_a_length_that_is_given_counts():
    found = with_lengths(search(trial(range(1, 6)), trial(range(1, 4))), length=3)
    assert [p.state for p in found.trials] == ["completed", "completed"]


def test_steps_of_any_size_become_epochs():
    found = with_lengths(search(trial([500, 1000, 1500]), trial([500])))
    assert (found.epochs, found.grid.unit) == (3, 500.0)
    assert found.trials[0].curve == {1: 1 / 501, 2: 1 / 1001, 3: 1 / 1501}


def test_a_step_a_batch_is_thinned_and_the_last_value_of_each_part_kept():
    found = with_lengths(search(trial(range(1, 5001))))
    [paced] = found.trials
    assert found.epochs <= MOST_EPOCHS
    assert paced.curve[found.epochs] == 1 / 5001
    assert paced.state == "completed"


def test_steps_may_be_reals():
    found = with_lengths(search(trial([0.25, 0.5, 1.0]), trial([0.25, 0.5])))
    assert [p.state for p in found.trials] == ["completed", "stopped"]


def test_a_search_without_curves_has_trials_of_one_length():
    found = with_lengths(
        search(
            Trial(name="a", state="completed", params={}, value=1.0),
            Trial(name="b", state="stopped", params={}),
        )
    )
    assert [(p.state, p.planned, p.run) for p in found.trials] == [
        ("completed", 1, 1),
        ("stopped", 1, 0),
    ]
    assert math.isclose(found.grid.unit, 1.0)


def test_a_length_that_is_asked_for_is_where_every_trial_ends():
    """One went on and one failed after it: what came then is no part of the comparison."""
    found = with_lengths(
        search(
            trial(range(1, 10)), trial(range(1, 6), state="failed"), trial(range(1, 5)),
            trial(range(1, 3), state="stopped"),
        ),
        length=4,
    )  # fmt: skip
    assert [(p.state, p.planned, p.run) for p in found.trials] == [
        ("completed", 4, 4), ("completed", 4, 4), ("completed", 4, 4), ("stopped", 4, 2),
    ]  # fmt: skip
    assert [p.curve[p.run] for p in found.trials[:3]] == [1 / 5] * 3
    assert [p.trial.value for p in found.trials[:3]] == [None, None, 1 / 5]
    assert found.n_cut == 0
