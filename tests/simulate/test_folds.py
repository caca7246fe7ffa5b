"""The judges of intervals out of fold: small ones for every run; the slow ones are for verdicts.

What they found, with a thousand studies of each kind, stands in `results/simulations/README.md`.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.simulate import folds_starts
from tests.simulate.folds import METHODS, World, judged, train, worlds
from tests.simulate.folds_faces import draw_families, families_at, predicted, trained
from tests.simulate.folds_starts import STARTS, WAYS, dealt
from tests.simulate.folds_truth import FOLDS, LAYERED, LINEAR, Pool, study_of, true_differences


def test_the_difference_that_a_world_states_is_that_of_its_nets():
    world = World(points=6.0, n_seeds=4)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(40):
        study = train(world, rng)
        images = study.folds.clusters.sizes.sum()
        found.append(100 * (study.hits[1] - study.hits[0]).sum(axis=1).mean() / images)
    assert world.truth == pytest.approx(6.0, abs=0.5)
    assert np.mean(found) == pytest.approx(world.truth, abs=4 * np.std(found) / np.sqrt(40))


def test_a_few_studies_are_covered_and_the_naive_t_over_folds_is_too_sure():
    found = judged(World(), 60, n_draws=150, seed=1)
    assert found.index.tolist() == list(METHODS)
    assert found.loc["components", "coverage"] >= 0.87
    assert found.loc["components", "half_width"] <= 1.0
    assert found.loc["naive", "coverage"] <= 0.93
    assert found.loc["resampled", "half_width"] > 1.5 * found.loc["components", "half_width"]


def test_nets_that_fail_widen_the_interval_and_do_not_move_it():
    found = judged(replace(World(), failing=0.2), 40, n_draws=150, seed=1).loc["components"]
    assert found["coverage"] >= 0.85
    assert found["half_width"] <= 1.5
    assert abs(found["bias"]) < 0.35


@pytest.mark.slow
@pytest.mark.parametrize("name", list(worlds()))
def test_every_kind_of_study_is_covered(name: str):
    world = worlds()[name]
    found = judged(world, 400, n_draws=300, seed=2).loc["components"]
    is_beyond = world.taught > World().taught
    assert found["coverage"] >= (0.85 if is_beyond else 0.93 - 2 * np.sqrt(0.07 * 0.93 / 400))
    if world.points == 0:
        assert found["different"] <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)


@pytest.fixture(scope="module")
def pool(tmp_path_factory) -> Pool:
    families = families_at(tmp_path_factory.mktemp("pool") / "faces.npz", 60)
    return Pool(families=families, inputs=families.inputs, tested=30)


def test_families_are_drawn_alike_from_a_number_and_kept(tmp_path: Path):
    first = families_at(tmp_path / "faces.npz", 3)
    second = families_at(tmp_path / "faces.npz", 3)
    third = draw_families(4)
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.pixels, third.pixels[: len(first.pixels)])
    assert first.n == 3
    of_two = first.labels[first.of(np.array([2, 0]))]
    assert of_two.tolist() == [
        *first.labels[first.family == 2], *first.labels[first.family == 0],
    ]  # fmt: skip


def test_a_cheap_net_learns_and_begins_anew_from_its_seed(pool: Pool):
    families = pool.families
    on, tested = families.of(np.arange(40)), families.of(np.arange(40, 60))
    commonest = np.bincount(families.labels[tested]).max() / len(tested)
    for recipe in (LAYERED, LINEAR):
        weights = trained(recipe, pool.inputs[on], families.labels[on], 0)
        again = trained(recipe, pool.inputs[on], families.labels[on], 0)
        right = predicted(weights, pool.inputs[tested]) == families.labels[tested]
        assert right.mean() > commonest + 0.15
        assert all(np.array_equal(a, b) for a, b in zip(weights, again, strict=True))


def test_a_study_of_drawn_families_tests_each_once_and_never_where_it_was_trained(pool: Pool):
    studies = study_of(pool, 20, 2, np.random.default_rng(0))
    for study in studies.values():
        assert study.hits.shape == (2, 2, 20)
        assert study.folds.numbers.tolist() == list(range(FOLDS))
        assert (study.hits <= study.folds.clusters.sizes).all()
    pair = studies["null pair"]
    assert np.array_equal(studies["true difference"].hits[1], pair.hits[0])
    assert not np.array_equal(pair.hits[0], pair.hits[1])


def test_nets_dealt_alike_keep_their_start_in_all_folds_and_apart_in_none():
    of_cluster = np.arange(20) % FOLDS
    hits = np.repeat(np.arange(STARTS)[:, None], 20, axis=1).astype(float)  # of which start
    alike, apart = (dealt(hits, of_cluster, way, np.random.default_rng(0)) for way in WAYS)
    assert (alike == alike[:, :1]).all()
    assert not (apart == apart[:, :1]).all()
    for found in (alike, apart):
        assert (np.sort(found, axis=0) == hits).all()
        assert all((of_fold == of_fold[:, :1]).all() for of_fold in
                   (found[:, of_cluster == fold] for fold in range(FOLDS)))  # fmt: skip


def test_ten_nets_of_a_recipe_are_told_apart_by_chance_alone(pool: Pool):
    found = folds_starts.judged(pool, 20, 2, deals=2, seed=0)
    assert len(found) == 2 * 2 * 2
    told = folds_starts.summary(found)
    assert told["studies"].eq(2).all()
    assert told["over_within"].between(0.2, 5).all()


def test_true_differences_are_of_fresh_families_each_time(pool: Pool):
    found = true_differences(pool, 24, 3, np.random.default_rng(0))
    assert len(set(found)) == 3
    assert np.abs(found).max() < 20
