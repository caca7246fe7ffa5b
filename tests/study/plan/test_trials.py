import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from study.asked.factors import holds
from study.asked.study import arm_name, complete, in_box
from study.asked.study_file import grown_study, load_study, preset_names
from study.plan.space import recipe_of
from study.plan.trials import design_size, plan_trials
from tests.small_studies import some_folders
from tests.strategies import studies

DEMO = load_study("demo")


@pytest.mark.parametrize(
    ("n_trials", "share", "expected"),
    [
        (12, 0.0, (0, 0)),
        (1, 0.4, (0, 0)),
        (1, 0.5, (1, 0)),
        (2, 0.01, (1, 0)),  # a share above 0 buys at least one
        (5, 0.5, (3, 0)),  # 2.5 is rounded up
        (12, 0.4, (4, 1)),  # 4.8 is 5, of which one is a repeat
        (10, 0.4, (3, 1)),  # from four on
        (20, 0.4, (7, 1)),
        (50, 0.5, (22, 3)),
        (8, 1.0, (7, 1)),
    ],
)
def test_the_size_of_a_design_and_its_repeats(n_trials, share, expected):
    assert design_size(n_trials, share) == expected


@settings(deadline=None)
@given(n=st.integers(0, 5000), share=st.floats(0, 1))
def test_a_design_never_takes_more_than_the_arm_has(n, share):
    new, repeats = design_size(n, share)

    assert 0 <= new <= new + repeats <= n
    assert abs(new + repeats - share * n) <= 1


@settings(max_examples=30, deadline=None)
@given(study=studies())
def test_a_plan_is_whole_ordered_by_origin_and_every_prefix_is_balanced_over_arms(study):
    plan = plan_trials(study)

    assert [trial.number for trial in plan] == list(range(study.trials))
    arms = [arm_name(study, cell) for cell in study.arms]
    for end in (5, 11, len(plan)):
        counts = Counter(trial.arm for trial in plan[:end])
        assert max(counts[arm] for arm in arms) - min(counts[arm] for arm in arms) <= 1
    assert {trial.arm for trial in plan} == set(arms)
    order = ["design", "repeat", "search"]
    for arm in arms:
        origins = [order.index(t.origin) for t in plan if t.arm == arm]
        assert origins == sorted(origins)
    for trial in plan:
        assert trial.arm == arm_name(study, trial.cell)
        assert (trial.config is None) is (trial.origin == "search")
        assert 0 <= trial.seed < 2**31


@settings(max_examples=30, deadline=None)
@given(study=studies())
def test_every_planned_configuration_is_complete_inside_the_box_and_a_recipe(study):
    for trial in plan_trials(study):
        if trial.config is not None:
            assert holds(trial.cell, trial.config)
            assert trial.config == complete(study, trial.config)
            assert in_box(study, trial.config)
            assert recipe_of(study, trial.config, trial.seed).seed == trial.seed


@settings(max_examples=30, deadline=None)
@given(study=studies())
def test_levels_that_always_exist_are_balanced_inside_each_arm_and_over_all(study):
    study = replace(study, design_share=1.0)
    drawn = [t for t in plan_trials(study) if t.origin == "design"]
    for factor in study.of_role("tuned"):
        if factor.is_numeric or factor.when:
            continue
        counts = defaultdict(Counter)
        for trial in drawn:
            counts[trial.arm][trial.config[factor.name]] += 1
            counts["all arms"][trial.config[factor.name]] += 1
        for count in counts.values():
            per_level = [count[level] for level in factor.levels]
            assert max(per_level) - min(per_level) <= 1


@settings(max_examples=30, deadline=None)
@given(study=studies())
def test_the_same_study_has_the_same_plan(study):
    assert plan_trials(study) == plan_trials(replace(study))


def test_a_plan_is_the_same_in_another_process():
    code = "from study.plan.trials import *; from study.asked.study_file import *; "
    code += "print(plan_trials(load_study('faces-cpu')))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == str(plan_trials(load_study("faces-cpu")))


def test_another_seed_has_another_design_and_other_seeds():
    plan, other = plan_trials(DEMO), plan_trials(replace(DEMO, seed=1))

    assert [t.seed for t in plan] != [t.seed for t in other]
    assert plan[0].config != other[0].config


def test_seeds_differ_between_trials():
    plan = plan_trials(load_study("faces-gpu"))

    assert len({trial.seed for trial in plan}) == len(plan)


