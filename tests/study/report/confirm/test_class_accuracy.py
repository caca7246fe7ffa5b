import re
from dataclasses import replace

import numpy as np

from agecls.classes import EIGHT
from study.analysis import Predicted
from study.folder.tables import StudyTables
from study.report.confirm.class_accuracy import (
    class_accuracy_data,
    class_accuracy_figure,
    class_accuracy_panel,
)
from study.report.confirm.values import ConfirmedValues
from study.report.look import arm_marks


def test_classes_have_their_images_counted_and_intervals_stay_inside_0_to_100(
    confirmed_tables: StudyTables, confirmed: ConfirmedValues, predicted: Predicted
) -> None:
    data = class_accuracy_data(confirmed, predicted)
    assert sum(data.n_images.values()) == 600
    panel = class_accuracy_panel(confirmed_tables, confirmed, predicted)
    assert panel.figure is not None
    for trace in panel.figure.data:
        top = np.array(trace.y) + np.array(trace.error_y.array)
        bottom = np.array(trace.y) - np.array(trace.error_y.arrayminus)
        assert top.max() <= 100.001
        assert bottom.min() >= -0.001
    lacking = [c for c in EIGHT.names if ("org-scratch", c) not in data.values]
    assert all(f" {c}" in panel.note for c in lacking)
    # images are each class's own: no number of them stands for all classes
    assert re.match(r"n = \d+ seeds on the \w+ split; images of each class below", panel.note)


def test_an_arm_of_which_no_class_was_measured_leaves_the_others_drawn(
    confirmed_tables: StudyTables, confirmed: ConfirmedValues, predicted: Predicted
) -> None:
    data = class_accuracy_data(confirmed, predicted)
    others = {key: value for key, value in data.values.items() if key[0] != "org-scratch"}
    figure = class_accuracy_figure(replace(data, values=others), arm_marks(confirmed_tables.study))
    assert len(others) > 0
    assert {t.name: len(t.y) > 0 for t in figure.data} == {
        arm: arm != "org-scratch" for arm in data.arms
    }
