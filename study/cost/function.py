"""`--dry-run` of a study of a function: what it would do, and what its first epochs took."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any, Final

from rich.console import Console

from agecls.data.folds import Folds
from study.asked.study import Study
from study.cost.begun import NOTHING, Begun
from study.cost.estimate import epochs_of, factor_table, plan_lines
from study.cost.settling import settle_lines
from study.errors import SearchError
from study.plan.trials import PlannedTrial, plan_trials
from study.quantities import count
from study.running.steps import FAILURE, Place
from study.running.terminal import duration
from study.trainables.called import Calls, Function
from study.trainables.steps import FunctionSteps

MOST_SECONDS: Final = 20.0
"""How long the first epochs may take before the cost is said to be unknown."""

LEAVING: Final = 2.0
"""Seconds for the function to clean up in."""


def describe_function(
    study: Study,
    console: Console,
    *,
    at_a_time: int,
    place: Place,
    near: Path,
    begun: Begun = NOTHING,
) -> None:
    """Print factors, plan and predicted cost; the first trial is begun and given up again.

    Args:
        study: The resolved study.
        console: Where to print.
        at_a_time: Trials that will run side by side.
        place: What one of them will have, and the first one has now.
        near: See `study.trainables.called.Function.of`.
        begun: What is on record of the study.

    Raises:
        StudyError: The function cannot be found or called, or its first epoch fails.
    """
    function = Function.of(study, near=near)
    function.check()
    console.print(factor_table(study))
    lines = list(plan_lines(study, begun))
    folds = None
    if study.folds is not None:
        folds, summary = function.folds(study)
        lines.append(summary["how"])
    given = count(place.threads, "thread") + " and a GPU" * place.wants_gpu
    lines.append(
        f"Calling {function.asked.function} with {given}, at most {duration(MOST_SECONDS)}"
    )
    for line in lines:
        console.print(line, highlight=False, markup=False)
    for line in _cost(study, function, folds, begun, at_a_time, place):
        console.print(line, highlight=False, markup=False)


def _cost(
    study: Study,
    function: Function,
    folds: Folds | None,
    begun: Begun,
    at_a_time: int,
    place: Place,
) -> Iterator[str]:
    plan = plan_trials(study)
    left = begun.left(plan)
    first = next((planned for planned in (*left, *plan) if planned.config is not None), None)
    if first is None:
        yield "cost unknown: no trial is decided before the search (design_share is 0)"
        return
    took = _first_epochs(study, function, folds, first, place)
    if not took:
        limit = duration(MOST_SECONDS)
        yield f"cost unknown: the first trial reported nothing within {limit}"
        return
    per_epoch = took[-1]
    to_begin = max(0.0, took[0] - per_epoch)
    most, fewest = (n * per_epoch + len(left) * to_begin for n in epochs_of(study, begun))
    epoch = "an epoch takes" if len(took) > 1 else "the first epoch, with all before it, takes"
    yield (
        f"measured on the first trial: {epoch} {_short(per_epoch)}; with {at_a_time} trials at a "
        f"time {begun.the_search} takes {duration(fewest / at_a_time)} (every stop at its first "
        f"rung) to {duration(most / at_a_time)} (no stop), if others take as long"
    )
    k = 1 if study.folds is None else study.folds.k
    if n := begun.to_confirm(study):
        longest = n * (study.epochs * per_epoch + to_begin) / at_a_time
        each = "" if k == 1 else f" in each of {k} folds"
        take = "takes" if n == 1 else "take"
        yield (
            f"then confirming: {count(study.confirm_seeds, 'fresh seed')} of each arm{each}, "
            f"{count(n, 'training')} that {take} up to {duration(longest)}"
        )
    yield from settle_lines(study, begun, folds=k, per_epoch=per_epoch, at_a_time=at_a_time)


def _short(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else duration(seconds)


def _first_epochs(
    study: Study, function: Function, folds: Folds | None, planned: PlannedTrial, place: Place
) -> list[float]:
    """Seconds of a trial's first two epochs, of what there was time for.

    Raises:
        SearchError: The trial fails.
    """
    config = planned.config or {}
    work = Calls(function=function, metric=study.metric, folds=folds)
    with tempfile.TemporaryDirectory(prefix="study-dry-", ignore_cleanup_errors=True) as scratch:
        told = {
            "config": config,
            "seed": planned.seed,
            "epochs": int(config["epochs"]),
            "epochs_done": 0,
            "fold": planned.fold,
            "trial_id": "first",
            "storage": scratch,
            **vars(place),
        }
        return _timed(FunctionSteps(**work.shared(None)), told)


def _timed(steps: FunctionSteps, told: dict[str, Any]) -> list[float]:
    until, took = time.monotonic() + MOST_SECONDS, []
    steps.begin(told)
    try:
        for _ in range(min(2, told["epochs"])):
            began = time.monotonic()
            result = steps.step(within=max(0.0, until - began))
            if FAILURE in result:
                raise SearchError(f"the first trial fails: {result[FAILURE]}")
            took.append(time.monotonic() - began)
    except Empty:
        pass
    finally:
        # a function that takes hours does not keep the command
        steps.end(within=LEAVING)
    return took
