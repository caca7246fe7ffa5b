"""What must hold between the parts of a study before a trial of it can be planned."""

from collections.abc import Iterable
from math import prod
from typing import Final

from agecls.nets.families import family_of
from agecls.nets.source_names import has_other_braces
from agecls.recipe import ORDINAL_LOSSES
from study.asked.factors import Config, Factor, Level, by_dependency, holds
from study.asked.plans import PILOT
from study.asked.study import Study, complete
from study.asked.toml_values import Place, Source, shown

MAX_COMBINATIONS: Final = 100_000
"""Combinations of levels that conditions may hang on, per factor; each is looked at."""


def check_study(study: Study, source: Source) -> None:
    """Let a study pass whose every reachable configuration is a valid recipe with a plan.

    Of one that trains nothing only the conditions of its factors have to make sense.

    Raises:
        StudyFileError: The first rule that is broken.
    """
    _check_conditions(study, source)
    if study.imported is not None:
        return
    if study.trainable is None:
        _check_nets(study, source)
        _check_zero_gamma(study, source)
        _check_weights(study, source)
        _check_scout(study, source)
        _check_order_of_classes(study, source)
    else:
        _check_examples(study, source)
    _check_epochs(study, source)
    _check_adaptive(study, source)
    _check_size_of_plan(study, source)
    for number, config in enumerate(study.included):
        _check_included(config, ("include", number), study, source)
    for number, config in enumerate(study.after.recipes if study.after else ()):
        _check_included(config, ("after", "recipe", number), study, source)
    _check_room_for_included(study, source)


def reachable(study: Study, names: Iterable[str]) -> list[dict[str, Level]]:
    """Every combination of levels that these factors, and those they hang on, can have.

    The factors must have levels. Those that do not exist in a combination are absent from it.

    Raises:
        OverflowError: There are more than MAX_COMBINATIONS.
    """
    wanted: set[str] = set()
    new = set(names)
    while new:
        wanted |= new
        new = {d for name in new for d in study.factor(name).depends_on} - wanted
    involved = by_dependency([f for f in study.factors if f.name in wanted])
    if prod(len(f.levels) for f in involved) > MAX_COMBINATIONS:
        raise OverflowError
    configs: list[dict[str, Level]] = [{}]
    for factor in involved:
        configs = [
            {**config, factor.name: level} if factor.exists(config) else config
            for config in configs
            for level in (factor.levels if factor.exists(config) else factor.levels[:1])
        ]
    return configs


def _check_conditions(study: Study, source: Source) -> None:
    try:
        by_dependency(study.factors)
    except ValueError as error:
        problem = f"the conditions of {error} run in a circle; drop one `when`"
        raise source.error(("factors",), problem) from None
    for factor in study.factors:
        _check_reach(factor, study, source)


def _check_reach(factor: Factor, study: Study, source: Source) -> None:
    place: Place = ("factors", factor.name)
    try:
        configs = [c for c in reachable(study, factor.depends_on) if factor.exists(c)]
    except OverflowError:
        problem = f"its conditions have over {MAX_COMBINATIONS:,} combinations; use fewer levels"
        raise source.error(place, problem) from None
    if not configs:
        problem = "it never exists, its `when` asks for levels that never come together"
        raise source.error(place, f"{problem}; change the `when`")
    if not factor.is_numeric:
        return
    applying = [factor.range_for(c) for c in configs]
    if None in applying:
        gap = configs[applying.index(None)]
        problem = f"no range covers {_levels(gap)}; add a [[factors.{factor.name}.range]] for it"
        raise source.error(place, problem)
    for number, declared in enumerate(factor.ranges):
        if not any(r is declared for r in applying):
            problem = "it never applies: earlier ranges, or its own `when`, leave nothing; drop it"
            raise source.error((*place, "range", number), problem)


