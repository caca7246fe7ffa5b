import pytest

from study.folder.tables import StudyTables
from study.report.confirm.arms import CHOSEN, SEARCH_BEST, confirmed_arms_data
from study.report.confirm.values import ConfirmedValues
from tests.study.report.confirming import RISE


def test_the_search_s_best_stands_beside_the_confirmed_value(
    confirmed_tables: StudyTables, confirmed: ConfirmedValues
) -> None:
    data = confirmed_arms_data(confirmed_tables, confirmed)
    rows = data.rows[data.rows["arm"] == "org-pretrained"].set_index("what")
    assert list(rows.index) == [SEARCH_BEST, CHOSEN, "val", "test", "test without duplicates"]
    # planted: the search flatters by three points
    assert rows["value"][SEARCH_BEST] - rows["value"]["val"] == pytest.approx(RISE)
    assert rows.loc[[SEARCH_BEST, CHOSEN], "low"].isna().all()
    on_test = rows.loc["test"]
    assert on_test["low"] < on_test["value"] < on_test["high"]
