"""A study's runs as runs of one MLflow experiment."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from study.errors import StudyError
from study.exporters.runs import Run, runs_of
from study.folder.folder import Folder
from study.folder.tables import StudyTables

_AT_ONCE: Final = 1000
"""Metrics that MLflow takes in one call."""

_STATUSES: Final = {"completed": "FINISHED", "failed": "FAILED"}
"""Others did not run to their end: KILLED. The tag `status` says which it was."""


def export(tables: StudyTables, to: str | None) -> str:
    """See `study.exporters.forms.Exporter`; `to` is a file or a tracking URI."""
    study, store = tables.study, to or str(Folder(tables.folder).mlflow)
    if "://" not in store and not store.startswith("databricks"):
        store = f"sqlite:///{Path(store).absolute()}"
    tags = {"question": study.question or "", "metric": study.metric, "data": study.data}
    n = log_runs(runs_of(tables), store, experiment=study.name, tags=tags)
    return f"{store}: {n} runs in the experiment {study.name}"


def log_runs(runs: Iterable[Run], store: str, *, experiment: str, tags: dict[str, str]) -> int:
    """Log each run to a new experiment of the store; how many.

    Args:
        runs: From `study.exporters.runs`.
        store: A tracking URI, such as `sqlite:///mlflow.db`.
        experiment: Its name.
        tags: Of the experiment.

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
            _log(client, place, run)
            written += 1
    except MlflowException as error:
        raise StudyError(f"{store}: MLflow says: {error}") from error
    return written


def _log(client: Any, experiment: str, run: Run) -> None:
    from mlflow.entities import Metric, Param, RunTag

    at = round(1000 * run.started_at)
    made = client.create_run(experiment, start_time=at, run_name=run.name)
    params = [Param(name, str(value)) for name, value in run.parameters.items()]
    tags = [RunTag(k, v) for k, v in {"stage": run.stage, **run.tags}.items()]
    client.log_batch(made.info.run_id, params=params, tags=tags)
    metrics = [
        Metric(name, value, round(1000 * point.at), point.epoch)
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


def _parts(metrics: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (metrics[n : n + _AT_ONCE] for n in range(0, len(metrics), _AT_ONCE))
