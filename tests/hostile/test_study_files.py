"""Hostile study files: a study whose every trial is a valid recipe, or one line."""

import time
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import strategies as st

from agecls.recipe import BOUNDS, CHOICES, Recipe
from study.asked.study import Study
from study.asked.study_file import dump_study, load_study, preset_names
from study.errors import StudyFileError
from study.plan.space import recipe_of, suggest
from study.plan.trials import plan_trials
from tests.hostile.cases import (
    EDITS,
    JSON,
    NAMES,
    SCALARS,
    Edit,
    cases,
    damaged,
    is_one_line,
    nested,
    try_out,
)

VALID = """
[study]
question = "Ünïcödé, 한국어 and 😀?"
trials = 8
epochs = 4
[data]
path = "faces"
size = 32
[weights]
source = "w/{variant}-{depth}.safetensors"
[factors.init]
role = "arm"
levels = ["scratch", "pretrained"]
[factors.optimizer]
role = "tuned"
levels = ["sgd", "adamw"]
[factors.lr]
role = "tuned"
log = true
[[factors.lr.range]]
when = { optimizer = "sgd", init = "scratch" }
low = 3e-3
high = 0.3
[[factors.lr.range]]
low = 1e-4
high = 1e-2
[factors.zero_gamma]
role = "tuned"
levels = [false, true]
when = { init = "scratch" }
[factors.batch_size]
role = "tuned"
low = 8
high = 64
[factors.epochs]
role = "tuned"
levels = [2, 4]
[claims.transfer]
text = "Transfer helps"
factor = "init"
better = "pretrained"
worse = "scratch"
least = 1.0
"""

WORDS = """
study confirm data weights pretrain factors claims include name question metric trials added epochs
seed design_share reduction seeds path size deduplicate source images role levels value low high
max_bad_share range log when text factor better worse least equal within more_than __class__
__init__
"""
KEYS = sorted({*WORDS.split(), *CHOICES, *BOUNDS})
LEVELS = st.sampled_from([level for levels in CHOICES.values() for level in levels])
VALUES = st.one_of(
    SCALARS.filter(lambda value: value is not None),
    LEVELS,
    st.lists(LEVELS, max_size=4),
    st.lists(st.one_of(st.integers(-1, 40), st.floats(0, 1)), max_size=4),
    st.sampled_from(["arm", "tuned", "fixed", "lr", "init", "epochs", "val_qwk", "..", "timm:"]),
    st.integers(-1, 40),
    st.floats(0, 1),
    nested(SCALARS.filter(lambda value: value is not None), st.sampled_from(KEYS)),
)  # fmt: skip


@st.composite
def changed_tables(draw: st.DrawFn) -> dict[str, Any]:
    """A valid study's tables with up to five values replaced, added or gone, at any depth."""
    tables: dict[str, Any] = deepcopy(tomllib.loads(VALID))
    for _ in range(draw(st.integers(1, 5))):
        place: Any = tables
        while True:
            is_table = isinstance(place, dict)
            keys = list(place) if is_table else list(range(len(place)))
            key = (
                draw(st.sampled_from(keys + (KEYS if draw(st.booleans()) else []) or KEYS))
                if is_table
                else draw(st.sampled_from(keys))
            )
            inner = place[key] if key in keys else None
            if not isinstance(inner, dict | list) or not inner or draw(st.integers(0, 3)) == 0:
                break
            place = inner
        if draw(st.integers(0, 5)) == 0 and is_table:
            place.pop(key, None)
        else:
            place[key] = draw(VALUES)
    return tables


def toml(tables: dict[str, Any]) -> str:
    """Any nested value as TOML: inline tables below the top."""
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in tables.items())


