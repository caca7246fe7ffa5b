from collections import Counter
from dataclasses import replace
from math import log

import numpy as np
import pytest

from study.asked.factors import Factor, Range
from study.asked.study import Study
from study.plan.design import draw_design, value_at
from tests.study.asked.test_factors import GAMMA, INIT, LR, OPTIMIZER, VARIANT, study_of

PLAIN_LR = Factor(name="lr", role="tuned", log=True, ranges=(Range(low=1e-4, high=1.0),))
DECAY = Factor(name="weight_decay", role="tuned", ranges=(Range(low=0.0, high=0.5),))
LOSS = Factor(name="loss", role="tuned", levels=("cross_entropy", "focal", "corn"))
SMOOTHING = Factor(
    name="label_smoothing",
    role="tuned",
    levels=(0.0, 0.1),
    when={"loss": "cross_entropy"},
)


def drawn(study: Study, *sizes: int, seed: int = 0):
    return draw_design(study, sizes, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("factor", "share", "expected"),
    [
        (PLAIN_LR, 0.0, 1e-4),
        (PLAIN_LR, 0.5, 1e-2),  # halfway on the logarithmic scale
        (PLAIN_LR, 1.0, 1.0),
        (DECAY, 0.5, 0.25),
    ],
)
def test_a_share_of_a_range_is_taken_on_the_factors_scale(factor, share, expected):
    assert value_at(factor, factor.ranges[0], share) == pytest.approx(expected)


def test_whole_numbers_are_equally_likely_ends_included():
    batch = Factor(name="batch_size", role="tuned", ranges=(Range(low=2.0, high=5.0),))

    values = [value_at(batch, batch.ranges[0], share) for share in np.linspace(0, 1, 4001)]

    assert {type(value) for value in values} == {int}
    counts = Counter(values)
    assert sorted(counts) == [2, 3, 4, 5]
    assert max(counts.values()) - min(counts.values()) <= 2


def test_a_logarithmic_whole_number_stays_in_its_range():
    batch = Factor(name="batch_size", role="tuned", log=True, ranges=(Range(low=16, high=256),))

    values = [value_at(batch, batch.ranges[0], share) for share in np.linspace(0, 1, 101)]

    assert (min(values), max(values), values[50]) == (16, 256, 63)  # sqrt(15.5 x 256.5) = 63.05


def test_a_range_is_a_latin_hypercube_in_each_arm_and_over_all_arms():
    study = study_of(INIT, VARIANT, PLAIN_LR, DECAY)

    designs = drawn(study, 6, 6, 6, 6)

    for name, position in (
        ("lr", lambda x: (log(x) - log(1e-4)) / -log(1e-4)),
        ("weight_decay", lambda x: x / 0.5),
    ):
        for design in designs:
            assert sorted(int(6 * position(c[name])) for c in design) == [0, 1, 2, 3, 4, 5]
        every = [position(c[name]) for design in designs for c in design]
        assert sorted(int(24 * share) for share in every) == list(range(24))


def test_each_of_several_ranges_is_spread_over_and_never_left():
    study = study_of(INIT, OPTIMIZER, LR)

    farthest = []
    for seed in range(10):
        for design in drawn(study, 20, 20, seed=seed):
            for optimizer in OPTIMIZER.levels:
                chosen = [c for c in design if c["optimizer"] == optimizer]
                applies = LR.range_for(chosen[0])
                low, width = log(applies.low), log(applies.high / applies.low)
                shares = sorted((log(c["lr"]) - low) / width for c in chosen)
                assert len(shares) == 10
                assert shares[0] >= -1e-12
                assert shares[-1] <= 1 + 1e-12
                farthest.append(np.abs(shares - (np.arange(10) + 0.5) / 10).max())

    # 10 of the 20 strata taken at random would be 0.10 off
    assert np.mean(farthest) < 0.07


def test_a_factor_is_drawn_only_where_it_exists():
    study = study_of(INIT, GAMMA, LOSS, SMOOTHING)

    designs = drawn(study, 12, 12)

    assert all("zero_gamma" in c for c in designs[0])
    assert not any("zero_gamma" in c for c in designs[1])
    for design in designs:
        smoothed = [c for c in design if "label_smoothing" in c]
        assert {c["loss"] for c in smoothed} == {"cross_entropy"}
        assert Counter(c["label_smoothing"] for c in smoothed) == {0.0: 2, 0.1: 2}


def test_uneven_arms_share_the_levels_evenly():
    study = study_of(INIT, LOSS)

    designs = drawn(study, 5, 4)

    assert [sorted(Counter(c["loss"] for c in d).values()) for d in designs] == [
        [1, 2, 2],
        [1, 1, 2],
    ]
    assert Counter(c["loss"] for d in designs for c in d) == dict.fromkeys(LOSS.levels, 3)


def test_configurations_are_in_reading_order_with_fixed_factors():
    depth = Factor(name="depth", role="fixed", levels=(50,))

    config = drawn(study_of(LR, depth, OPTIMIZER, INIT), 1, 0)[0][0]

    assert list(config) == ["lr", "depth", "optimizer", "init"]
    assert config["depth"] == 50


def test_columns_are_nearly_uncorrelated_where_chance_would_not_make_them_so():
    study = study_of(INIT, OPTIMIZER, LOSS, PLAIN_LR, DECAY)

    worst = []
    for seed in range(20):
        rows = [c for design in drawn(study, 12, 12, seed=seed) for c in design]
        columns = np.array(
            [
                [c["optimizer"] == "sgd" for c in rows],
                [c["loss"] == "focal" for c in rows],
                [c["loss"] == "corn" for c in rows],
                [log(c["lr"]) for c in rows],
                [c["weight_decay"] for c in rows],
            ],
            dtype=float,
        )
        correlations = np.corrcoef(columns)
        correlations[1, 2] = correlations[2, 1] = 0.0  # levels of one factor exclude each other
        worst.append(np.abs(correlations - np.eye(5)).max())

    # 24 random rows would have a largest of about 0.4
    assert np.mean(worst) < 0.2


def test_an_arm_of_no_trials_and_a_study_of_no_design_are_empty():
    study = study_of(INIT, LOSS)

    assert [len(design) for design in drawn(study, 0, 3)] == [0, 3]
    assert drawn(study, 0, 0) == [[], []]


def test_a_study_without_arms_has_one_design():
    assert Counter(c["loss"] for c in drawn(study_of(LOSS), 9)[0]) == dict.fromkeys(LOSS.levels, 3)


def test_a_large_design_is_drawn_without_comparing_columns():
    study = replace(study_of(INIT, OPTIMIZER, LR, LOSS), trials=60_000)

    designs = drawn(study, 25_000, 25_000)

    assert Counter(c["optimizer"] for c in designs[0]) == {"sgd": 12_500, "adamw": 12_500}
