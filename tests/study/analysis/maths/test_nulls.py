import numpy as np
import pandas as pd
import pytest

from study.analysis import Analysis, analyse
from study.asked.factors import Factor, Range
from tests.study.analysis.conftest import NO_EPOCHS, full_trials, small_study

NUMBERS = tuple(
    Factor(name=f"x{i}", role="tuned", ranges=(Range(low=0.0, high=1.0),)) for i in range(5)
)


def numbers_study(rng: np.random.Generator, n: int = 60) -> Analysis:
    """Five numbers of which only x0 does anything: slope 5, noise 1."""
    x = np.column_stack([(rng.permutation(n) + 0.5) / n for _ in NUMBERS])
    points = 50 + 5 * (x[:, 0] - 0.5) + rng.normal(size=n)
    configs = pd.DataFrame({f.name: x[:, i] for i, f in enumerate(NUMBERS)})
    return analyse(small_study(*NUMBERS), full_trials(configs, points), NO_EPOCHS, seed=0)


def test_planted_effects_stand_out_from_the_band_and_a_planted_null_does_not(
    planted: Analysis,
) -> None:
    shares = planted.importance.set_index("factor")
    band = shares["null_share"]
    assert (shares.loc[["init", "lr"], "share"] > 3 * band[["init", "lr"]]).all()
    assert shares.loc["loss", "share"] <= band["loss"]
    assert band.between(0, 0.1).all()


def test_the_band_holds_nearly_all_factors_without_effect(rng: np.random.Generator) -> None:
    inside = []
    for _ in range(12):
        factors = numbers_study(rng).importance.set_index("factor")
        assert factors.loc["x0", "share"] > factors.loc["x0", "null_share"]
        nulls = factors.drop("x0")
        inside += (nulls["share"] <= nulls["null_share"]).tolist()
    # nominal 0.95; of 48, 40 or fewer inside would be a 1 in 2,000 accident
    assert np.mean(inside) > 40 / 48
    assert np.mean(inside) == pytest.approx(0.95, abs=0.12)


def test_less_data_widen_the_band(rng: np.random.Generator) -> None:
    small, large = (numbers_study(rng, n).importance["null_share"] for n in (30, 240))
    assert small.median() > 2 * large.median()
