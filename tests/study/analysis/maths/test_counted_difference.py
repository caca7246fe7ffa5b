import numpy as np
import pytest
from scipy import stats

from study.analysis.confirm.verdicts import two_sided
from study.analysis.maths.counted import Counted, LearnedMore


def more(k, n, other_k, other_n, n_seeds=4):
    return LearnedMore.of(Counted(k=k, n=n), Counted(k=other_k, n=other_n), n_seeds=n_seeds)


def test_it_is_wide_enough_for_both_published_intervals():
    """56 of 70 and 48 of 80, Newcombe 1998, Table II: methods 5 and 10."""
    low, high = more(56, 70, 48, 80).interval()
    assert low == pytest.approx(min(5.28, 5.24), abs=0.01)
    assert high == pytest.approx(max(33.82, 33.39), abs=0.01)


def test_nothing_against_nothing_supports_nothing_and_refutes_what_many_nets_exclude():
    few, many = more(0, 48, 0, 48), more(0, 96, 0, 96)
    assert few.value == 0
    assert two_sided((0.0, None), few)[0] == pytest.approx(1.0)
    assert two_sided((5.0, None), few) == (pytest.approx(0.114, abs=0.01), "refuted")
    assert two_sided((5.0, None), many)[0] < 0.05
    # the same for nets that all learn
    assert more(96, 96, 96, 96).interval() == pytest.approx(many.interval())


@pytest.mark.parametrize(
    "counts", [(0, 48, 0, 48), (24, 24, 3, 24), (7, 8, 12, 12), (30, 40, 25, 41)]
)
@pytest.mark.parametrize("level", [0.8, 0.95, 0.9999])
def test_an_end_of_the_interval_is_where_the_test_has_its_level(counts, level):
    one = more(*counts)
    low, high = one.interval(level)
    assert -100 <= low <= one.value <= high <= 100
    for end, p in ((low, one.p_above), (high, one.p_below)):
        if abs(end) < 100:
            assert p(end) == pytest.approx((1 - level) / 2, rel=1e-3)
    assert one.p_above(low - 1) < one.p_above(low)


@pytest.mark.parametrize("n", [8, 24])
def test_the_intervals_hold_the_truth_however_often_nets_fail(n):
    """Over all counts, each with its chance."""
    k = range(n + 1)
    ends = np.array([[more(a, n, b, n).interval() for b in k] for a in k])
    for failing in (0.0, 0.05, 0.2, 0.4):
        for other in (0.0, 0.1, 0.4):
            chance = np.outer(stats.binom.pmf(k, n, 1 - failing), stats.binom.pmf(k, n, 1 - other))
            truth = 100 * (other - failing)
            above, below = ends[..., 0] > truth + 1e-9, ends[..., 1] < truth - 1e-9
            assert chance[above].sum() < 0.03
            assert chance[below].sum() < 0.03


def test_where_a_side_has_no_net_nothing_is_told():
    assert more(0, 0, 3, 4) is None


def test_more_trainings_narrow_it_even_where_none_fails():
    error, _ = more(48, 48, 48, 48, n_seeds=6).with_seeds(24)
    assert error == pytest.approx(more(48, 48, 48, 48).error / 2)
