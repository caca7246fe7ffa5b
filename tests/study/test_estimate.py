from rich.console import Console

from study.estimate import describe_plan, epochs_of
from study.study_file import load_study
from tests.study.tiny import write_study


def test_the_plan_s_epochs_lie_between_every_stop_at_once_and_no_stop(tmp_path):
    study = load_study(write_study(tmp_path))  # 6 trials, two of the design, of 2 or 3 epochs
    most, fewest = epochs_of(study)
    design = most - 4 * 3  # four search trials of at most three epochs
    assert 2 * 2 <= design <= 2 * 3
    assert fewest == design + 4 * 1  # each stopped at its first rung, after one epoch


def test_a_dry_run_tells_factors_plan_and_cost_and_trains_nothing(tmp_path):
    study = load_study(write_study(tmp_path))
    console = Console(record=True, width=100)
    describe_plan(study, console)
    text = console.export_text()
    for word in ("variant", "org, bcd", "0.001 to 0.1 (log)", "2 design, 4 search", "images/s"):
        assert word in text
    assert {path.name for path in tmp_path.iterdir()} == {"faces", "tiny.toml"}
