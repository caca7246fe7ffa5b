import numpy as np

from study.analysis.maths.box import build_box, coordinates_of
from study.analysis.maths.support import Support
from study.asked.study import Study

NAN = np.nan


def support_of(study: Study, rows: list[list[float]]) -> Support:
    x = np.array(rows)
    return Support(
        box=build_box(study), x=x, is_design=np.ones(len(x), dtype=bool), more=study.way_to_more
    )


def test_trials_are_counted_per_level_third_and_where_a_factor_exists(study: Study):
    support = support_of(
        study, [[0, 0.0, 1, 0], [0, 0.32, 0, 0], [0, 0.34, 0, 2], [1, 1.0, NAN, 2]]
    )
    assert support.counts(0).tolist() == [3, 1]
    assert support.counts(1).tolist() == [2, 1, 1]
    assert support.counts(2).tolist() == [2, 1]
    assert support.fewest(3) == 0


def test_a_pair_is_counted_in_quarters(study: Study):
    support = support_of(
        study, [[0, 0.1, 1, 0], [0, 0.9, 0, 0], [1, 0.2, NAN, 0], [1, 0.6, NAN, 0]]
    )
    assert support.fewest_of_pair(0, 1) == 1
    assert support.fewest_of_pair(1, 2) == 0


def test_trials_match_a_row_where_it_has_values(study: Study):
    support = support_of(study, [[0, 0.1, 1, 0], [1, 0.9, NAN, 0], [0, 0.2, NAN, 1]])
    row = coordinates_of(support.box, {"init": "scratch", "loss": "ce"})
    assert support.matching(row).tolist() == [True, False, False]
