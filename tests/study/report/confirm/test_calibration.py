from study.analysis import Predicted
from study.folder.tables import StudyTables
from study.report.confirm.calibration import calibration_data, calibration_panel
from study.report.confirm.values import ConfirmedValues


def test_calibration_shows_both_curves_and_their_errors(
    confirmed_tables: StudyTables, confirmed: ConfirmedValues, predicted: Predicted
) -> None:
    data = calibration_data(predicted, confirmed)
    assert data is not None
    assert set(data.bins["tempered"]) == {False, True}
    # the planted models are too sure of themselves: the temperature must bring the error down
    for arm in data.arms:
        assert data.after[arm].estimate < data.before[arm].estimate
    note = calibration_panel(confirmed_tables, confirmed, predicted).note
    assert "n = 5 seeds, 600 images in 100 clusters of the test split" in note
