"""A study's runs as TensorBoard event files: a curve per metric, and the HPARAMS page."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from study.errors import StudyError
from study.exporters.runs import Run, runs_of
from study.folder.folder import Folder
from study.folder.tables import StudyTables


def export(tables: StudyTables, to: str | None) -> str:
    """See `study.exporters.forms.Exporter`; `to` is a new or empty folder."""
    folder = Path(to or Folder(tables.folder).tensorboard)
    if folder.exists() and any(folder.iterdir()):
        raise StudyError(f"{folder} is no empty folder; remove it, or give another --to")
    return f"{folder}: {write_events(runs_of(tables), folder)} runs"


def write_events(runs: Iterable[Run], folder: Path) -> int:
    """Write `ARM/RUN/events…` for each run below the folder; how many.

    What the HPARAMS page shows TensorBoard gathers from the runs by itself.

    Args:
        runs: From `study.exporters.runs`.
        folder: What `tensorboard --logdir` takes.
    """
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    written = 0
    for run in runs:
        writer = EventFileWriter(str(folder / run.group / run.name))
        started = hparams_pb(_parameters(run), trial_id=run.name, start_time_secs=run.started_at)
        writer.add_event(_event(started, run.started_at))
        for point in run.curve:
            writer.add_event(_event(_scalars(point.values), point.at, step=point.epoch))
        writer.add_event(_event(_end(run), run.ended_at))
        writer.close()
        written += 1
    return written


def _parameters(run: Run) -> dict[str, Any]:
    """What the HPARAMS page may filter by."""
    return {**run.parameters, "stage": run.stage, **run.tags}


def _event(summary: Any, at: float, *, step: int = 0) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event

    return Event(summary=summary, wall_time=at, step=step)


def _scalars(values: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=k, simple_value=v) for k, v in values.items()])


def _end(run: Run) -> Any:
    """How it ended. TensorBoard's own function for this wants TensorFlow."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    ended = {"failed": api_pb2.STATUS_FAILURE, "interrupted": api_pb2.STATUS_RUNNING}
    info = plugin_data_pb2.SessionEndInfo(
        status=ended.get(run.status, api_pb2.STATUS_SUCCESS), end_time_secs=run.ended_at
    )
    data = plugin_data_pb2.HParamsPluginData(session_end_info=info)
    return Summary(
        value=[
            Summary.Value(
                tag=metadata.SESSION_END_INFO_TAG,
                metadata=metadata.create_summary_metadata(data),
                tensor=metadata.NULL_TENSOR,
            )
        ]
    )
