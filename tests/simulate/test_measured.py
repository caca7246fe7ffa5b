"""Scores of one number a training: intervals hold the truth, verdicts are seldom wrong."""

import numpy as np
import pytest

from tests.simulate.measured import WORLDS, confirmed_once, settled_once

N = 60


@pytest.mark.parametrize("world", ["usual", "no folds", "one training in ten fails"])
def test_settling_holds_the_truth_and_calls_few_claims_wrongly(world):
    studies = [settled_once(WORLDS[world], 6, np.random.default_rng([7, s])) for s in range(N)]
    covered = np.mean([row["covered"] for study in studies for row in study])
    wrong = np.mean([any(row["false"] for row in study) for study in studies])
    # claims of a study share their noise: studies are counted
    assert covered > 0.95 - 3 * np.sqrt(0.95 * 0.05 / N)
    assert wrong < 0.05 + 2 * np.sqrt(0.95 * 0.05 / N)
    assert any(row["settled"] for study in studies for row in study)


@pytest.mark.parametrize("world", ["usual", "no folds", "one training in ten fails"])
def test_fresh_seeds_hold_the_truth(world):
    found = [confirmed_once(WORLDS[world], 4, np.random.default_rng([8, s])) for s in range(N)]
    assert np.mean([one["covered"] for one in found]) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / N)
