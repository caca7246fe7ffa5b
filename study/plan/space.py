"""Between a study's factors and Optuna: what is suggested for an arm, and what stands for that.

One arm has one Optuna study. A range that hangs on other tuned factors' levels is a parameter of
its own, such as `lr[optimizer=sgd]`, since an Optuna parameter has one distribution only.
"""

from typing import cast

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from agecls.recipe import Recipe
from study.asked.factors import Config, Factor, Level, is_inside
from study.asked.study import Study, complete


def suggest(trial: optuna.trial.BaseTrial, study: Study, cell: Config) -> dict[str, Level]:
    """A full configuration of the arm `cell`, its tuned factors suggested by `trial`.

    A factor is suggested after those that it hangs on, and only if it exists under them.
    """
    values: dict[str, Level] = dict(cell)
    for factor in study.by_dependency:
        if not factor.exists(values):
            continue
        if factor.role == "fixed":
            values[factor.name] = factor.levels[0]
        elif factor.role == "tuned":
            values[factor.name] = _suggested(trial, *_parameter(study, factor, values))
    return complete(study, values)


def params_of(
    study: Study, cell: Config, config: Config
) -> tuple[dict[str, Level], dict[str, BaseDistribution]]:
    """The Optuna parameters, and their distributions, that stand for a configuration.

    Both fit `optuna.trial.create_trial`; the parameters alone, `Study.enqueue_trial`.

    A number outside its range, which an included configuration may have, becomes a parameter of
    its own with that one value, such as `lr[outside]`: Optuna keeps it, and samplers ignore it.

    Raises:
        ValueError: The configuration is of another arm.
    """
    if any(config.get(name) != level for name, level in cell.items()):
        raise ValueError(f"configuration {dict(config)} is not of the arm {dict(cell)}")
    params: dict[str, Level] = {}
    distributions: dict[str, BaseDistribution] = {}
    for factor in study.by_dependency:
        if factor.role == "tuned" and factor.exists(config):
            name, distribution = _parameter(study, factor, config)
            value = config[factor.name]
            if factor.is_numeric and not is_inside(factor, config):
                name = f"{factor.name}[outside]"
                distribution = FloatDistribution(float(value), float(value))
            params[name] = value
            distributions[name] = distribution
    return params, distributions


def recipe_of(study: Study, config: Config, seed: int) -> Recipe:
    """The recipe of a configuration; fields of factors that do not exist keep their defaults."""
    return Recipe.from_dict({**complete(study, config), "seed": seed})


def check_recipe(study: Study, config: Config, seed: int) -> None:
    """Let a configuration pass that can be trained; what a function takes, it says itself.

    Raises:
        ValueError: A recipe cannot hold a value of it.
        TypeError: Likewise.
    """
    if study.trainable is None:
        recipe_of(study, config, seed)


def _suggested(trial: optuna.trial.BaseTrial, name: str, distribution: BaseDistribution) -> Level:
    if isinstance(distribution, CategoricalDistribution):
        # choices are levels, of which Optuna's type adds None
        return cast("Level", trial.suggest_categorical(name, distribution.choices))
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(name, distribution.low, distribution.high, log=distribution.log)
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)
    raise TypeError(f"parameter {name} has a {type(distribution).__name__}")


def _parameter(study: Study, factor: Factor, config: Config) -> tuple[str, BaseDistribution]:
    """Name and distribution of the Optuna parameter of `factor` under the others' levels."""
    if not factor.is_numeric:
        return factor.name, CategoricalDistribution(factor.levels)
    applies = factor.range_for(config)
    if applies is None:
        raise ValueError(f"factor `{factor.name}` has no range under {dict(config)}")
    tuned = {f.name for f in study.of_role("tuned")}
    hangs_on = [f"{n}={level}" for n, level in applies.when.items() if n in tuned]
    name = f"{factor.name}[{','.join(hangs_on)}]" if hangs_on else factor.name
    if factor.is_whole:
        return name, IntDistribution(int(applies.low), int(applies.high), log=factor.log)
    return name, FloatDistribution(applies.low, applies.high, log=factor.log)