def _check_nets(study: Study, source: Source) -> None:
    """Refuse a factor for nets to which it means nothing."""
    variants = study.factor("variant").levels
    for factor in study.factors:
        if not any(factor.name in family_of(str(v)).lacks for v in variants):
            continue
        for config in reachable(study, (factor.name, "variant")):
            variant = str(config["variant"])
            if factor.name in config and factor.name in family_of(variant).lacks:
                problem = f"it means nothing to {variant}; {_way_out(factor, variants)}"
                raise source.error(("factors", factor.name), problem)


def _way_out(factor: Factor, variants: Iterable[Level]) -> str:
    """What to write where some nets know a factor and others do not."""
    having = [f'"{v}"' for v in variants if factor.name not in family_of(str(v)).lacks]
    if not having:
        return "drop the factor"
    if len(having) == 1:
        return f"add variant = {having[0]} to its `when`"
    if factor.role == "fixed":
        return f"add variant = [{', '.join(having)}] to its `when`"
    return f"fix it and add variant = [{', '.join(having)}] to its `when`, or drop nets"


def _check_adaptive(study: Study, source: Source) -> None:
    """Refuse seeds that go where the noise is where nothing tells it, or none are left to give."""
    place: Place = ("confirm", "adaptive")
    if not study.confirm_adaptive:
        return
    if study.is_free:
        problem = (
            "seeds go to arms by their spread over folds, but arms of a function are compared on "
            "the seeds that all of them have; drop it, and let `seeds` be what each arm is to have"
        )
        raise source.error(place, problem)
    if study.folds is None:
        problem = "seeds go to arms by their spread over folds; add [folds], or drop it"
        raise source.error(place, problem)
    if 0 < study.confirm_seeds <= PILOT:
        problem = f"every arm has {PILOT} seeds first; ask for {PILOT + 1} or more, or drop it"
        raise source.error(place, problem)


def _check_examples(study: Study, source: Source) -> None:
    """Refuse folds of nobody knows what."""
    asked = study.trainable
    if asked is None or (asked.examples is None) == (study.folds is None):
        return
    if study.folds is not None:
        problem = 'nobody knows of what; add [study] examples = "package.module:function"'
        raise source.error(("folds",), f"{problem}, which returns a label for each example")
    raise source.error(("study", "examples"), "only folds are made of them; add [folds], or drop")


def _check_zero_gamma(study: Study, source: Source) -> None:
    if not any(f.name == "zero_gamma" for f in study.factors):
        return
    together = reachable(study, ("zero_gamma", "init"))
    if any("zero_gamma" in c and c.get("init") == "pretrained" for c in together):
        problem = "under init pretrained it would erase loaded weights; add"
        raise source.error(("factors", "zero_gamma"), f'{problem} when = {{ init = "scratch" }}')


def _check_weights(study: Study, source: Source) -> None:
    if study.weights is not None and study.pretrain is not None:
        problem = "[weights] and [pretrain] both say where pretrained starts; drop one"
        raise source.error(("pretrain",), problem)
    starts_loaded = "pretrained" in study.factor("init").levels
    if starts_loaded and study.weights is None and study.pretrain is None:
        problem = "pretrained needs weights; add [weights] with a source, or [pretrain]"
        raise source.error(("factors", "init"), problem)
    if study.weights is not None:
        _check_weights_source(study.weights, source)


def _check_weights_source(weights: str, source: Source) -> None:
    place: Place = ("weights", "source")
    if weights == "torchvision:":
        problem = "torchvision: is followed by no name; try torchvision:IMAGENET1K_V1"
        raise source.error(place, problem)
    if has_other_braces(weights):
        problem = f"{shown(weights)} holds a brace that is not {{variant}} or {{depth}}"
        raise source.error(place, f"{problem}; fix it")


def _check_epochs(study: Study, source: Source) -> None:
    factor = study.factor("epochs")
    longest = max(int(level) for level in factor.levels)
    if longest > study.epochs:
        problem = f"{longest} is more than [study] epochs = {study.epochs}; raise one, lower one"
        key = "value" if factor.role == "fixed" else "levels"
        raise source.error(("factors", "epochs", key), problem)


