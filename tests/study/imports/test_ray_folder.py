import json

import pytest

from study.errors import StudyError
from study.imports.lengths import with_lengths
from study.imports.ray_folder import read_ray
from tests.study.imports.searches import ray_state, ray_trial

CONFIG = {"opt": {"rate": 0.01}, "net": "ORG", "act": None}


def curve(n, end=0.3):
    return [end + 1 / k - 1 / 9 for k in range(1, n + 1)]


@pytest.fixture
def experiment(tmp_path):
    """An experiment that was killed: one trial at its end, one stopped, failed, cut, waiting."""
    home = tmp_path / "exp"
    names = [
        ray_trial(home, 1, CONFIG, curve(9)),
        ray_trial(home, 2, CONFIG, curve(3)),
        ray_trial(home, 3, CONFIG, curve(2), is_done=False, error="RuntimeError: loss is nan"),
        ray_trial(home, 4, CONFIG, curve(5), is_done=False),
        ray_trial(home, 5, CONFIG, [], is_done=False),
    ]
    states = ("TERMINATED", "TERMINATED", "ERROR", "RUNNING", "PENDING")
    ray_state(home, {n: (s, CONFIG) for n, s in zip(names, states, strict=True)})
    return home


def test_an_interrupted_experiment_is_read_without_unpickling(experiment):
    search = read_ray(experiment)
    assert (search.metric, search.is_minimised) == ("loss", True)
    assert [t.name for t in search.trials] == [f"{n:08x}" for n in range(1, 6)]
    assert search.trials[0].params == {"opt/rate": 0.01, "net": "ORG", "act": None}
    assert search.trials[0].value == pytest.approx(0.3)
    assert search.trials[2].error == "RuntimeError: loss is nan"
    assert [t.state for t in search.trials] == [
        "completed", "completed", "failed", "interrupted", "interrupted",
    ]  # fmt: skip


def test_what_asha_stopped_is_no_completed_trial(experiment):
    paced = with_lengths(read_ray(experiment))
    assert [p.state for p in paced.trials[:3]] == ["completed", "stopped", "failed"]
    assert [p.run for p in paced.trials] == [9, 3, 2, 5, 0]
    assert (paced.epochs, paced.n_cut) == (9, 1)


def test_folders_of_trials_alone_suffice(experiment):
    [state] = experiment.glob("experiment_state-*.json")
    state.unlink()
    with pytest.raises(StudyError, match="give --metric, trials reported: loss"):
        read_ray(experiment)
    search = read_ray(experiment, metric="loss")
    assert [t.state for t in search.trials] == [
        "completed", "completed", "failed", "interrupted", "interrupted",
    ]  # fmt: skip


def test_a_state_that_was_being_written_gives_way_to_an_earlier_one(experiment):
    (experiment / "experiment_state-2026-11-28_09-00-00.json").write_text('{"trial_data": [["{')
    assert len(read_ray(experiment).trials) == 5


def test_a_line_that_was_being_written_is_counted(experiment):
    last = next(experiment.glob("train_00000004*")) / "result.json"
    with last.open("a") as file:
        file.write('{"loss": 0.2, "training_it')
    search = read_ray(experiment)
    assert search.left_out == {"lines of result.json that are not whole": 1}
    assert len(search.trials[3].curve) == 5


def test_a_line_that_is_no_result_is_counted_and_a_damaged_configuration_replaced(experiment):
    [state] = experiment.glob("experiment_state-*.json")
    state.unlink()
    home = next(experiment.glob("train_00000004*"))
    with (home / "result.json").open("a") as file:
        file.write("[1, 2]\n")
    for content in ("[]", "{"):
        (home / "params.json").write_text(content)
        search = read_ray(experiment, metric="loss")
        assert search.left_out.total() == 1
        assert search.trials[3].params["opt/rate"] == 0.01


def test_results_have_a_copy_of_the_configuration(tmp_path):
    ray_trial(tmp_path / "exp", 1, CONFIG, curve(3), has_params=False)
    [trial] = read_ray(tmp_path / "exp", metric="loss").trials
    assert trial.params["opt/rate"] == 0.01


def test_a_last_value_of_nan_is_a_failure(tmp_path):
    ray_trial(tmp_path / "exp", 1, CONFIG, [1.0, float("nan")])
    [trial] = read_ray(tmp_path / "exp", metric="loss").trials
    assert (trial.state, trial.error) == ("failed", "its last loss is nan")


def test_a_table_of_progress_will_do(experiment):
    for path in experiment.glob("*/result.json"):
        path.unlink()
    assert len(read_ray(experiment).trials[0].curve) == 9


def test_what_is_no_experiment_is_one_line(tmp_path):
    with pytest.raises(StudyError, match="no such folder"):
        read_ray(tmp_path / "none")
    with pytest.raises(StudyError, match="no trial of Ray Tune lies here"):
        read_ray(tmp_path)


def test_a_name_that_does_not_tell_asks_for_the_direction(tmp_path):
    home = tmp_path / "exp"
    ray_trial(home, 1, CONFIG, curve(3))
    with pytest.raises(StudyError, match="add --direction minimize or --direction maximize"):
        read_ray(home, metric="pid")
    assert not read_ray(home, metric="pid", direction="maximize").is_minimised


def test_trials_that_wait_have_no_folder_and_are_left_out(experiment):
    """Ray names a trial's folder when it begins."""
    [path] = experiment.glob("experiment_state-*.json")
    state = json.loads(path.read_text())
    waiting = {"trial_id": "6", "config": CONFIG, "status": "PENDING", "relative_logdir": None}
    state["trial_data"] += [[json.dumps(waiting | {"trial_id": n}), "{}"] for n in "67"]
    path.write_text(json.dumps(state))
    search = read_ray(experiment)
    assert len(search.trials) == 5
    assert search.left_out == {"trials that waited and never began": 2}


def test_a_direction_that_the_name_told_is_said(experiment):
    assert read_ray(experiment).notes == ("That less of loss is better was told from its name.",)
    assert read_ray(experiment, direction="minimize").notes == ()
