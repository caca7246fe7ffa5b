"""What an earlier study's folder gives to another one, and that no verdict rests on it."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.analysis import analyse
from study.analysis.recipes.earlier import earlier_study, first_recipes
from study.asked.factors import Factor, Range
from study.asked.plans import After
from study.asked.study import Study
from study.errors import StudyError
from study.folder.folder import Folder
from study.plan.trials import plan_trials
from tests.study.analysis.conftest import NO_EPOCHS, full_trials, small_study

VARIANT = Factor(name="variant", role="arm", levels=("org", "bcd"))
OPTIMIZER = Factor(name="optimizer", role="tuned", levels=("sgd", "adamw"))
SGD, ADAMW = (
    Range(low=1e-2, high=1.0, when={"optimizer": "sgd"}),
    Range(low=1e-4, high=1e-2, when={"optimizer": "adamw"}),
)
RATE = Factor(name="lr", role="tuned", log=True, ranges=(SGD, ADAMW))
WARMUP = Factor(name="warmup", role="tuned", ranges=(Range(low=0.0, high=0.5),))
EPOCHS = Factor(name="epochs", role="fixed", levels=(9,))
STUDY = small_study(VARIANT, OPTIMIZER, RATE, WARMUP, EPOCHS, trials=200, question="What?")


def searched(n: int = 200) -> pd.DataFrame:
    """BCD 2 points above ORG; the rate has a peak at a quarter of its range; no more matters."""
    rng = np.random.default_rng(2)
    variant, optimizer = np.arange(n) % 2, np.arange(n) // 2 % 2
    u = (rng.permutation(n) + 0.5) / n
    points = 50 + 2 * variant - 40 * (u - 0.25) ** 2 + rng.normal(scale=0.3, size=n)
    configs = pd.DataFrame(
        {
            "variant": np.array(VARIANT.levels)[variant],
            "optimizer": np.array(OPTIMIZER.levels)[optimizer],
            "lr": np.where(optimizer == 0, 1e-2 * 100**u, 1e-4 * 100**u),
            "warmup": rng.uniform(0, 0.5, size=n),
            "epochs": 9,
        }
    )
    trials = full_trials(configs, points)
    return trials.assign(arm=trials["config/variant"], seed=0)


def folder_of(path: Path, trials: pd.DataFrame, study: Study = STUDY) -> Path:
    path.mkdir()
    folder = Folder(path)
    folder.write_study(study)
    folder.write_table("trials", trials, study)
    folder.write_table("epochs", NO_EPOCHS.astype({"trial_id": str, "epoch": "int64"}), study)
    return path


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("earlier") / "first", searched())


def test_a_range_is_narrowed_to_where_the_best_recipes_lie_and_an_idle_one_is_not(
    earlier: Path,
) -> None:
    found = earlier_study(earlier)
    assert set(found.narrowed) == {"lr"}
    for narrow, declared in zip(found.narrowed["lr"], RATE.ranges, strict=True):
        assert narrow.when == declared.when
        low, high = (np.log(v / declared.low) / np.log(100) for v in (narrow.low, narrow.high))
        assert 0 <= low < 0.25 < high <= 1
        assert 0.24 <= high - low < 0.6


def test_the_best_recipes_of_the_arms_come_first_and_lie_in_the_narrowed_ranges(
    earlier: Path,
) -> None:
    found = earlier_study(earlier)
    narrow = replace(RATE, ranges=found.narrowed["lr"])
    other = small_study(VARIANT, OPTIMIZER, narrow, WARMUP, EPOCHS)
    recipes = found.begin(other)
    by_arm = [recipe["variant"] for recipe in recipes]
    assert by_arm == sorted(by_arm, key=["org", "bcd"].index)  # arms in this study's order
    assert set(by_arm) == {"org", "bcd"}
    # each arm's best, and the simplest that is as good: SGD, its rate and warm-up at defaults
    assert any(recipe["warmup"] == 0.1 for recipe in recipes)
    assert all("epochs" not in recipe for recipe in recipes)


def test_the_folder_s_fingerprint_is_of_its_trials_where_nothing_better_is_there(
    earlier: Path,
) -> None:
    expected = hashlib.sha256((earlier / "trials.parquet").read_bytes()).hexdigest()
    assert earlier_study(earlier).sha256 == expected


def test_too_few_trials_narrow_nothing_and_give_their_best(tmp_path: Path) -> None:
    trials = searched(6).assign(val_accuracy=[0.3, 0.4, 0.5, 0.1, 0.2, 0.35])
    found = earlier_study(folder_of(tmp_path / "few", trials, replace(STUDY, trials=6)))
    assert found.narrowed == {}
    rates = trials["config/lr"].tolist()
    assert [recipe["lr"] for recipe in found.begin(STUDY)] == [rates[2], rates[1]]


def test_recipes_go_where_their_levels_are_and_new_factors_have_defaults() -> None:
    loss = Factor(name="loss", role="tuned", levels=("focal", "cross_entropy"))
    depth = Factor(name="depth", role="arm", levels=(18, 50))
    study = small_study(VARIANT, depth, OPTIMIZER, RATE, loss, EPOCHS)
    recipe = {"variant": "bcd", "optimizer": "sgd", "lr": 0.1, "warmup": 0.3}
    outside = {**recipe, "lr": 5.0}
    unknown = {**recipe, "optimizer": "adam"}
    assert first_recipes(study, [outside, recipe, recipe, unknown]) == tuple(
        {
            "variant": "bcd",
            "depth": n,
            "optimizer": "sgd",
            "lr": 0.1,
            "loss": "cross_entropy",
        }
        for n in (18, 50)
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.iloc[:-3], r"its search is not over \(197 of 200 trials\)"),
        (
            lambda t: t.assign(status=["interrupted"] * 2 + ["completed"] * 198),
            r"its search is not over \(198 of 200 trials\)",
        ),
    ],
)
def test_a_search_that_is_not_over_is_no_earlier_study(
    tmp_path: Path, change: object, told: str
) -> None:
    trials = change(searched())  # type: ignore[operator]
    with pytest.raises(StudyError, match=told):
        earlier_study(folder_of(tmp_path / "running", trials))


def test_a_study_that_is_not_as_locked_is_no_earlier_study(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "locked", searched())
    (folder / "study.json").write_text('{"lock": "ab", "sessions": []}')
    with pytest.raises(StudyError, match="missing, though study"):
        earlier_study(folder)


def test_the_search_begins_with_the_recipes_and_the_design_is_as_without_them() -> None:
    recipes = (
        {"variant": "org", "optimizer": "sgd", "lr": 0.1, "warmup": 0.0},
        {"variant": "bcd", "optimizer": "sgd", "lr": 0.2, "warmup": 0.0},
        {"variant": "bcd", "optimizer": "adamw", "lr": 0.001, "warmup": 0.1},
    )
    plain = replace(STUDY, trials=20, design_share=0.4)
    study = replace(plain, after=AFTER)
    begun = replace(plain, after=replace(AFTER, recipes=recipes))
    plans = [plan_trials(one) for one in (plain, study, begun)]
    assert plans[0] == plans[1]
    decided = [[t for t in plan if t.origin != "search"] for plan in plans]
    assert decided[0] == decided[2]
    of_search = [t for t in plans[2] if t.origin == "search"]
    given = [t.config for t in of_search if t.config]
    assert [{n: c[n] for n in recipes[0]} for c in given] == [recipes[0], recipes[1], recipes[2]]
    first = {t.arm: t for t in reversed(of_search)}
    assert all(t.config is not None for t in first.values())


def test_more_recipes_than_the_search_has_room_for_are_not_trained() -> None:
    recipe = {"variant": "org", "optimizer": "sgd", "lr": 0.1, "warmup": 0.0}
    many = tuple({**recipe, "warmup": n / 100} for n in range(30))
    study = replace(STUDY, trials=20, design_share=0.4, after=replace(AFTER, recipes=many))
    plan = plan_trials(study)
    assert sum(t.arm == "org" for t in plan) == 10
    assert all(t.config is not None for t in plan if t.arm == "org")


AFTER = After(path="first", study="first", sha256="ab", metric="val_accuracy")


def test_no_verdict_rests_on_the_earlier_study() -> None:
    trials = searched(60)
    recipe = {"variant": "bcd", "optimizer": "sgd", "lr": 0.1, "warmup": 0.0}
    with_it = replace(STUDY, after=replace(AFTER, recipes=(recipe,), factors=("lr",)))
    found, alone = (analyse(s, trials, NO_EPOCHS, seed=0) for s in (with_it, STUDY))
    for name in ("importance", "marginals", "contrasts", "claims"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(alone, name))
