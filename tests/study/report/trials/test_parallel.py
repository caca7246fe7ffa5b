from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.asked.factors import Factor, Range
from study.folder.tables import StudyTables
from study.report.look import arm_marks
from study.report.trials import parallel
from study.report.trials.parallel import parallel_data, parallel_figure, parallel_panel
from tests.study.report.simulated import LR_ONLY, NO_EPOCHS, a_study, tables_of, trial

FACTORS = (
    *LR_ONLY,
    Factor(name="optimizer", role="tuned", levels=("sgd", "adam", "adamw")),
    Factor(name="momentum", role="tuned", ranges=(Range(low=0.0, high=0.9),),
           when={"optimizer": "sgd"}),
    Factor(name="batch_size", role="tuned", levels=(32, 64)),
)  # fmt: skip


def row(
    number: int, rate: float, optimizer: str, value: float, **more: object
) -> dict[str, object]:
    config = {"config/lr": rate, "config/optimizer": optimizer, "config/batch_size": 32}
    momentum = {"config/momentum": 0.5 if number else 0.9} if optimizer == "sgd" else {}
    return trial(number, val_accuracy=value, **config, **momentum, **more)


def small(folder: Path) -> StudyTables:
    trials = pd.DataFrame(
        [
            row(0, 0.001, "sgd", 0.2),
            row(1, 0.01, "sgd", 0.4),
            row(2, 0.1, "adamw", 0.6),
            row(3, 0.5, "adam", 0.9, status="stopped"),
        ]
    )
    return tables_of(folder, a_study(FACTORS), trials, NO_EPOCHS)


def test_axes_are_the_settings_that_differ_and_then_the_metric(tmp_path: Path) -> None:
    data = parallel_data(small(tmp_path))
    # one arm only, and batch_size is 32 everywhere
    names = [axis.name for axis in data.axes]
    assert names == ["lr", "optimizer", "momentum", "validation accuracy"]
    assert data.n_completed == 3
    assert data.n_excluded == 1


def test_numbers_lie_between_their_extremes_on_their_own_scale(tmp_path: Path) -> None:
    data = parallel_data(small(tmp_path))
    np.testing.assert_allclose(data.positions[:, 0], [0, 0.5, 1], atol=1e-12)
    np.testing.assert_allclose(data.positions[:, 3], [0, 0.5, 1], atol=1e-12)
    assert [text for _, text in data.axes[0].ticks] == ["0.001", "0.01", "0.1"]
    assert [text for _, text in data.axes[3].ticks] == [
        "20.0\u202f%", "40.0\u202f%", "60.0\u202f%",
    ]  # fmt: skip


def test_levels_are_spread_a_little_round_even_heights(tmp_path: Path) -> None:
    data = parallel_data(small(tmp_path))
    assert data.axes[1].ticks == ((0.0, "sgd"), (0.5, "adam"), (1.0, "adamw"))
    np.testing.assert_allclose(data.positions[:, 1], [0, 0, 1], atol=0.022)
    assert data.positions[0, 1] != data.positions[1, 1]


def test_a_factor_that_does_not_exist_lies_below_its_axis_as_absent(tmp_path: Path) -> None:
    data = parallel_data(small(tmp_path))
    assert [text for _, text in data.axes[2].ticks] == ["absent", "0.5", "0.7", "0.9"]
    np.testing.assert_allclose(data.positions[:, 2], [1, 0.16, 0], atol=1e-12)
    assert "“absent”: the factor does not exist" in parallel_panel(small(tmp_path)).note


def test_the_best_tenth_is_thick(tmp_path: Path) -> None:
    trials = pd.DataFrame(
        [
            trial(i, val_accuracy=0.3 + i / 100, **{"config/lr": 10.0 ** (-i / 8)})
            for i in range(20)
        ]
    )
    tables = tables_of(tmp_path, a_study(LR_ONLY), trials, NO_EPOCHS)
    data = parallel_data(tables)
    assert data.lines.loc[data.lines["is_top"], "number"].tolist() == [18, 19]
    figure = parallel_figure(data, arm_marks(tables.study))
    assert [(t.line.width, len(t.x)) for t in figure.data] == [(1, 18 * 3), (3, 2 * 3)]
    assert "the best tenth, 2 of them" in parallel_panel(tables).note


def test_a_line_runs_through_all_axes_and_then_breaks(tmp_path: Path) -> None:
    tables = small(tmp_path)
    data = parallel_data(tables)
    thin, thick = parallel_figure(data, arm_marks(tables.study)).data
    np.testing.assert_array_equal(thick.x, [0, 1, 2, 3, np.nan])
    np.testing.assert_allclose(thick.y[:4], data.positions[2], atol=1e-4)
    assert np.isnan(thin.y[[4, 9]]).all()
    assert "Trial 0" in thin.text[0]
    assert "Trial 1" in thin.text[5]
    assert set(thin.text[1:5]) == {None}


def test_many_lines_are_sampled_and_the_best_tenth_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "MOST_LINES", 12)
    trials = pd.DataFrame(
        [trial(i, val_accuracy=i / 100, **{"config/lr": 1 / (i + 1)}) for i in range(60)]
    )
    tables = tables_of(tmp_path, a_study(LR_ONLY), trials, NO_EPOCHS)
    data = parallel_data(tables)
    assert len(data.lines) == 12
    assert data.lines["number"].tolist()[-6:] == [54, 55, 56, 57, 58, 59]
    assert "Drawn: 12 of them" in parallel_panel(tables).note


@pytest.mark.parametrize(
    ("trials", "reason"),
    [
        ([], "No trial has been completed yet."),
        ([trial(0, status="failed", val_accuracy=None)], "No trial has been completed yet."),
        ([trial(0), trial(1)], "No setting differs between the completed trials."),
    ],
)
def test_without_lines_or_axes_a_sentence_says_why(
    tmp_path: Path, trials: list[dict[str, object]], reason: str
) -> None:
    tables = tables_of(tmp_path, a_study(LR_ONLY), pd.DataFrame(trials), NO_EPOCHS)
    panel = parallel_panel(tables)
    assert (panel.figure, panel.reading) == (None, reason)
