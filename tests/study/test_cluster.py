import pandas as pd
import pytest

from tests.study import tiny

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture
def cluster(monkeypatch):
    """A Ray cluster of several nodes on this machine; without nodes yet."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    nodes = Cluster()
    yield nodes
    nodes.shutdown()


def test_a_node_that_dies_gives_its_trials_back_and_the_tables_are_those_of_a_calm_run(
    cluster, tmp_path
):
    # All trials of the design: what a search proposes and stops depends on which trial is ahead,
    # and with two at a time on two nodes that is chance.
    study = tiny.write_study(tmp_path, design_share=1.0)
    calm = tiny.run(tmp_path, study, "--concurrency", "1", "--name", "calm")
    assert calm.returncode == 0, calm.stderr
    cluster.add_node(num_cpus=1)
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    storage = tmp_path / "shared"
    process = tiny.start(tmp_path, study, "--address", cluster.address, "--storage", storage)
    record = tmp_path / "results" / "tiny" / "record.jsonl"
    tiny.wait_for_epochs(record, 3, process)
    cluster.remove_node(second, allow_graceful=False)
    _, stderr = process.communicate(timeout=900)
    assert process.returncode == 0, stderr
    expected = tiny.tables(tmp_path / "results" / "calm")
    for ours, theirs in zip(tiny.tables(record.parent), expected, strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
    trials = pd.read_parquet(record.parent / "trials.parquet")
    assert sorted(trials["number"]) == list(range(6))
    assert set(trials["status"]) == {"completed"}
    kept = {path.stem for path in (storage / "tiny").iterdir()}
    best = trials.loc[trials.groupby("arm")["val_accuracy"].idxmax(), "trial_id"]
    assert kept == set(best)


def test_trials_share_a_logical_gpu_by_fractions(cluster, tmp_path):
    cluster.add_node(num_cpus=4, num_gpus=1)
    cluster.wait_for_nodes()
    study = tiny.write_study(tmp_path)
    words = ("--address", cluster.address, "--gpus-per-trial", "0.5")
    done = tiny.run(tmp_path, study, *words)
    assert done.returncode == 0, done.stderr
    trials = pd.read_parquet(tmp_path / "results" / "tiny" / "trials.parquet")
    starts, ends = trials["started_at"], trials["ended_at"]
    at_a_time = [((starts <= start) & (ends > start)).sum() for start in starts]
    assert max(at_a_time) == 2  # as many as the GPU holds; the CPUs would hold four


def test_a_trial_that_no_node_can_hold_is_refused_not_waited_for(tmp_path):
    study = tiny.write_study(tmp_path)
    done = tiny.run(tmp_path, study, "--gpus-per-trial", "2")
    assert done.returncode == 2
    assert "--gpus-per-trial" in done.stderr
