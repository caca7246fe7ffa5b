import pytest

from study.asked.factors import Factor
from study.asked.rules import reachable
from tests.study.asked.test_factors import GAMMA, INIT, LR, OPTIMIZER, VARIANT, study_of

EMA = Factor(name="ema", role="tuned", levels=(0.0, 0.9), when={"zero_gamma": True})


def test_no_factor_has_one_empty_combination():
    assert reachable(study_of(INIT), []) == [{}]


def test_absent_factors_are_left_out_of_a_combination():
    study = study_of(EMA, GAMMA, INIT, VARIANT, OPTIMIZER, LR)

    # what the factor hangs on is followed to its root; others play no part
    assert reachable(study, ["ema"]) == [
        {"init": "scratch", "zero_gamma": False},
        {"init": "scratch", "zero_gamma": True, "ema": 0.0},
        {"init": "scratch", "zero_gamma": True, "ema": 0.9},
        {"init": "pretrained"},
    ]


def test_too_many_combinations_are_not_begun():
    names = ("lr", "weight_decay", "ema", "momentum")
    factors = [
        Factor(name=name, role="tuned", levels=tuple(i / 100 for i in range(50))) for name in names
    ]

    with pytest.raises(OverflowError):
        reachable(study_of(*factors), names)
