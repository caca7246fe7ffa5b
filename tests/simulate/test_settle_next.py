import numpy as np
import pytest

from tests.simulate.settle import SETTINGS
from tests.simulate.settle_next import WAYS, judge_one, trained
from tests.simulate.settle_worlds import N_FOLDS, draw_truth

FAILS = SETTINGS["a level always fails in 20 %"]


@pytest.mark.parametrize("way", WAYS)
def test_every_way_makes_as_many_trainings(way):
    truth = draw_truth(np.random.default_rng([3, 20]), FAILS)
    made = trained(truth, 60, way, 3)
    assert len(made) == 60
    folds = list(dict.fromkeys((one.block, one.fold) for one in made))
    in_turn = [(block, block % N_FOLDS) for block in range(len(folds))]
    assert (folds == in_turn) == (way != "any")
    failed = [(one.block, one.row) for one in made if not one.learned]
    assert failed
    twice = len(made) - len({(one.block, one.row) for one in made})
    assert (twice > 0) == (way == "again")


def test_a_study_is_judged_claim_by_claim():
    found = judge_one(3, FAILS, "again")
    assert found["study"].eq(3).all()
    assert found["covered"].mean() > 0.5