def _key(key: str) -> str:
    return _value(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            escaped = "".join(
                c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in value
            )
            return f'"{escaped}"'
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return "{" + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + "}"
        case None:
            return '"none"'
    return repr(value).replace("1e+", "1.0e+")


def check_study_or_line(path: Path, **overrides: Any) -> Study | None:
    """Load a file; a study that comes out must be whole, an error must be one line."""
    try:
        study = load_study(path, overrides=overrides)
    except StudyFileError as error:
        assert is_one_line(str(error))  # noqa: PT017 - the change may be harmless
        return None
    if study.trials <= 60:
        check_plan(study)
    again = path.with_name("again.toml")
    again.write_text(dump_study(study), encoding="utf-8")
    assert load_study(again) == study
    return study


def check_plan(study: Study) -> None:
    """Every planned trial, and what a sampler draws for the others, is a valid recipe."""
    plan = plan_trials(study)
    assert len(plan) == study.trials
    sampler = optuna.samplers.RandomSampler(seed=0)
    studies: dict[str, optuna.Study] = {}
    for trial in plan:
        config = trial.config
        if config is None:
            if trial.arm not in studies:
                studies[trial.arm] = optuna.create_study(sampler=sampler)
            config = suggest(studies[trial.arm].ask(), study, trial.cell)
        recipe = recipe_of(study, config, trial.seed)
        assert isinstance(recipe, Recipe)
        assert recipe.epochs <= study.epochs
        assert {name: config[name] for name in trial.cell} == trial.cell


@pytest.fixture(autouse=True)
def _quiet_optuna() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@cases(60, 1500)
def test_any_value_anywhere_makes_a_study_of_valid_recipes_or_one_line(
    n: int, tmp_path: Path
) -> None:
    path = tmp_path / "drawn.toml"

    def check(tables: dict[str, Any]) -> None:
        path.write_text(toml(tables), encoding="utf-8")
        check_study_or_line(path)

    try_out(n, check, tables=changed_tables())


@cases(40, 800)
def test_damaged_text_makes_a_study_or_one_line(n: int, tmp_path: Path) -> None:
    path = tmp_path / "damaged.toml"

    def check(edits: list[Edit]) -> None:
        path.write_bytes(damaged(VALID.encode(), edits))
        check_study_or_line(path)

    try_out(n, check, edits=EDITS)


@cases(40, 500)
def test_any_value_of_the_command_line_makes_a_study_or_one_line(n: int, tmp_path: Path) -> None:
    path = tmp_path / "flags.toml"
    path.write_text(VALID, encoding="utf-8")
    names = ["data", "size", "trials", "epochs", "seed", "weights", "name", "design_share"]

    def check(given: dict[str, Any]) -> None:
        check_study_or_line(path, **given)

    values = st.one_of(SCALARS, st.integers(1, 60), JSON)
    try_out(n, check, given=st.dictionaries(st.sampled_from(names), values, max_size=3))


@cases(20, 300)
def test_a_study_named_by_anything_is_a_preset_or_one_line(n: int) -> None:
    def check(name: str) -> None:
        try:
            study = load_study(name)
        except StudyFileError as error:
            assert is_one_line(str(error))  # noqa: PT017 - it may be a preset's name
        else:
            assert study.name in preset_names()

    name = st.one_of(NAMES, st.text(), st.sampled_from(["", ".", "/", "~", "/dev/zero", *KEYS]))
    try_out(n, check, name=name)


def test_more_than_a_million_trials_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    path.write_text(VALID.replace("trials = 8", "trials = 1_000_001"), encoding="utf-8")
    with pytest.raises(StudyFileError, match=r"\[study\] trials: 1000001 .* at most 1,000,000"):
        load_study(path)


@pytest.mark.parametrize("n", [10_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_the_time_to_plan_grows_no_faster_than_the_trials(tmp_path: Path, n: int) -> None:
    path = tmp_path / "large.toml"
    path.write_text(VALID.replace("trials = 8", f"trials = {n}"), encoding="utf-8")
    study = load_study(path)
    started = time.process_time()
    plan = plan_trials(study)
    assert time.process_time() - started < 1 + 1e-4 * n
    assert [trial.number for trial in plan] == list(range(n))


@pytest.mark.parametrize(
    "text",
    [
        VALID.replace("trials = 8", f"trials = {'9' * 5000}"),
        VALID.replace("trials = 8", f"trials = 0x{'f' * 5000}"),
        VALID.replace("low = 1e-4", "low = 1e-99999"),
        VALID.replace("low = 1e-4", "low = nan"),
        VALID.replace("high = 1e-2", "high = inf"),
        VALID.replace("levels = [2, 4]", f"levels = {'[' * 2000}2{']' * 2000}"),
        VALID.replace('path = "faces"', "path." + ".".join(["a"] * 3000) + " = 1"),
        VALID + "".join(f"[claims.c{i}]\ntext = 'x'\nfactor = 'nobody'\n" for i in range(9000)),
        VALID + f"[factors.{'x' * 100_000}]\nrole = 'tuned'\n",
        "[study]\n" * 2,
        "\ufeff" * 9,
        "a" * 2_000_000,
    ],
    ids=range(12),
)
def test_extreme_files_are_refused_in_one_short_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "extreme.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyFileError) as caught:
        load_study(path)
    assert is_one_line(str(caught.value))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "cp949", "utf-16-le", "cp500"])
def test_a_study_file_in_another_encoding_is_refused_in_one_line(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "encoded.toml"
    path.write_bytes(VALID.encode(encoding, "replace"))
    with pytest.raises(StudyFileError) as caught:
        load_study(path)
    assert is_one_line(str(caught.value))


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../x",
        "a/b",
        "a\\b",
        "a\nb",
        "\u202egnp",
        "<b>",
        "a" * 101,
        "한" * 100,
        ".hidden",
        "",
    ],
)
def test_a_name_that_is_no_folder_of_its_own_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "named.toml"
    path.write_text(VALID, encoding="utf-8")
    with pytest.raises(StudyFileError) as caught:
        load_study(path, overrides={"name": name})
    assert is_one_line(str(caught.value))