def _check_scout(study: Study, source: Source) -> None:
    if study.scout is None:
        return
    rate = next((f for f in study.factors if f.name == "lr"), None)
    if rate is None or not rate.is_numeric:
        problem = "it looks for the range of a tuned `lr`; give that one, or drop [scout]"
        raise source.error(("scout",), problem)
    if study.factor("epochs").role == "arm" or "epochs" in rate.depends_on:
        problem = "its trials are short, so nothing can hang on `epochs`; drop [scout]"
        raise source.error(("scout",), f"{problem}, or tune `epochs` and let `lr` not hang on it")
    if study.scout.epochs > study.epochs:
        problem = f"{study.scout.epochs} is more than [study] epochs = {study.epochs}; lower it"
        raise source.error(("scout", "epochs"), problem)
    declared = study.as_declared
    _check_reach(declared.factor("lr"), declared, source)


def _check_order_of_classes(study: Study, source: Source) -> None:
    """Refuse what asks how far two classes are from each other where they have no order."""
    if study.classes.is_ordered:
        return
    way_out = "these classes have no order; if they have, set [classes] ordered = true"
    places: list[tuple[Place, str | None]] = [(("study", "metric"), study.metric)]
    for claim in study.every_claim:
        table: Place = ("claims",) if claim in study.claims else ("settle", "claims")
        places.append(((*table, claim.name, "metric"), claim.metric))
    for place, metric in places:
        if metric == "val_qwk":
            raise source.error(place, f"val_qwk weighs distances, and {way_out}")
    loss = study.factor("loss")
    for level in loss.levels:
        if level in ORDINAL_LOSSES:
            key = "value" if loss.role == "fixed" else "levels"
            problem = f"{shown(level)} learns an order, and {way_out}"
            raise source.error(("factors", "loss", key), problem)


def _check_size_of_plan(study: Study, source: Source) -> None:
    n_arms = prod(len(f.levels) for f in study.of_role("arm"))
    place: Place = ("study", "trials")
    if study.trials < n_arms:
        problem = f"{study.trials} trials cannot reach {n_arms} arms; expected {n_arms} or more"
        raise source.error(place, problem)
    if study.trials - study.added < n_arms:
        problem = f"{study.added} added trials leave fewer than {n_arms}, one for each arm"
        raise source.error(("study", "added"), f"{problem}; lower it")
    begin = study.trials - study.added
    for n, (first, many) in enumerate(study.added_design):
        if first < begin or many < 1 or first + many > study.trials:
            problem = f"trials {first} to {first + many - 1} are not of the {study.added} added"
            there = f"expected {begin} to {study.trials - 1}, after those before them"
            way_out = f"{there}; a study that begins anew has none"
            raise source.error(("study", "added_design", n), f"{problem}; {way_out}")
        begin = first + many


def _check_included(config: Config, place: Place, study: Study, source: Source) -> None:
    try:
        full = complete(study, config)
    except KeyError as error:
        problem = f"it has no {error.args[0]}; add one, only fixed factors may be left out"
        raise source.error(place, problem) from None
    for name, value in config.items():
        factor = study.factor(name)
        if name not in full:
            problem = "the factor does not exist under the other levels here; drop it"
            raise source.error((*place, name), problem)
        if full[name] != value:
            problem = f"{shown(value)} is not the fixed {shown(full[name])}; drop it or vary it"
            raise source.error((*place, name), problem)
        if not factor.is_numeric and value not in factor.levels:
            there = ", ".join(map(shown, factor.levels))
            problem = f"{shown(value)} is no level of `{name}`; expected one of {there}"
            raise source.error((*place, name), problem)


def _check_room_for_included(study: Study, source: Source) -> None:
    if not study.included:
        return
    first, arms = study.trials - study.added, study.arms
    for index, cell in enumerate(arms):
        room = len(range(index, first, len(arms)))
        asked = sum(holds(cell, config) for config in study.included)
        if asked > room:
            problem = f"{asked} configurations of one arm do not fit into its {room} trials"
            raise source.error(("include",), f"{problem}; raise [study] trials")


def _levels(config: Config) -> str:
    return ", ".join(f"{n} = {shown(v)}" for n, v in config.items()) or "every configuration"
