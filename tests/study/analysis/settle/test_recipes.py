from math import log10

import numpy as np
import pandas as pd
import pytest

from study.analysis.maths.box import build_box, encode
from study.analysis.settle.recipes import row_recipes
from study.asked.claims.difference import DifferenceClaim
from study.asked.factors import Factor, Level, Range
from study.asked.study import in_box
from study.plan.settle_rows import settle_design
from tests.simulate.searches import designed_study
from tests.simulate.worlds import draw_world, make_study
from tests.study.analysis.conftest import small_study

PAIRS = {
    "init": ("pretrained", "scratch"),
    "variant": ("bcd", "org"),
    "scheduler": ("cosine", "step"),
    "loss": ("focal", "cross_entropy"),
    "zero_gamma": (True, False),
    "epochs": (12, 6),
}
CLAIMS = [
    DifferenceClaim(name=f, text="", factor=f, better=a, worse=b, least=0.5)
    for f, (a, b) in PAIRS.items()
]


def searched(seed: int, *, kind: str = "power", trials: int = 120):
    rng = np.random.default_rng(seed)
    study = make_study(trials=trials, design_share=0.5, seed=seed)
    world = draw_world(kind, rng)
    return study, world, *designed_study(study, world, rng)


def points(study, world, configs) -> np.ndarray:
    """The true mean of each configuration."""
    box = build_box(study)
    x, inside = encode(box, pd.DataFrame(list(configs)))
    assert inside.all()
    return world.surface({axis.name: x[:, i] for i, axis in enumerate(box.axes)})


def asked(study) -> tuple[dict[str, Level], ...]:
    return settle_design(study, CLAIMS).levels


@pytest.fixture(scope="module")
def study_of_120():
    return searched(3)


def test_every_row_is_a_whole_configuration_in_the_box_with_the_levels_that_it_asks(study_of_120):
    study, _, trials, epochs = study_of_120

    recipes = row_recipes(study, trials, epochs, asked(study), seed=1)

    for row, recipe in zip(asked(study), recipes, strict=True):
        assert recipe.items() >= row.items()
        assert in_box(study, recipe)
        assert ("zero_gamma" in recipe) == (recipe["init"] == "scratch")


def test_nothing_else_varies_unless_the_search_is_sure_of_it(study_of_120):
    study, _, trials, epochs = study_of_120

    recipes = row_recipes(study, trials, epochs, asked(study), seed=1)

    free = [f for f in study.factors if f.name not in PAIRS and f.name != "lr"]
    alike = [len({recipe[f.name] for recipe in recipes}) == 1 for f in free]
    assert sum(alike) > len(free) / 2


def test_the_rest_is_set_better_than_by_chance_in_every_world():
    gains = []
    for seed in range(6):
        study, world, trials, epochs = searched(seed)
        rows = asked(study)
        tuned = points(study, world, row_recipes(study, trials, epochs, rows, seed=1))
        box, rng = build_box(study), np.random.default_rng(seed)
        any_x = box.sample(4000, rng)
        typical = world.surface({a.name: any_x[:, i] for i, a in enumerate(box.axes)})
        gains.append((tuned.mean() - typical.mean()) / typical.std())

    assert min(gains) > 0.5
    assert np.mean(gains) > 1.0


def test_a_rate_stays_a_third_of_its_range_below_where_training_collapses():
    # points rise with the rate up to 0.7 of the range, from where every training collapses
    rate = Factor(name="lr", role="tuned", log=True, ranges=(Range(low=1e-3, high=1.0),))
    losses = Factor(name="loss", role="tuned", levels=("focal", "cross_entropy"))
    study = small_study(rate, losses)
    places = (np.arange(60) + 0.5) / 60
    fell = places > 0.7
    trials = pd.DataFrame(
        {
            "trial_id": [f"t{n:05}" for n in range(60)],
            "status": "completed",
            "origin": "design",
            "collapsed": fell,
            "epochs_planned": 9,
            "epochs_run": 9,
            "val_accuracy": np.where(fell, 0.25, 0.3 + 0.2 * places),
            "config/lr": 10 ** (3 * places - 3),
            "config/loss": ["focal", "cross_entropy"] * 30,
        }
    )
    epochs = pd.DataFrame({"trial_id": [], "epoch": [], "val_accuracy": []})

    recipes = row_recipes(study, trials, epochs, [{"loss": "focal"}], seed=0)

    place = 1 + log10(recipes[0]["lr"]) / 3
    assert 0.2 < place <= 0.7 - 1 / 3 + 0.1  # the cliff's curve has a slope


def test_too_few_trials_for_a_surface_take_the_best_chosen_configuration_for_all_rows():
    study, _, trials, epochs = searched(2, trials=8)
    trials = trials[trials["status"] == "completed"].head(4)

    recipes = row_recipes(study, trials, epochs, asked(study), seed=1)

    free = [f.name for f in study.factors if f.name not in PAIRS and f.name != "lr"]
    assert all(len({recipe[name] for recipe in recipes}) == 1 for name in free)
    assert {recipes[0][name] for name in free} <= {
        v for name in free for v in trials[f"config/{name}"]
    }


def test_without_a_trial_that_ended_there_are_no_recipes():
    study, _, trials, epochs = searched(2, trials=8)
    trials = trials.assign(status="failed", collapsed=False)

    assert row_recipes(study, trials, epochs, asked(study), seed=1) is None


def test_the_same_tables_give_the_same_recipes(study_of_120):
    study, _, trials, epochs = study_of_120

    first, again = (row_recipes(study, trials, epochs, asked(study), seed=1) for _ in range(2))

    assert first == again
