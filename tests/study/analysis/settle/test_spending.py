import numpy as np
import pytest
from scipy import special

from study.analysis.settle.spending import KEPT, levels, looks, spent


def test_looks_come_after_one_two_three_five_blocks_and_at_the_planned_end():
    assert looks(0, 6) == []
    assert looks(4, 6) == [1, 2, 3]
    assert looks(6, 6) == [1, 2, 3, 5, 6]
    assert looks(13, 10) == [1, 2, 3, 5, 8, 10, 13]


def test_hardly_anything_is_spent_early_and_never_more_than_alpha():
    gone = [spent(share, 0.05) for share in (0.1, 0.5, 1.0, 2.0, 100.0)]
    assert gone == sorted(gone)
    assert gone[0] < 1e-8
    assert gone[2] == pytest.approx(0.05 * (1 - KEPT))
    assert gone[-1] < 0.05


def test_a_single_look_at_the_end_has_what_the_plan_may_spend():
    assert levels((1.0,), 0.025) == (pytest.approx(0.05 * (1 - KEPT)),)


def test_levels_of_o_brien_and_fleming_s_bounds_are_those_that_are_published():
    # spending approximation, five equal looks, two-sided alpha 0.05 (Jennison and Turnbull 2000)
    shares = (0.2, 0.4, 0.6, 0.8, 1.0)
    found = levels(shares, 0.025 / (1 - KEPT))
    z = -special.ndtri(np.array(found) / 2)
    assert z == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=0.005)


@pytest.mark.parametrize("shares", [(1 / 6, 2 / 6, 0.5, 5 / 6, 1.0, 2.0), (0.5, 1.0, 1.5)])
def test_looking_often_is_wrong_no_more_often_than_was_spent(shares):
    rng = np.random.default_rng(0)
    steps = np.sqrt(np.diff(shares, prepend=0))
    walks = np.cumsum(rng.standard_normal((200_000, len(shares))) * steps, axis=1)
    p = 2 * special.ndtr(-np.abs(walks) / np.sqrt(shares))
    crossed = (p <= np.array(levels(shares, 0.025))).any(axis=1).mean()
    assert crossed == pytest.approx(2 * spent(shares[-1], 0.025), abs=0.002)
