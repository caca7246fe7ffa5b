import shutil
from dataclasses import replace

import pandas as pd
import pytest
from rich.console import Console

from agecls.data.loading import Reading, load_data
from study.asked.study_file import load_study
from study.cost.begun import NOTHING, Begun
from study.cost.estimate import describe_plan, epochs_of, gpu_prediction, plan_lines
from study.errors import RecordError, StudyError
from study.folder.folder import Folder
from study.folder.record import TrialRecord
from study.plan.trials import plan_trials
from tests.small_studies import to_settle
from tests.study.tiny import write_study


def test_the_plan_s_epochs_lie_between_every_stop_at_once_and_no_stop(tmp_path):
    study = load_study(write_study(tmp_path))  # 6 trials, two of the design, of 2 or 3 epochs
    most, fewest = epochs_of(study)
    design = most - 4 * 3  # four search trials of at most three epochs
    assert 2 * 2 <= design <= 2 * 3
    assert fewest == design + 4 * 1  # each stopped at its first rung, after one epoch


def record_of(number, *, end, n_epochs):
    return TrialRecord(
        number=number, arm="org", origin="design", config={}, seed=0, epochs_planned=3,
        started_at=0.0, epochs=[{}] * n_epochs, end=end,
    )  # fmt: skip


def test_only_what_is_not_on_record_is_priced_of_a_study_that_goes_on(tmp_path):
    before = load_study(write_study(tmp_path))  # 6 trials, two of the design, of 2 or 3 epochs
    study = replace(before, trials=8, added=2, added_design=((6, 2),))
    most, fewest = epochs_of(study, NOTHING)
    ended = {n: record_of(n, end={"status": "completed"}, n_epochs=2) for n in range(5)}
    begun = Begun(search=ended | {5: record_of(5, end=None, n_epochs=1)})
    of_added = sum(int(p.config["epochs"]) for p in plan_trials(study)[6:])
    # of the one under way a rung is behind it, and two more epochs may come
    assert epochs_of(study, begun) == (2 + of_added, of_added)
    assert most - (2 + of_added) > fewest - of_added > 0
    assert [*plan_lines(study, begun)][1:] == ["5 of these have ended; left: 1 search, 2 design"]
    assert epochs_of(before, Begun(search=ended)) == (3, 1)


def test_a_confirmation_and_a_settling_on_record_are_not_priced_again(tmp_path, monkeypatch):
    monkeypatch.setattr("study.cost.estimate.seconds_per_image", lambda *_: 0.1)
    path = write_study(tmp_path)
    path.write_text(path.read_text() + "[confirm]\nseeds = 2\n" + to_settle(8, lengths=(2, 3)))
    study = load_study(path)
    console = Console(record=True, width=300)
    begun = Begun(n_confirmed=4, is_settling=True)
    describe_plan(study, console, at_a_time=2, begun=begun)
    text = console.export_text()
    assert "(no stop), the confirmation up to 0 s" in text
    assert "then settling, which has begun: study.settle --dry-run tells" in text
    assert "rows cross" not in text


def test_an_arm_without_a_trial_to_confirm_is_not_priced_for_ever(tmp_path):
    path = write_study(tmp_path)
    path.write_text(path.read_text() + "[confirm]\nseeds = 2\n")
    study = load_study(path)  # of two arms
    assert Begun().to_confirm(study) == 4
    choice = Folder(tmp_path).confirm.choice
    choice.parent.mkdir(parents=True)
    choice.write_text('[{"arm": "org"}]')
    begun = Begun.of(tmp_path)
    assert begun.to_confirm(study) == 2
    assert replace(begun, n_confirmed=2).to_confirm(study) == 0
    assert replace(begun, n_confirmed=3).to_confirm(study) == 0  # of more seeds, by --seeds
    choice.write_text('[{"arm": ')
    with pytest.raises(
        RecordError, match=r"choice\.json: not as this tool wrote it .* from a copy"
    ):
        Begun.of(tmp_path)


def test_a_dry_run_tells_factors_plan_and_cost_and_trains_nothing(tmp_path):
    study = load_study(write_study(tmp_path))
    console = Console(record=True, width=100)
    describe_plan(study, console, at_a_time=2)
    text = console.export_text()
    for word in ("variant", "org, bcd", "0.001 to 0.1 (log)", "2 design, 4 search", "images/s"):
        assert word in text
    assert "predicted, not measured" in text
    assert {path.name for path in tmp_path.iterdir()} == {"faces", "tiny.toml"}


