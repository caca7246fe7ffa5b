import json
from dataclasses import replace

import pytest
from hypothesis import given, settings

from study.asked.factors import Factor
from study.asked.study_file import dump_study, grown_study, is_safe_change, load_study, study_diff
from study.asked.study_text import differences, lasting
from tests.strategies import studies

DEMO = load_study("demo")


def test_the_written_file_is_spelled_as_the_contract_spells_it():
    text = dump_study(DEMO)

    assert text.startswith('[study]\nname = "demo"\n')
    assert (
        "[factors.lr]\n"
        'role = "tuned"\n'
        "log = true\n"
        "\n"
        "[[factors.lr.range]]\n"
        'when = { optimizer = "sgd", init = "scratch" }\n'
        "low = 0.01\n"
        "high = 0.2\n"
    ) in text
    assert (
        "[factors.zero_gamma]\n"
        'role = "tuned"\n'
        "levels = [false, true]\n"
        'when = { init = "scratch" }\n'
    ) in text


@pytest.mark.parametrize(
    "text", ['say "no"', "a\\b", "tab\t, line\n", "\x00\x1f\x7f", "나이 ☺", "'"]
)
def test_any_text_survives_writing(text, tmp_path):
    study = replace(DEMO, question=text)
    (tmp_path / "s.toml").write_text(dump_study(study), encoding="utf-8", newline="")

    assert load_study(tmp_path / "s.toml") == study


@pytest.mark.parametrize("number", [1e-8, 3e-3, 0.1 + 0.2, 1e-05, 10.0])
def test_a_number_survives_writing_to_the_last_bit(number, tmp_path):
    lr = Factor(name="lr", role="fixed", levels=(number,))
    study = replace(
        DEMO,
        factors=tuple(lr if f.name == "lr" else f for f in DEMO.factors),
        claims=(),
    )
    (tmp_path / "s.toml").write_text(dump_study(study), encoding="utf-8")

    assert load_study(tmp_path / "s.toml").factor("lr").levels == (number,)


def test_equal_studies_have_no_difference():
    assert study_diff(DEMO, load_study("demo")) == []


def test_a_difference_is_one_line_per_value():
    other = load_study("demo", overrides={"trials": 20, "epochs": 2, "seed": 3})

    assert study_diff(DEMO, other) == [
        "[study] trials: 12 became 20",
        "[study] epochs: 3 became 2",
        "[study] seed: 0 became 3",
        '[factors.epochs] role: "tuned" became "fixed"',
        "[factors.epochs] levels: [2, 3] is gone",
        "[factors.epochs] value: 2 is new",
    ]


@settings(max_examples=30)
@given(study=studies())
def test_what_lasts_is_untouched_by_growth_and_by_moving_the_faces(study):
    grown = grown_study(study, replace(study, trials=study.trials + 8, confirm_seeds=9))

    assert lasting(replace(grown, data="elsewhere")) == lasting(study)
    assert json.loads(json.dumps(lasting(study))) == lasting(study)
    more = replace(study, trials=study.trials + 8)  # a larger design, not trials on top
    assert differences(lasting(study), lasting(more)) == [
        f"[study] trials: {study.trials - study.added} became {more.trials - more.added}"
    ]


def test_a_changed_range_is_shown_with_its_number():
    lr = DEMO.factor("lr")
    narrow = replace(lr, ranges=(*lr.ranges[:3], replace(lr.ranges[3], high=1e-3)))
    other = replace(DEMO, factors=tuple(narrow if f is lr else f for f in DEMO.factors))

    assert study_diff(DEMO, other) == [
        '[[factors.lr.range]] 4: { when = { optimizer = "adamw", init = "pretrained" }, '
        "low = 0.0001, high = 0.003 } became "
        '{ when = { optimizer = "adamw", init = "pretrained" }, low = 0.0001, high = 0.001 }'
    ]


def test_a_changed_order_of_factors_is_a_difference():
    other = replace(DEMO, factors=(DEMO.factors[1], DEMO.factors[0], *DEMO.factors[2:]))

    assert study_diff(DEMO, other) == ["[factors]: the reading order changed"]


@settings(max_examples=30, deadline=None)
@given(old=studies(), new=studies())
def test_studies_that_differ_in_any_way_have_a_difference(old, new):
    assert bool(study_diff(old, new)) is (old != new)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"trials": 13}, True),
        ({"confirm_seeds": 4}, True),
        ({"confirm_adaptive": True}, False),
        ({"trials": 20, "confirm_seeds": 4}, True),
        ({"trials": 11}, False),
        ({"trials": 20, "seed": 1}, False),
        ({"size": 48}, False),
        ({"design_share": 0.5}, False),
        ({"claims": DEMO.claims[:2]}, False),
    ],
)
def test_only_more_trials_or_more_seeds_are_safe(change, expected):
    assert is_safe_change(DEMO, replace(DEMO, **change)) is expected


def test_a_grown_study_is_no_change_against_the_larger_file():
    larger = replace(DEMO, trials=20, confirm_seeds=3)

    grown = grown_study(DEMO, larger)

    assert grown == replace(DEMO, trials=20, added=8, confirm_seeds=3)
    assert is_safe_change(grown, larger)
    assert grown_study(grown, replace(DEMO, trials=24)).added == 12
    assert grown_study(grown, larger) == grown


def test_a_study_that_grows_by_design_says_which_trials_are_one_and_is_no_change_when_read(
    tmp_path,
):
    searched = grown_study(DEMO, replace(DEMO, trials=20))
    grown = grown_study(searched, replace(DEMO, trials=28), by_design=True)
    again = grown_study(grown, replace(DEMO, trials=32), by_design=True)
    (tmp_path / "s.toml").write_text(dump_study(again))

    assert grown.added_design == ((20, 8),)
    assert again.added_design == ((20, 8), (28, 4))
    assert load_study(tmp_path / "s.toml") == again
    assert grown_study(again, again, by_design=True) == again
    assert is_safe_change(again, again)
    assert is_safe_change(searched, again)
    assert lasting(again) == lasting(DEMO)
