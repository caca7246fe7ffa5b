import pytest
from scipy.stats import norm

from study.analysis.search.power import Power
from study.asked.claims.importance import ImportanceClaim


@pytest.mark.parametrize(
    ("difference", "sigma", "seeds"),
    [
        (0.5, 0.8, 42),
        (0.5, 1.2, 92),
        (1.0, 0.8, 12),
        (1.0, 1.2, 24),
        (1.0, 1.5, 37),
        (2.0, 0.8, 4),
        (2.0, 1.2, 7),
        (3.0, 1.5, 6),
    ],
)
def test_seeds_per_arm_are_those_of_the_t_test(difference: float, sigma: float, seeds: int):
    assert Power().seeds(difference, sigma) == seeds


def test_a_difference_of_nothing_needs_more_seeds_than_anyone_has():
    assert Power().seeds(0.0, 1.0) == 10_000


def test_trials_needed_grow_with_the_square_of_what_is_missing():
    near = Power()._row("claim", "x", half=1.96, distance=2.0, n_now=100)
    far = Power()._row("claim", "x", half=1.96, distance=1.0, n_now=100)
    assert near["n_needed"] == pytest.approx(100 * (2.8016 / 2) ** 2, abs=1)
    assert far["n_needed"] == pytest.approx(4 * 100 * (2.8016 / 2) ** 2, abs=2)
    lost = Power()._row("claim", "x", half=1.96, distance=0.1, n_now=100)
    assert lost["n_needed"] is None
    assert "out of reach" in str(lost["advice"])


@pytest.mark.parametrize("looks", [1, 2])
def test_a_claim_s_trials_have_the_power_of_the_plan_at_the_level_of_their_look(looks: int):
    claim = ImportanceClaim(name="x", text="", factor="a", more_than="b")
    row = {"estimate": 0.1, "low": -1.0, "high": 1.2}  # 0.1 from what would settle it
    plan = Power(looks=looks, far=1e9)._claim(claim, row, None, 1000)
    for n, at in ((plan["n_needed"], looks), (plan["n_at_next_look"], looks + 1)):
        errors = 0.1 / (1.1 / 1.95996) * (n / 1000) ** 0.5  # that the estimate lies away
        assert norm.cdf(errors - norm.ppf(1 - 0.05 / 2**at)) == pytest.approx(0.8, abs=1e-3)


def test_an_unresolved_factor_that_needs_no_more_trials_is_told_what_they_would_show():
    enough = Power()._factor({"factor": "x", "sd_high": 0.6}, 185)
    assert enough["more_trials"] == 0
    assert str(enough["advice"]).startswith("a main effect of 0.5 points sd would be seen by now")
    lacking = Power()._factor({"factor": "x", "sd_high": 1.2}, 185)
    assert lacking["advice"] == f"about {lacking['more_trials']} more design trials"
