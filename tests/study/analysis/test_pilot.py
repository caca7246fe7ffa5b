import pandas as pd

from study.analysis.pilot import share_out
from tests.study.analysis.confirm.test_confirmed import drawn
from tests.study.analysis.confirm.test_decisions import RATE, VARIANT, better, of_one_class
from tests.study.analysis.confirm.test_folded import of_folds
from tests.study.analysis.conftest import small_study


def shared(accuracies, *, claims=(), idle=(), n=6, **options):
    models, predictions = of_folds(*drawn(accuracies, n_seeds=2, **options))
    models, predictions = of_one_class(models, predictions, idle)
    study = small_study(VARIANT, RATE, claims=claims)
    first = dict.fromkeys(accuracies, 2)
    return share_out(study, models, predictions, first=first, n=n, n_draws=200)


def test_what_is_open_gets_the_seeds_and_what_is_sure_is_named():
    is_open = shared({"org": 0.5, "bcd": 0.51}, claims=[better()])
    assert (is_open.open, is_open.closed) == (("better",), ())
    assert sum(is_open.seeds.values()) == 10
    is_sure = shared({"org": 0.3, "bcd": 0.7}, claims=[better()])
    assert (is_sure.open, is_sure.closed) == ((), ("better",))
    assert sum(is_sure.seeds.values()) == 10
    assert is_open.learned == {"org": (10, 10), "bcd": (10, 10)}


def test_an_arm_whose_nets_fail_gets_more():
    found = shared({"org": 0.5, "bcd": 0.5}, idle=[f"bcd-seed0-fold{f}" for f in range(4)])
    assert found.learned == {"org": (10, 10), "bcd": (6, 10)}
    assert found.seeds["bcd"] > found.seeds["org"]
    assert found.spread["bcd"] is not None


def test_without_any_net_all_arms_get_alike():
    found = share_out(
        small_study(VARIANT, RATE), pd.DataFrame(columns=["model", "arm", "seed", "fold"]),
        pd.DataFrame(), first={"org": 2, "bcd": 2}, n=6,
    )  # fmt: skip
    assert found.seeds == {"org": 5, "bcd": 5}
    assert found.spread == {"org": None, "bcd": None}
