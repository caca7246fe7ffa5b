from study.report.confirm.metrics import METRICS, metrics_data
from study.report.confirm.values import ConfirmedValues


def test_every_metric_is_on_the_split_that_claims_are_judged_on(
    confirmed: ConfirmedValues,
) -> None:
    data = metrics_data(confirmed)
    assert data.split == "test"
    assert data.metrics == tuple(name for name in METRICS if name != "accuracy_top5")
    exact, near = (data.values[m, "org-scratch"] for m in ("accuracy", "accuracy_1off"))
    assert exact.estimate < near.estimate
