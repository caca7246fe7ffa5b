#!/usr/bin/env bash
# Ray Tune tells Optuna that trials which ASHA stopped are COMPLETE.
#
# Versions    ray[tune] 2.60.0, optuna 5.0.0, scikit-learn 1.9.1 (2026-11-28).
# Behaviour   OptunaSearch hands Optuna the last reported value of a trial that the scheduler
#             stopped, in the state COMPLETE. PRUNED is kept for trials without any value. The
#             study then has losses after 1 step beside losses after 27, and only the number of
#             intermediate values tells them apart.
# Guessed     PRUNED, as Optuna's own pruners say it; importance counts COMPLETE trials only.
# Why         Whatever reads such a study takes the early losses for final ones. Here `rate` only
#             says how soon a trial arrives and changes no final loss; Optuna's fANOVA gives it
#             nearly all of the importance, and nearly none once each trial has run to its end.
# Known       Told on purpose (https://github.com/ray-project/ray/pull/5651); a change that set
#             the states describes stopped trials as having no value
#             (https://github.com/ray-project/ray/pull/15283), which is not so when ASHA stops
#             them.
#
# Exit status: 0 as described, 1 otherwise, 2 where the packages cannot be installed. About a
# minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Ray writes a token to the home folder, and its sockets need a short name.
export HOME=$work RAY_TMPDIR=$work RAY_USAGE_STATS_ENABLED=0 RAY_AIR_NEW_OUTPUT=0
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'ray[tune]==2.60.0' optuna==5.0.0 scikit-learn==1.9.1 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import sys
from collections import Counter

import optuna
import ray
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

FULL = 27


def loss(config, step):
    return config["quality"] + 5 * (1 - config["rate"]) ** step


def train(config):
    for step in range(1, FULL + 1):
        tune.report({"loss": loss(config, step)})


def space(trial):
    trial.suggest_float("quality", 0, 1)
    trial.suggest_float("rate", 0.2, 0.9)


def importance(study):
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))


def spelled(shares):
    return ", ".join(f"{name} {share:.3f}" for name, share in sorted(shares.items()))


optuna.logging.set_verbosity(optuna.logging.ERROR)
print(f"versions: ray {ray.__version__}, optuna {optuna.__version__}")
storage = optuna.storages.InMemoryStorage()
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
results = tune.Tuner(
    train,
    tune_config=tune.TuneConfig(
        metric="loss",
        mode="min",
        num_samples=40,
        max_concurrent_trials=1,
        reuse_actors=True,
        search_alg=OptunaSearch(
            space,
            metric="loss",
            mode="min",
            sampler=optuna.samplers.RandomSampler(seed=0),
            storage=storage,
            study_name="told",
        ),
        scheduler=ASHAScheduler(max_t=FULL, grace_period=1, reduction_factor=3),
    ),
    run_config=tune.RunConfig(storage_path=sys.argv[1], verbose=0),
).fit()
ray.shutdown()

steps = Counter(result.metrics["training_iteration"] for result in results)
stopped = sum(n for step, n in steps.items() if step < FULL)
told = optuna.load_study(study_name="told", storage=storage)
states = Counter(trial.state.name for trial in told.trials)
final = optuna.create_study()
for trial in told.trials:
    value = loss(trial.params, FULL)
    final.add_trial(
        optuna.create_trial(
            params=trial.params, distributions=trial.distributions, value=value
        )
    )
early, late = importance(told), importance(final)
print(f"trials by steps: {dict(sorted(steps.items()))}; ASHA stopped {stopped}")
print(f"seen: states in Optuna's study {dict(states)}; importance {spelled(early)}")
print(f"guessed: PRUNED {stopped}, COMPLETE {len(told.trials) - stopped}")
print(f"the same recipes, all {FULL} steps: importance {spelled(late)}")
print("why: early losses count as final ones, so what is only fast looks important")

as_described = (
    stopped >= 20
    and states == {"COMPLETE": len(told.trials)}
    and early["rate"] > 0.5
    and late["rate"] < 0.05
)
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" finding.py "$work/results"
