from dataclasses import replace

import pytest

from study.folder.tables import StudyTables
from study.report.confirm.seeds import seeds_data, seeds_panel
from study.report.confirm.values import ConfirmedValues


def test_each_seed_is_a_point_and_each_arm_a_mean(
    confirmed_tables: StudyTables, confirmed: ConfirmedValues
) -> None:
    data = seeds_data(confirmed_tables, confirmed)
    assert len(data.points) == 20
    assert data.n_missing == 0
    assert data.measure.column == "test_accuracy"
    for arm, value in data.means.items():
        mean = data.points.loc[data.points["arm"] == arm, "value"].mean()
        assert value.estimate == pytest.approx(mean)


def test_models_that_failed_are_counted_as_left_out(
    confirmed_tables: StudyTables, confirmed: ConfirmedValues
) -> None:
    models = confirmed_tables.confirm
    assert models is not None
    failed = models.assign(test_accuracy=models["test_accuracy"].where(models["seed"] != 0))
    panel = seeds_panel(replace(confirmed_tables, confirm=failed), confirmed)
    assert "n = 16 models: 4 seeds" in panel.note
    assert "Left out: 4 models that did not reach the end." in panel.note
