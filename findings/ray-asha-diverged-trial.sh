#!/usr/bin/env bash
# Ray Tune's ASHA trains a diverged trial to the end, and Optuna never hears of it.
#
# Versions    ray[tune] 2.60.0, optuna 5.0.0 (2026-11-28).
# Behaviour   Eight trials of up to nine steps, one after the other, best first. The third reports
#             NaN from its first step on. ASHA stops six others after one step and keeps this one
#             through every rung: NaN is not less than a rung's cutoff. At its end OptunaSearch
#             does not get NaN into the study, so that Optuna has the trial as RUNNING for good.
# Guessed     Stopped at the first rung as the worst of all, and FAIL in Optuna, as Optuna's own
#             loop notes a trial whose value is NaN.
# Why         A rate that is too high costs as much as the best trial, and the sampler, told
#             nothing, proposes such rates again. Report a number where training has diverged.
# Known       Cutoffs are no longer NaN since https://github.com/ray-project/ray/issues/6659; the
#             trial itself was not found.
#
# Exit status: 0 as described, 1 otherwise, 2 where the packages cannot be installed. About a
# minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Ray writes a token to the home folder, and its sockets need a short name.
export HOME=$work RAY_TMPDIR=$work RAY_USAGE_STATS_ENABLED=0 RAY_AIR_NEW_OUTPUT=0
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'ray[tune]==2.60.0' optuna==5.0.0 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import sys

import optuna
import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

TRIALS, STEPS, DIVERGED = 8, 9, 2


def train(config):
    number = config["number"]
    for _ in range(STEPS):
        tune.report({"score": float("nan") if number == DIVERGED else 0.9 - 0.1 * number})


optuna.logging.set_verbosity(optuna.logging.ERROR)
ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
search = OptunaSearch(
    metric="score", mode="max", points_to_evaluate=[{"number": n} for n in range(TRIALS)]
)
results = tune.Tuner(
    train,
    param_space={"number": tune.choice(range(TRIALS))},
    tune_config=tune.TuneConfig(
        metric="score",
        mode="max",
        num_samples=TRIALS,
        max_concurrent_trials=1,
        search_alg=search,
        scheduler=ASHAScheduler(max_t=STEPS, grace_period=1, reduction_factor=3),
    ),
    run_config=tune.RunConfig(verbose=0),
).fit()
steps = {r.config["number"]: r.metrics["training_iteration"] for r in results}
states = {t.params["number"]: t.state.name for t in search._ot_study.trials}

alone = optuna.create_study()
alone.optimize(lambda trial: float("nan"), n_trials=1)
print(f"versions: ray {ray.__version__}, optuna {optuna.__version__}")
print(f"seen: steps of each trial, number {DIVERGED} being NaN: {steps}")
print(f"seen: their states in Optuna: {states}")
print(f"guessed: 1 step and FAIL, as in Optuna alone ({alone.trials[0].state.name})")
finite = [n for number, n in steps.items() if number != DIVERGED]
as_described = (
    steps[DIVERGED] == STEPS
    and finite.count(1) == TRIALS - 2  # all but the first, which met empty rungs
    and states.pop(DIVERGED) == "RUNNING"
    and set(states.values()) == {"COMPLETE"}
    and alone.trials[0].state.name == "FAIL"
)
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" -W ignore finding.py 2> log.txt || { rc=$?; tail -n 5 log.txt >&2; exit $rc; }