def test_a_dry_run_counts_what_a_fold_is_trained_on_and_every_training_of_the_confirm_stage(
    tmp_path,
):
    path = write_study(tmp_path)
    path.write_text(path.read_text() + "[folds]\nk = 3\n[confirm]\nseeds = 2\n")
    study = load_study(path)
    n = sum(
        load_data(study.data, Reading(size=study.size, seed=study.seed)).summary["images"].values()
    )
    console = Console(record=True, width=300)
    describe_plan(study, console, at_a_time=2)
    text = console.export_text()
    assert f"{n - round(n / 3)} training and {round(n / 3)} validation images" in text
    assert "2 seeds an arm times 3 folds to confirm" in text
    assert "3 folds of train and val" in text


@pytest.mark.parametrize(("deduplicate", "extra"), [("true", 0), ("false", 1)])
def test_a_dry_run_counts_copies_where_the_study_trains_on_them(tmp_path, deduplicate, extra):
    path = write_study(tmp_path)
    text = path.read_text().replace("[data]", f"[data]\ndeduplicate = {deduplicate}")
    path.write_text(text)
    study = load_study(path)
    n_different = len(
        load_data(study.data, Reading(size=study.size, seed=study.seed)).train.labels
    )
    table = tmp_path / "faces" / "custom_train_dataset.csv"
    rows = pd.read_csv(table, dtype=str)
    copy = rows.iloc[[-1]].assign(image_path="copy.jpg")
    images = table.parent / "train_images"
    shutil.copy(images / rows["image_path"].iloc[-1], images / "copy.jpg")
    pd.concat([rows, copy]).to_csv(table, index=False)
    console = Console(record=True, width=100)
    describe_plan(study, console, at_a_time=2)
    assert f"{n_different + extra} training and" in console.export_text()


def test_the_gpu_s_time_is_arithmetic_over_an_assumed_rate(monkeypatch, tmp_path):
    monkeypatch.setattr("study.cost.estimate.forward_flops", lambda variant, depth, size: 2e9)
    study = load_study(write_study(tmp_path))
    line = gpu_prediction(study, n_images=10_000, search=(10, 60), confirm=30)
    # 6 GFLOP an image at 30 TFLOP/s: 5,000 images/s, so an epoch of 10,000 takes two seconds
    assert "6.0 GFLOP an image" in line
    assert "30 TFLOP/s (assumed) trains 5000 images/s" in line
    assert "the search takes 20 s to 2 min 00 s, the confirmation up to 1 min 00 s" in line


def test_scouts_are_part_of_the_plan_and_of_the_cost(tmp_path):
    path = write_study(tmp_path)
    without = load_study(path)
    table = "[scout]\ntrials = 3\nepochs = 2\n[data]"
    path.write_text(path.read_text().replace("[data]", table, 1))
    study = load_study(path)
    # three scouts of two epochs in each of two arms
    assert [a - b for a, b in zip(epochs_of(study), epochs_of(without), strict=True)] == [12, 12]
    running, ended = (
        record_of(n, end=end, n_epochs=2) for n, end in enumerate((None, {"status": "completed"}))
    )
    half_way = Begun(scouts={0: replace(running, epochs_planned=2, epochs=[{}]), 1: ended})
    most, _ = epochs_of(study)
    assert epochs_of(study, half_way)[0] == most - 1 - 2
    console = Console(record=True, width=100)
    describe_plan(study, console, at_a_time=2)
    assert "6 scouts of 2 epochs come first and set the ranges of lr" in console.export_text()


SETTLE = to_settle(14, lengths=(2, 3)) + 'time_budget = "2h"\n'


def test_a_dry_run_tells_what_settling_would_do_and_cost(tmp_path):
    path = write_study(tmp_path)
    path.write_text(path.read_text() + SETTLE)
    console = Console(record=True, width=400)
    describe_plan(load_study(path), console, at_a_time=2)
    text = console.export_text()
    assert "rate_matters is not asked and keeps its answer: it is not about two levels" in text
    assert "then settling: 4 rows cross variant and epochs; 3 blocks of 4 trainings" in text
    assert "12 in all; each block on one of 5 folds" in text
    assert "up to 30 epochs take up to" in text  # three times two of 2 and two of 3 epochs
    assert "within 2 h" in text


def test_a_dry_run_refuses_trainings_that_make_no_block(tmp_path):
    path = write_study(tmp_path)
    path.write_text(path.read_text() + SETTLE.replace("14", "1"))
    with pytest.raises(StudyError, match="1 training was asked for, and the first block takes 4"):
        describe_plan(load_study(path), Console(quiet=True), at_a_time=2)
