import io
from dataclasses import replace

import pytest
from rich.console import Console

from study.asked.study_file import load_study
from study.folder.record import Record
from study.running.search_state import Search
from study.running.terminal import SearchDisplay
from study.stages.search import summary
from tests.small_studies import study_toml


@pytest.fixture
def search(tmp_path):
    """Two trials ended: the better kappa has the lower accuracy."""
    path = tmp_path / "tried.toml"
    path.write_text(study_toml(trials=8, lengths=(1, 2), design_share=1.0))
    study = replace(load_study(path), metric="val_qwk")
    with Record(tmp_path) as record:
        search = Search(study, record, tmp_path)
        of_one_arm = []
        while len(of_one_arm) < 2:
            assignment = search.next()
            trial = record.trials[assignment.number]
            of_one_arm += [trial.number] if trial.arm == record.trials[0].arm else []
            n = len(of_one_arm)
            for epoch in range(1, assignment.epochs_planned + 1):
                metrics = {"val_accuracy": 0.5 - 0.1 * n, "val_qwk": 0.3 + 0.1 * n}
                more = {"epoch": epoch, "seconds": 1.0, "images_per_second": 9.0}
                search.finished_epoch(assignment.number, metrics | more)
        yield search


def shown(search, *, is_terminal):
    console = Console(file=io.StringIO(), width=200, force_terminal=is_terminal)
    display = SearchDisplay(search, majority=0.25, console=console)
    display._shown.clear()
    display.tick()
    console.print(display._draw())
    return console.file.getvalue()


def test_what_is_searched_for_is_what_is_shown_as_the_best(search):
    table = shown(search, is_terminal=True)
    assert "best validation quadratic weighted kappa" in table
    assert "0.500" in table
    assert "%" not in table  # no accuracy, and no share of the commonest class beside a kappa


def test_a_line_of_an_ended_trial_tells_the_study_s_metric(search):
    lines = shown(search, is_terminal=False)
    assert "validation quadratic weighted kappa 0.400" in lines
    assert "validation quadratic weighted kappa 0.500" in lines


def test_the_end_tells_the_best_kappa_and_not_the_accuracy_of_its_trial(search):
    first = summary(search, 0.25)[0]
    assert "0.500 validation quadratic weighted kappa, the best of 2 completed trials" in first
    assert not any("majority" in line for line in summary(search, 0.25))


def test_accuracies_are_told_in_per_cent_beside_the_commonest_class(search):
    search.study = replace(search.study, metric="val_accuracy")
    assert "40.0 % validation accuracy, the best of 2" in summary(search, 0.25)[0]
    assert "majority class: 25.0 %" in summary(search, 0.25)
    assert "25.0 %" in shown(search, is_terminal=True)
