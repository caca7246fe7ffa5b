import warnings

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import FixedTrial

from agecls.recipe import Recipe
from study.asked.factors import Factor, Range
from study.asked.study import in_box
from study.asked.study_file import load_study, preset_names
from study.plan.space import params_of, recipe_of, suggest
from study.plan.trials import plan_trials
from tests.small_studies import some_folders
from tests.strategies import studies
from tests.study.asked.test_factors import GAMMA, INIT, LR, OPTIMIZER, study_of

STUDY = study_of(LR, INIT, GAMMA, OPTIMIZER)
SCRATCH = {"init": "scratch"}
PRETRAINED = {"init": "pretrained"}


def asked(seed: int) -> tuple[optuna.Study, optuna.Trial]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=RandomSampler(seed=seed))
    return study, study.ask()


def test_a_range_that_hangs_on_a_tuned_level_is_a_parameter_of_its_own():
    params = {"zero_gamma": True, "optimizer": "sgd", "lr[optimizer=sgd]": 0.05}

    config = suggest(FixedTrial(params), STUDY, SCRATCH)

    assert list(config.items()) == [
        ("lr", 0.05),
        ("init", "scratch"),
        ("zero_gamma", True),
        ("optimizer", "sgd"),
    ]


def test_a_range_that_hangs_on_arms_only_has_the_factors_name():
    config = suggest(FixedTrial({"optimizer": "adamw", "lr": 0.001}), STUDY, PRETRAINED)

    assert config == {"lr": 0.001, "init": "pretrained", "optimizer": "adamw"}


@pytest.mark.parametrize(
    ("cell", "optimizer", "name", "low", "high"),
    [
        (SCRATCH, "sgd", "lr[optimizer=sgd]", 0.01, 0.2),
        (PRETRAINED, "sgd", "lr[optimizer=sgd]", 0.003, 0.1),
        (SCRATCH, "adamw", "lr", 0.0001, 0.003),
    ],
)
def test_the_distribution_is_the_range_that_applies(cell, optimizer, name, low, high):
    config = {**cell, "optimizer": optimizer, "lr": 0.02, "zero_gamma": False}
    config["lr"] = (low * high) ** 0.5

    distributions = params_of(STUDY, cell, config)[1]

    assert distributions[name] == FloatDistribution(low, high, log=True)
    assert distributions["optimizer"] == CategoricalDistribution(("sgd", "adamw"))
    assert ("zero_gamma" in distributions) is (cell == SCRATCH)


def test_whole_numbers_and_fixed_factors():
    batch = Factor(name="batch_size", role="tuned", log=True, ranges=(Range(low=16, high=64),))
    depth = Factor(name="depth", role="fixed", levels=(50,))
    study = study_of(batch, depth)
    trial = asked(0)[1]

    config = suggest(trial, study, {})

    assert trial.distributions == {"batch_size": IntDistribution(16, 64, log=True)}
    assert type(config["batch_size"]) is int
    assert config["depth"] == 50


@settings(max_examples=30, deadline=None)
@given(study=studies(), seed=st.integers(0, 999))
def test_suggestions_lie_in_the_box_and_go_to_parameters_and_back(study, seed):
    for cell in study.arms:
        trial = asked(seed)[1]

        config = suggest(trial, study, cell)

        assert in_box(study, config)
        params, distributions = params_of(study, cell, config)
        assert params == trial.params
        assert distributions == trial.distributions
        assert suggest(FixedTrial(params), study, cell) == config


@settings(max_examples=30, deadline=None)
@given(study=studies())
def test_a_planned_configuration_survives_optuna_and_becomes_a_recipe_and_back(study):
    for planned in plan_trials(study):
        if planned.config is None:
            continue
        params, distributions = params_of(study, planned.cell, planned.config)
        trial = optuna.trial.create_trial(value=0.0, params=params, distributions=distributions)

        assert suggest(FixedTrial(trial.params), study, planned.cell) == planned.config
        recipe = recipe_of(study, planned.config, planned.seed).to_dict()
        assert {name: recipe[name] for name in planned.config} == planned.config


def test_an_enqueued_design_configuration_is_what_the_next_trial_suggests():
    study = load_study("demo")
    planned = plan_trials(study)[0]
    search = optuna.create_study()
    search.enqueue_trial(params_of(study, planned.cell, planned.config)[0])

    assert suggest(search.ask(), study, planned.cell) == planned.config


def test_recipes_take_defaults_where_a_factor_does_not_exist():
    config = {"init": "pretrained", "optimizer": "adamw", "lr": 0.001}

    assert recipe_of(STUDY, config, 7) == Recipe(
        init="pretrained", optimizer="adamw", lr=0.001, seed=7
    )


def test_a_number_outside_its_range_is_a_parameter_that_tpe_never_suggests_or_stumbles_over():
    study = load_study("seed")
    included = plan_trials(study)[0]
    outside = {**included.config, "lr": 3.0}
    params, distributions = params_of(study, included.cell, outside)
    assert params == {"lr[outside]": 3.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = TPESampler(seed=0, multivariate=True, group=True, n_startup_trials=1)
    search = optuna.create_study(sampler=sampler, direction="maximize")
    search.add_trial(
        optuna.trial.create_trial(value=0.9, params=params, distributions=distributions)
    )

    for _ in range(12):
        trial = search.ask()
        assert in_box(study, suggest(trial, study, included.cell))
        search.tell(trial, 0.1)

    assert all(set(trial.params) == {"lr"} for trial in search.trials[1:])


def test_a_configuration_of_another_arm_has_no_parameters():
    config = {"init": "scratch", "optimizer": "sgd", "lr": 0.1, "zero_gamma": True}

    with pytest.raises(ValueError, match="is not of the arm"):
        params_of(STUDY, PRETRAINED, config)


def test_a_missing_parameter_is_named():
    with pytest.raises(ValueError, match=r"lr\[optimizer=sgd\]"):
        suggest(FixedTrial({"optimizer": "sgd"}), STUDY, PRETRAINED)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_can_be_searched_in_every_arm(name):
    study = load_study(name, of_folders=some_folders)
    for cell in study.arms:
        search = optuna.create_study(sampler=RandomSampler(seed=1))
        for _ in range(20):
            config = suggest(search.ask(), study, cell)
            assert in_box(study, config)
            assert recipe_of(study, config, 0).variant == cell["variant"]
