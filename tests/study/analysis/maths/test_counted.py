import pytest
from scipy import stats

from study.analysis.maths.counted import Counted, jeffreys, surely_loses

BEATS, ALIKE = (1.0, None), (-1.0, 1.0)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (0, 10, 0.0, 0.2172),  # Brown, Cai and DasGupta 2001, table 5, but for the ends 0 and 1
        (1, 10, 0.0110, 0.3813),
        (5, 10, 0.2235, 0.7765),
        (10, 10, 0.7828, 1.0),
    ],
)
def test_jeffreys_interval_is_that_of_the_tables(k, n, low, high):
    assert jeffreys(k, n) == pytest.approx((low, high), abs=2e-4)


@pytest.mark.parametrize(("a", "b"), [((1, 5), (5, 5)), ((20, 25), (25, 25)), ((0, 3), (3, 3))])
def test_learning_less_often_is_fishers_exact_test(a, b):
    table = [[a[0], a[1] - a[0]], [b[0], b[1] - b[0]]]
    p = stats.fisher_exact(table, alternative="less").pvalue
    first, second = Counted(k=a[0], n=a[1]), Counted(k=b[0], n=b[1])
    assert first.is_surely_fewer_than(second) == (p < 0.025)
    assert not second.is_surely_fewer_than(first)


def test_a_thousand_nets_are_counted_too():
    few, many = Counted(k=900, n=1000), Counted(k=950, n=1000)
    assert few.is_surely_fewer_than(many)
    assert not many.is_surely_fewer_than(many)


def test_what_beats_must_not_learn_less_often_and_what_is_alike_neither():
    half, all_ = Counted(k=12, n=25), Counted(k=25, n=25)
    assert surely_loses(BEATS, half, all_)
    assert not surely_loses(BEATS, all_, half)
    assert surely_loses(ALIKE, half, all_)
    assert surely_loses(ALIKE, all_, half)


def test_one_failure_of_five_is_no_sure_loss():
    assert not surely_loses(BEATS, Counted(k=4, n=5), Counted(k=5, n=5))
