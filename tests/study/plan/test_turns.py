from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.asked.plans import FoldPlan
from study.asked.study_file import load_study
from study.plan.trials import plan_trials
from tests.strategies import studies

DEMO = load_study("demo")


def folded(study, k=5, *, search=True):
    return replace(study, folds=FoldPlan(k=k, search=search))


@settings(max_examples=30, deadline=None)
@given(study=studies(), k=st.integers(2, 6))
def test_folds_change_nothing_else_and_every_turn_of_an_arm_takes_each_once(study, k):
    plan = plan_trials(folded(study, k))
    assert [replace(trial, fold=None) for trial in plan] == list(plan_trials(study))
    for arm in {trial.arm for trial in plan}:
        mine = [trial for trial in plan if trial.arm == arm]
        decided = [trial.fold for trial in mine if trial.config is not None]
        for first in range(0, len(decided), k):
            turn = decided[first : first + k]
            assert len(set(turn)) == len(turn)
        searched = [trial.fold for trial in mine if trial.config is None]
        counts = Counter(searched)
        assert max(counts.values(), default=0) - min((counts[f] for f in range(k)), default=0) <= 1
        # the search begins with what the last turn left out
        every = Counter(trial.fold for trial in mine)
        assert max(every.values()) - min(every[f] for f in range(k)) <= 1


@settings(max_examples=20, deadline=None)
@given(study=studies(), k=st.integers(2, 6))
def test_designs_of_all_arms_together_have_folds_of_equal_size(study, k):
    counts = Counter(t.fold for t in plan_trials(folded(study, k)) if t.config is not None)
    if counts:
        assert max(counts.values()) - min(counts[fold] for fold in range(k)) <= 1


def test_the_same_study_takes_the_same_turns_and_more_trials_leave_them():
    study = folded(DEMO)
    plan = plan_trials(study)
    assert plan == plan_trials(study)
    grown = plan_trials(replace(study, trials=study.trials + 7, added=study.added + 7))
    assert grown[: len(plan)] == plan


def test_a_design_that_is_appended_takes_every_fold_as_often():
    study = folded(DEMO)
    grown = replace(study, trials=study.trials + 20, added=20, added_design=((study.trials, 20),))
    new = plan_trials(grown)[study.trials :]
    assert Counter(trial.fold for trial in new) == dict.fromkeys(range(5), 4)


def test_folds_that_the_search_does_not_take_leave_it_alone():
    assert plan_trials(folded(DEMO, search=False)) == plan_trials(DEMO)


@pytest.mark.parametrize("trials", [100, 200])
def test_no_level_of_a_design_meets_a_fold_much_more_often_than_another(trials):
    study = folded(replace(DEMO, trials=trials))
    design = [trial for trial in plan_trials(study) if trial.config is not None]
    for factor in study.of_role("tuned"):
        having = [trial for trial in design if factor.name in trial.config]
        folds = np.array([trial.fold for trial in having])
        values = [trial.config[factor.name] for trial in having]
        if factor.is_numeric:
            ranks = np.argsort(np.argsort(values)) / len(values)
            means = [ranks[folds == fold].mean() for fold in range(5)]
            assert np.ptp(means) < 0.25, factor.name
            continue
        for level in factor.levels:
            counts = np.bincount(folds[[v == level for v in values]], minlength=5)
            # sampling at random leaves a spread of about sqrt(n / 5), twice that and more at worst
            assert np.ptp(counts) <= 2 + 0.25 * counts.mean(), (factor.name, level, counts)
