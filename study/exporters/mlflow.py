"""A study's runs as runs of one MLflow experiment."""

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

from study.errors import StudyError
from study.exporters.runs import Run, runs_of
from study.folder.folder import Folder
from study.folder.tables import StudyTables

_AT_ONCE: Final = 1000
"""Metrics that MLflow takes in one call."""

_REFUSED: Final = re.compile(r"[^\w\-. :/]")
"""What no name may hold there, such as the sign in `recall@5`."""

_LONGEST: Final = 250
"""Characters of a name."""

_STATUSES: Final = {"completed": "FINISHED", "failed": "FAILED"}
"""Others did not run to their end: KILLED. The tag `status` says which it was."""


def export(tables: StudyTables, to: str | None) -> str:
    """See `study.exporters.forms.Exporter`; `to` is a file or a tracking URI."""
    study, store = tables.study, to or str(Folder(tables.folder).mlflow)
    if "://" not in store and not store.startswith("databricks"):
        store = f"sqlite:///{Path(store).absolute()}"
    runs = list(runs_of(tables))
    names = other_names(_names(runs))
    tags = {"question": study.question or "", "metric": study.metric, "data": study.data}
    renamed = ", ".join(f"{name!r} is {other!r}" for name, other in names.items())
    if renamed:
        tags["renamed"] = renamed
    n = log_runs(runs, store, experiment=study.name, tags=tags, names=names)
    told = f"{store}: {n} runs in the experiment {study.name}"
    return f"{told}; there, since MLflow takes no such names: {renamed}" if renamed else told


def other_names(names: Iterable[str]) -> dict[str, str]:
    """What MLflow is to call metrics and parameters whose names it refuses, by those names.

    No two become one, nor one that keeps its name; case does not count, as in some databases.
    """
    nearest = {name: _nearest(name) for name in sorted(names)}
    used = {name.casefold() for name, other in nearest.items() if name == other}
    found = {}
    for name, other in nearest.items():
        if name == other:
            continue
        numbered = (f"{other}-{n}" for n in count(2))
        found[name] = next(o for o in chain([other], numbered) if o.casefold() not in used)
        used.add(found[name].casefold())
    return found


def _nearest(name: str) -> str:
    """The name itself, or one like it that MLflow takes."""
    other = _REFUSED.sub("_", name)
    is_plain = other == posixpath.normpath(other) and not other.startswith(("..", "/"))
    if not is_plain or other == ".":  # MLflow refuses what is no plain path
        other = re.sub(r"^\.+|/", "_", other)
    if other == name and len(name) <= _LONGEST:
        return name
    return other[: _LONGEST - 10]  # room for a number


def log_runs(
    runs: Iterable[Run],
    store: str,
    *,
    experiment: str,
    tags: dict[str, str],
    names: Mapping[str, str],
) -> int:
    """Log each run to a new experiment of the store; how many.

    Args:
        runs: From `study.exporters.runs`.
        store: A tracking URI, such as `sqlite:///mlflow.db`.
        experiment: Its name.
        tags: Of the experiment.
        names: From `other_names`.

    Raises:
        StudyError: The experiment is there already, or the store cannot be used.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing here phones home
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    try:
        client = MlflowClient(tracking_uri=store)
        if client.get_experiment_by_name(experiment) is not None:
            raise StudyError(
                f"{store}: the experiment {experiment!r} is there already; delete it, or give "
                "another --to"
            )
        place = client.create_experiment(experiment, tags=tags)
        written = 0
        for run in runs:
            _log(client, place, run, names)
            written += 1
    except MlflowException as error:
        raise StudyError(f"{store}: MLflow says: {error}") from error
    return written


def _log(client: Any, experiment: str, run: Run, names: Mapping[str, str]) -> None:
    from mlflow.entities import Metric, Param, RunTag

    at = round(1000 * run.started_at)
    made = client.create_run(experiment, start_time=at, run_name=run.name)
    params = [Param(names.get(name, name), str(value)) for name, value in run.parameters.items()]
    tags = [RunTag(k, v) for k, v in {"stage": run.stage, **run.tags}.items()]
    client.log_batch(made.info.run_id, params=params, tags=tags)
    metrics = [
        Metric(names.get(name, name), value, round(1000 * point.at), point.epoch)
        for point in run.curve
        for name, value in point.values.items()
    ]
    for some in _parts(metrics):
        client.log_batch(made.info.run_id, metrics=some)
    client.set_terminated(
        made.info.run_id,
        _STATUSES.get(run.status, "KILLED"),
        end_time=round(1000 * run.ended_at),
    )


def _names(runs: Iterable[Run]) -> set[str]:
    parameters = {name for run in runs for name in run.parameters}
    return parameters.union(*(point.values for run in runs for point in run.curve))


def _parts(metrics: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (metrics[n : n + _AT_ONCE] for n in range(0, len(metrics), _AT_ONCE))