@settings(max_examples=30, deadline=None)
@given(study=studies(), more=st.integers(1, 30))
def test_a_grown_study_keeps_its_plan_and_appends_search_trials(study, more):
    grown = grown_study(study, replace(study, trials=study.trials + more))

    plan, longer = plan_trials(study), plan_trials(grown)

    assert longer[: study.trials] == plan
    assert {trial.origin for trial in longer[study.trials :]} == {"search"}
    per_arm = Counter(trial.arm for trial in longer)
    assert max(per_arm.values()) - min(per_arm.values()) <= 1


@settings(max_examples=20, deadline=None)
@given(study=studies(), more=st.integers(1, 30), later=st.integers(1, 9))
def test_a_study_grown_by_design_keeps_its_plan_and_what_is_appended_is_balanced(
    study, more, later
):
    grown = grown_study(study, replace(study, trials=study.trials + more), by_design=True)
    larger = replace(grown, trials=grown.trials + later)
    plan, longer = plan_trials(study), plan_trials(grown)

    assert longer[: study.trials] == plan
    new = longer[study.trials :]
    assert {trial.origin for trial in new} == {"design"}
    per_arm = Counter(trial.arm for trial in longer)
    assert max(per_arm.values()) - min(per_arm.values()) <= 1
    for trial in new:
        assert in_box(study, trial.config)
        assert holds(trial.cell, trial.config)
    for factor in study.of_role("tuned"):
        if factor.levels and not factor.when:
            counts = Counter(trial.config[factor.name] for trial in new)
            every = [counts[level] for level in factor.levels]
            assert max(every) - min(every) <= 1
    # what is appended after it, searched for or by design, leaves it as it is
    for by_design in (False, True):
        largest = plan_trials(grown_study(grown, larger, by_design=by_design))
        assert largest[: len(longer)] == longer


def test_two_designs_that_are_appended_differ():
    first = grown_study(DEMO, replace(DEMO, trials=24), by_design=True)
    second = plan_trials(grown_study(first, replace(DEMO, trials=36), by_design=True))
    assert [t.config for t in second[12:24]] != [t.config for t in second[24:]]


def test_a_repeat_is_a_design_configuration_of_its_arm_with_another_seed():
    plan = plan_trials(load_study("faces-gpu"))
    repeats = [t for t in plan if t.origin == "repeat"]

    assert Counter(t.arm for t in repeats) == dict.fromkeys({t.arm for t in plan}, 3)
    for repeat in repeats:
        twins = [t for t in plan if t.origin == "design" and t.config == repeat.config]
        assert len(twins) == 1
        assert twins[0].arm == repeat.arm
        assert twins[0].seed != repeat.seed


def test_no_configuration_is_repeated_twice_in_an_arm():
    repeats = [t for t in plan_trials(load_study("faces-gpu")) if t.origin == "repeat"]

    assert len({str(t.config) for t in repeats}) == len(repeats)


def test_included_configurations_come_first_and_the_design_share_is_of_the_rest():
    plan = plan_trials(load_study("seed"))

    assert [(t.arm, t.config["lr"], t.origin) for t in plan[:4]] == [
        ("org-scratch", 0.1, "design"),
        ("org-pretrained", 0.01, "design"),
        ("bcd_seed-scratch", 0.1, "design"),
        ("bcd_seed-pretrained", 0.01, "design"),
    ]
    counts = Counter((t.arm, t.origin) for t in plan)
    assert set(counts.values()) == {11, 2}  # one included, ten drawn, two repeated
    assert plan[0].config["batch_size"] == 32


def test_a_design_share_of_zero_leaves_everything_to_the_search():
    plan = plan_trials(replace(DEMO, design_share=0.0))

    assert {trial.origin for trial in plan} == {"search"}


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_plans_valid_recipes_for_every_arm(name):
    study = load_study(name, of_folders=some_folders)
    plan = plan_trials(study)

    assert {t.arm for t in plan if t.origin == "design"} == {t.arm for t in plan}
    for trial in plan:
        if trial.config is not None:
            recipe = recipe_of(study, trial.config, trial.seed)
            assert recipe.init == trial.cell.get("init", "scratch")
            assert (recipe.zero_gamma is None) is (recipe.init == "pretrained")


def test_planning_and_study_files_load_nothing_heavy():
    code = (
        "import sys, study.plan.trials, study.asked.study_file; "
        "print([m for m in ('torch', 'optuna', 'ray', 'pandas', 'scipy') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"
