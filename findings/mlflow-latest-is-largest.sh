#!/usr/bin/env bash
# MLflow's latest value of a metric is, within a millisecond, the largest.
#
# Versions    mlflow 3.17.2 (2026-11-28).
# Behaviour   A loss of 0.9, 0.5 and 0.3 is logged without a step, with one time: the run, and so
#             `search_runs`, tables and comparisons of runs, has 0.9 as its value, and its history
#             comes back as 0.3, 0.5, 0.9. `log_metric(..., synchronous=False)` in a loop logs
#             several values a millisecond: of a loss that falls from 2.00 to 0.01 in 200 calls the
#             run has 0.02 to 0.10, in sixteen runs. Without steps all values have step 0, and of
#             equal steps and times the larger value counts as the later one.
# Guessed     The one that was logged last: 0.3, and 0.01.
# Why         A loss is told too high and an accuracy that fell too high as well, so that runs are
#             ranked by their best moment in one metric and by their worst in the other. Logging
#             with `step=` puts it right.
# Known       So on purpose: https://github.com/mlflow/mlflow/issues/990 (2019, before asynchronous
#             logging). Of equal steps without a cure:
#             https://github.com/mlflow/mlflow/issues/11982.
#
# Exit status: 0 as described, 1 otherwise, 2 where the packages cannot be installed. Two minutes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q mlflow==3.17.2 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import logging
import sys

import mlflow

logging.disable(logging.INFO)
mlflow.set_tracking_uri("sqlite:///runs.db")
mlflow.set_experiment("search")
client = mlflow.MlflowClient()
CALLS, RUNS = 200, 5


def logged(times, *, has_steps=False):
    """What a run has as its loss, and the history of it, after three values."""
    with mlflow.start_run() as run:
        for place, (value, time) in enumerate(zip((0.9, 0.5, 0.3), times, strict=True)):
            mlflow.log_metric("loss", value, timestamp=time, step=place if has_steps else None)
    history = client.get_metric_history(run.info.run_id, "loss")
    return client.get_run(run.info.run_id).data.metrics["loss"], [m.value for m in history]


def in_a_loop():
    """A run's loss after values that fall to 0.01, and in how many milliseconds they came."""
    with mlflow.start_run() as run:
        for left in range(CALLS, 0, -1):
            mlflow.log_metric("loss", left / 100, synchronous=False)
    history = client.get_metric_history(run.info.run_id, "loss")
    assert len(history) == CALLS
    n_times = len({metric.timestamp for metric in history})
    return client.get_run(run.info.run_id).data.metrics["loss"], n_times


print(f"versions: mlflow {mlflow.__version__}")
together, history = logged([1000, 1000, 1000])
apart, _ = logged([1000, 1001, 1002])
stepped, _ = logged([1000, 1000, 1000], has_steps=True)
found = mlflow.search_runs(order_by=["attributes.start_time ASC"])["metrics.loss"].tolist()
loops = [in_a_loop() for _ in range(RUNS)]
print(f"seen: 0.9, 0.5, 0.3 of one time: the run has {together}, its history {history}")
print(f"seen: search_runs has {found[0]}")
for last, n_times in loops:
    print(f"seen: falling to 0.01 in {CALLS} calls: the run has {last}; in {n_times} milliseconds")
print(f"guessed: 0.3 and 0.01, as with a time ({apart}) or a step ({stepped}) for each")
print("why: the value that runs are compared by is not the one that they ended with")

as_described = (
    together == 0.9
    and history == [0.3, 0.5, 0.9]
    and found[0] == 0.9
    and apart == stepped == 0.3
    and all(n_times < CALLS for _, n_times in loops)
    and max(last for last, _ in loops) > 0.01
)
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" -W ignore finding.py
