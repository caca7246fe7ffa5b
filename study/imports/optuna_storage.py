"""A study of Optuna, in any storage that Optuna opens."""

import math
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from study.errors import StudyError
from study.imports.search import Domain, Search, State, Trial

_SQLITE: Final = b"SQLite format 3\0"
_FILE_URL: Final = "sqlite:///"

_MOST_STEPS: Final = 12
"""Values up to which a number in steps is a factor of levels."""

_STATES: Final[dict[TrialState, State]] = {
    TrialState.COMPLETE: "completed",
    TrialState.PRUNED: "stopped",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "interrupted",
}


def read_optuna(storage: str, study: str | None = None) -> Search:
    """A study in a journal file, a file of SQLite, or at any URL that Optuna takes.

    Args:
        storage: Path or URL.
        study: The study's name; None: the only one.

    Raises:
        StudyError: There is no such storage or study, or it has several objectives.
    """
    opened = _open(storage)
    try:
        return search_of(_load(opened, storage, study), storage)
    except StudyError:
        raise
    except Exception as error:
        # what a storage raises over what is damaged in it is its driver's own affair
        raise _unreadable(storage, error) from error


def search_of(found: optuna.Study, storage: str) -> Search:
    """A study of Optuna that has been opened.

    Args:
        found: It.
        storage: Where it lies, in words.

    Raises:
        StudyError: It has several objectives.
    """
    if len(found.directions) > 1:
        raise StudyError(
            f"{_without_password(storage)}: study {found.study_name} has {len(found.directions)} "
            "objectives; a report is of one. Export a table with `trials_dataframe` and import "
            "that"
        )
    trials = found.get_trials(deepcopy=False)
    waiting = sum(trial.state == TrialState.WAITING for trial in trials)
    begun = [trial for trial in trials if trial.state != TrialState.WAITING]
    names = found.metric_names
    return Search(
        source=f"Optuna, study {found.study_name} in {_without_password(storage)}",
        metric=names[0] if names else "value",
        is_minimised=found.directions[0] == StudyDirection.MINIMIZE,
        trials=tuple(map(_trial, begun)),
        step="step",
        notes=(f"Trials that waited and never began are left out: {waiting}.",) * bool(waiting),
    )


def _load(opened: Any, storage: str, study: str | None) -> optuna.Study:
    names = optuna.get_all_study_names(opened)
    if study is None and len(names) == 1:
        study = names[0]
    if study not in names:
        there = ", ".join(sorted(names)) or "none"
        asked = f"no study {study}" if study else "several studies" if names else "no study"
        raise StudyError(
            f"{_without_password(storage)}: {asked}; name one by --study, there are: {there}"
        )
    return optuna.load_study(study_name=study, storage=opened)


def _open(storage: str) -> Any:
    """What Optuna takes for a storage; nothing is made where nothing was."""
    path = Path(storage.removeprefix(_FILE_URL))
    is_url = "://" in storage and not storage.startswith(_FILE_URL)
    if is_url:
        return _as_it_stands(storage)
    if not path.is_file():
        raise StudyError(f"{storage}: no such file; give a journal, a file of SQLite, or a URL")
    with path.open("rb") as file:
        is_sqlite = file.read(len(_SQLITE)) == _SQLITE
    if is_sqlite or storage.startswith(_FILE_URL):
        return _as_it_stands(f"{_FILE_URL}{path}")
    try:
        return JournalStorage(JournalFileBackend(str(path)))
    except Exception as error:
        # any line of a damaged journal may mean anything to Optuna
        raise _unreadable(storage, error) from error


def _as_it_stands(url: str) -> RDBStorage:
    """A database, in which Optuna makes its own tables unless it is told not to."""
    try:
        return RDBStorage(url, skip_table_creation=True)
    except Exception as error:
        # what a database raises is its driver's own affair
        raise _unreadable(url, error) from error


def _unreadable(storage: str, error: Exception) -> StudyError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return StudyError(f"{_without_password(storage)}: Optuna cannot read it ({reason})")


def _without_password(storage: str) -> str:
    scheme, mark, rest = storage.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def _trial(trial: FrozenTrial) -> Trial:
    state = _STATES[trial.state]
    domains = {name: _domain(one) for name, one in trial.distributions.items()}
    value = trial.values[0] if trial.values else None
    error = str(trial.system_attrs.get("fail_reason", ""))
    steps = sorted(trial.intermediate_values.items())
    if state == "completed" and (value is None or not math.isfinite(value)):
        state, error = "failed", f"its value is {value}"
    if state == "failed" and any(math.isnan(end) for _, end in steps[-1:]):
        error = error or "its last intermediate value is nan"
    return Trial(
        name=str(trial.number),
        state=state,
        params={name: _spelled(value, domains[name]) for name, value in trial.params.items()},
        domains=domains,
        curve=tuple((float(at), float(end)) for at, end in steps if math.isfinite(end)),
        value=value if state == "completed" else None,
        error=error,
        started_at=trial.datetime_start,
        ended_at=trial.datetime_complete,
    )


def _grid(distribution: FloatDistribution | IntDistribution) -> tuple[float, ...]:
    """The values of a number that moves in few steps, such as 32, 64, 96; else none."""
    is_whole = isinstance(distribution, IntDistribution)
    step = distribution.step
    if step is None or (is_whole and step == 1):
        return ()
    n = round((distribution.high - distribution.low) / step) + 1
    if n > _MOST_STEPS:
        return ()
    low, high = (Decimal(str(end)) for end in (distribution.low, distribution.high))
    values = (low + k * Decimal(str(step)) for k in range(n))
    return tuple(int(v) if is_whole else float(v) for v in values if v <= high)


def _spelled(value: Any, domain: Domain) -> Any:
    """A value as its domain has it: samplers add steps up, and 0.1 + 2 * 0.1 is not 0.3."""
    if not isinstance(value, float) or value in domain.choices:
        return value
    numbers = [one for one in domain.choices if isinstance(one, float)]
    near = 1e-9 * max(map(abs, numbers), default=0.0)
    return next((one for one in numbers if abs(one - value) < near), value)


def _domain(distribution: BaseDistribution) -> Domain:
    match distribution:
        case CategoricalDistribution():
            return Domain(choices=tuple(distribution.choices))
        case FloatDistribution() | IntDistribution():
            grid = _grid(distribution)
            if grid:
                return Domain(choices=grid)
            return Domain(
                low=float(distribution.low),
                high=float(distribution.high),
                is_log=distribution.log,
                is_whole=isinstance(distribution, IntDistribution),
            )
    raise StudyError(f"{type(distribution).__name__} is no distribution of this Optuna")
