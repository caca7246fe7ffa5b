import pytest

from agecls.errors import AgeclsError
from agecls.recipe import Recipe
from study.asked.study_file import load_study
from study.cost.benchmark import Rate, advice, best, counts, deepest, measure
from study.cost.measured import measured_recipe, precision_to_measure
from tests.study.tiny import write_study

SMALL = Recipe(depth=18, batch_size=8, epochs=1000, lr=1e-3)


def rate(trials, together):
    return Rate(
        trials=trials, threads=8 // trials, images_per_second=together, peak_memory_mib=1e3
    )


def test_a_cpu_is_tried_with_one_trial_per_core_at_most():
    assert counts("cpu", 1) == [1]
    assert counts("cpu", 2) == [1, 2]
    assert counts("cpu", 6) == [1, 2, 4, 6]
    assert counts("cuda", 2) == [1, 2, 4, 8]


@pytest.mark.parametrize(
    ("asked", "measured"),
    [
        ("", "mixed"),
        ('[factors.precision]\nrole = "fixed"\nvalue = "float32"\n', "float32"),
        ('[factors.precision]\nrole = "arm"\nlevels = ["mixed", "float32"]\n', "float32"),
    ],
)
def test_what_is_timed_is_the_slower_of_the_studys_precisions(asked, measured, tmp_path):
    path = write_study(tmp_path)
    path.write_text(path.read_text() + asked)
    study = load_study(path)
    assert precision_to_measure(study) == measured
    assert measured_recipe(study, *deepest(study)).precision == measured


def test_the_fewest_trials_that_are_nearly_the_fastest_are_best():
    assert best([rate(1, 100), rate(2, 110), rate(4, 112), rate(8, 90)]).trials == 2
    assert best([rate(1, 100), rate(2, 90)]).trials == 1


def test_the_advice_is_in_flags_of_the_command():
    rates = [rate(1, 100), rate(4, 300)]
    assert "--gpus-per-trial 0.25)" in advice(rates, "cuda")
    assert "--concurrency 4 --cpus-per-trial 2)" in advice(rates, "cpu")
    assert "300 images/s together, 3.00 times one trial's" in advice(rates, "cpu")


@pytest.mark.slow
def test_two_trials_at_a_time_are_measured_together():
    found = measure(SMALL, 16, 2, device="cpu", seconds=0.2)
    assert found.trials == 2
    assert found.images_per_second > 1
    assert found.peak_memory_mib > 100


def test_a_trial_that_cannot_run_is_told_in_one_line():
    with pytest.raises(AgeclsError, match="ImageError: images of 8 x 8 px are too small"):
        measure(SMALL, 8, 1, device="cpu", seconds=0.2)
