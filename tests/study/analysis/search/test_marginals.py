import numpy as np
import pytest

from study.analysis import Analysis


def test_levels_of_a_marginal_stand_where_they_were_planted(planted: Analysis):
    rows = planted.marginals.set_index(["factor", "level"])
    for level, true in (("scratch", 48.0), ("pretrained", 52.0)):
        row = rows.loc[("init", level)]
        assert row["low"] <= true <= row["high"]
        assert row["n_trials"] == 60


def test_a_number_has_a_marginal_in_each_range_with_its_own_slope(planted: Analysis):
    rates = planted.marginals[planted.marginals["factor"] == "lr"]
    rise = rates.groupby("where")["estimate"].agg(lambda v: v.iloc[-1] - v.iloc[0])
    assert rise["init = scratch"] == pytest.approx(4.0, abs=1.0)
    assert rise["init = pretrained"] == pytest.approx(8.0, abs=1.0)
    ends = rates.groupby("where")["value"].agg(["first", "last"])
    np.testing.assert_allclose(ends.loc["init = scratch"], [1e-2, 1.0])
    np.testing.assert_allclose(ends.loc["init = pretrained"], [1e-4, 1e-2])


def test_a_conditional_factor_is_averaged_where_it_exists(planted: Analysis):
    rows = planted.marginals.set_index(["factor", "level"])
    assert rows.loc[("zero_gamma", "true"), "estimate"] == pytest.approx(49.5, abs=0.5)
    assert rows.loc[("zero_gamma", "false"), "n_trials"] == 30


def test_levels_with_enough_trials_are_not_extrapolated(planted: Analysis):
    assert not planted.marginals["extrapolated"].any()
