import pytest

from study.plan.stopping import Rungs, is_promotable, rung_epochs


@pytest.mark.parametrize(
    ("planned", "expected"),
    [(1, ()), (2, (1,)), (3, (1,)), (6, (1, 2)), (9, (1, 3)), (10, (2, 4)), (27, (3, 9))],
)
def test_rungs_lie_at_a_ninth_and_a_third_of_the_own_length(planned, expected):
    assert rung_epochs(planned, 3) == expected


def test_fewer_values_than_the_reduction_stop_nobody():
    assert is_promotable(0.1, [0.9], 3)


def test_the_best_third_goes_on():
    others = [0.1, 0.2, 0.3, 0.4, 0.5]
    assert is_promotable(0.45, others, 3)
    assert not is_promotable(0.35, others, 3)


def test_ties_go_on():
    assert is_promotable(0.5, [0.5, 0.5, 0.5], 3)


def judge(rungs, value, *, arm="org", planned=9, epoch=1, may_stop=True):
    return rungs.judge(arm=arm, planned=planned, epoch=epoch, value=value, may_stop=may_stop)


def test_a_story_of_one_rung():
    rungs = Rungs(3)
    assert judge(rungs, 0.30).promoted  # alone
    assert judge(rungs, 0.20).promoted  # two values decide nothing
    assert not judge(rungs, 0.25).promoted  # second of three
    assert judge(rungs, 0.35).promoted  # first of four
    assert not judge(rungs, 0.34).promoted  # second of five, where one goes on
    assert judge(rungs, 0.345).promoted  # second of six, where two go on


def test_values_of_other_arms_and_lengths_do_not_count():
    rungs = Rungs(3)
    for value in (0.9, 0.8, 0.7, 0.6):
        judge(rungs, value, arm="bcd")
        judge(rungs, value, planned=3)
    decision = judge(rungs, 0.1)
    assert decision.promoted
    assert decision.n == 1


def test_between_rungs_nothing_is_decided():
    assert judge(Rungs(3), 0.5, epoch=2) is None


def test_the_last_epoch_is_no_rung():
    assert judge(Rungs(3), 0.5, planned=3, epoch=3) is None


def test_design_trials_are_never_stopped_but_count_for_others():
    rungs = Rungs(3)
    for value in (0.5, 0.6, 0.1):
        assert judge(rungs, value, may_stop=False).promoted
    assert not judge(rungs, 0.55).promoted
