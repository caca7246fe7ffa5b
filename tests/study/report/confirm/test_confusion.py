import numpy as np
import pytest

from study.analysis import Predicted
from study.report.confirm.confusion import confusion_data, confusion_panel
from study.report.confirm.values import ConfirmedValues


def test_confusion_rows_sum_to_one_and_the_diagonal_is_the_recall(
    confirmed: ConfirmedValues, predicted: Predicted
) -> None:
    data = confusion_data(predicted, split="test")
    assert data is not None
    shares = data.shares["org-scratch"]
    known = ~np.isnan(shares[:, 0])
    assert shares[known].sum(axis=1) == pytest.approx(np.ones(known.sum()))
    recall = confirmed.get("org-scratch", split="test", metric="recall", class_="a")
    assert recall is not None
    assert shares[0, 0] == pytest.approx(recall.estimate)
    assert sum(data.n_images.values()) == 600
    assert confusion_panel(predicted, split="nowhere").figure is None
