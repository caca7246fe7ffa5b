from importlib.util import find_spec

import pytest

import study
from study.exporters.runs import runs_of
from study.exporters.tensorboard import write_events
from tests.study.planted import START, write_planted

pytestmark = [
    pytest.mark.skipif(find_spec("tensorboard") is None, reason="pip install tensorboard"),
    # its own code calls what numpy and protobuf call deprecated
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """The event files, read by TensorBoard itself: by run, an accumulator."""
    from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer

    folder = tmp_path_factory.mktemp("tensorboard")
    tables = study.load(write_planted(folder / "planted"))
    assert write_events(runs_of(tables), folder / "logs") == 5
    found = EventMultiplexer().AddRunsFromDirectory(str(folder / "logs")).Reload()
    return {name: found.GetAccumulator(name) for name in found.Runs()}


def test_every_run_is_there_under_its_arm(logs):
    assert sorted(logs) == [
        "pretrained/t00001",
        "pretrained/t00003",
        "scratch/scratch-seed99",
        "scratch/t00000",
        "scratch/t00002",
    ]


def test_scalars_have_the_tables_values_epochs_and_times(logs):
    found = logs["scratch/t00000"]
    assert found.Tags()["scalars"] == ["learning_rate", "train_loss", "val_accuracy"]
    started = START.timestamp()
    assert [(s.step, s.wall_time, s.value) for s in found.Scalars("val_accuracy")] == [
        (1, started + 10, 0.75),
        (2, started + 22, 0.5),
    ]
    assert [s.value for s in found.Scalars("train_loss")] == [2.0, 1.5]
    assert logs["pretrained/t00001"].Tags()["scalars"] == []
    confirmed = logs["scratch/scratch-seed99"].Scalars("test_accuracy")
    assert [(s.step, s.value) for s in confirmed] == [(2, pytest.approx(0.4))]


def test_the_hparams_page_has_every_factor_and_how_the_run_ended(logs):
    from tensorboard.plugins.hparams import api_pb2, metadata

    def plugin(run):
        return logs[run].PluginTagToContent("hparams")

    content = plugin("scratch/t00000")
    start = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    assert start.hparams["lr"].number_value == 0.01
    assert start.hparams["zero_gamma"].bool_value is True
    assert start.hparams["init"].string_value == "scratch"
    for name, value in {"stage": "search", "origin": "design", "status": "completed"}.items():
        assert start.hparams[name].string_value == value
    assert start.start_time_secs == START.timestamp()

    ends = {}
    for run in ("scratch/t00000", "scratch/t00002", "pretrained/t00001", "pretrained/t00003"):
        content = plugin(run)
        end = metadata.parse_session_end_info_plugin_data(content[metadata.SESSION_END_INFO_TAG])
        ends[run[-1]] = end.status
    assert ends == {
        "0": api_pb2.STATUS_SUCCESS,
        "2": api_pb2.STATUS_SUCCESS,
        "1": api_pb2.STATUS_FAILURE,
        "3": api_pb2.STATUS_RUNNING,
    }
