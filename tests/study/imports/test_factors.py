import numpy as np
import pytest

from study.asked.factors import Range
from study.imports.factors import varied
from study.imports.search import Domain, Trial

RATE = Domain(low=1e-5, high=0.1, is_log=True)


def trials(*params, domains=None):
    told = domains or [{}] * len(params)
    return [
        Trial(name=str(n), state="completed", params=p, domains=d, value=0.0)
        for n, (p, d) in enumerate(zip(params, told, strict=True))
    ]


def by_name(found):
    return {factor.name: factor for factor in found.factors}


def test_declared_ranges_are_taken_however_little_was_tried():
    params = [{"lr": 0.01, "n": 2, "net": "a"}] * 3
    domains = [
        {"lr": RATE, "n": Domain(low=1, high=8, is_whole=True), "net": Domain(choices=("a", "b"))}
    ] * 3
    found = varied(trials(*params, domains=domains))
    factors = by_name(found)
    assert factors["lr"].ranges == (Range(low=1e-5, high=0.1),)
    assert factors["lr"].log
    assert factors["n"].is_whole
    assert factors["net"].levels == ("a", "b")
    assert not found.guessed


def test_without_a_declaration_the_trials_say_it_and_that_is_marked():
    rng = np.random.default_rng(0)
    params = [
        {"lr": 10 ** rng.uniform(-5, -1), "drop": rng.uniform(0, 0.5), "depth": d, "net": "a"}
        for d in [2, 3, 4] * 10
    ]
    found = varied(trials(*params))
    factors = by_name(found)
    assert factors["lr"].log
    assert not factors["drop"].log
    lows = [p["lr"] for p in params]
    assert factors["lr"].ranges == (Range(low=min(lows), high=max(lows)),)
    assert factors["depth"].levels == (2, 3, 4)
    assert factors["net"].role == "fixed"
    assert found.guessed == {"lr", "drop", "depth"}


def test_what_only_some_trials_have_hangs_on_a_level():
    params = [{"opt": o} | ({"m": 0.9 - k / 100} if o == "sgd" else {}) for k, o in enumerate(
        ["sgd", "adam"] * 6)]  # fmt: skip
    found = varied(trials(*params))
    assert by_name(found)["m"].when == {"opt": "sgd"}
    assert found.values["m"][1] is None


def test_what_exists_under_several_levels_is_a_factor_of_each():
    params = [{"opt": o} | ({"m": 0.9 - k / 100} if o != "adam" else {}) for k, o in enumerate(
        ["sgd", "adam", "nag"] * 6)]  # fmt: skip
    found = varied(trials(*params))
    factors = by_name(found)
    assert factors["m (sgd)"].when == {"opt": "sgd"}
    assert factors["m (nag)"].when == {"opt": "nag"}
    assert [v is None for v in found.values["m (nag)"][:3]] == [True, True, False]


def test_what_nothing_explains_is_left_out_and_said():
    params = [{"opt": "sgd"} | ({"m": 0.9} if k % 3 else {}) for k in range(9)]
    found = varied(trials(*params))
    assert list(by_name(found)) == ["opt"]
    assert "3 trials lack it" in found.left_out["m"]


def test_a_range_may_hang_on_two_levels_together():
    cells = [(o, i) for o in ("sgd", "adam") for i in ("new", "old")]
    ends = {cell: (10.0**-k, 10.0 ** (1 - k)) for k, cell in enumerate(cells, 1)}
    params = [{"opt": o, "init": i, "lr": ends[o, i][0]} for o, i in cells * 3]
    domains = [
        {"lr": Domain(low=ends[o, i][0], high=ends[o, i][1], is_log=True)} for o, i in cells * 3
    ]
    rate = by_name(varied(trials(*params, domains=domains)))["lr"]
    assert {(r.when["opt"], r.when["init"]): (r.low, r.high) for r in rate.ranges} == ends


def test_a_range_that_changed_on_the_way_holds_them_all():
    params = [{"lr": 0.01}] * 4
    domains = [{"lr": RATE}] * 2 + [{"lr": Domain(low=1e-3, high=1.0, is_log=True)}] * 2
    found = varied(trials(*params, domains=domains))
    assert found.factors[0].ranges == (Range(low=1e-5, high=1.0),)
    assert "not the same in all trials" in found.remarks["lr"]


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([True, False], (True, False)),
        ([True, 1, "a"], ("true", "1", "a")),
        ([None, "relu"], ("null", "relu")),
        ([[1, 2], [3]], ("[1, 2]", "[3]")),
        ([1, 2.5], (1.0, 2.5)),
    ],
)
def test_levels_are_of_one_kind(values, levels):
    found = varied(trials(*[{"x": v} for v in values * 6]))
    assert found.factors[0].levels == levels


def test_more_choices_than_a_factor_has_levels_are_left_out():
    choices = tuple(f"c{k}" for k in range(101))
    found = varied(trials({"x": "c1"}, {"x": "c2"}, domains=[{"x": Domain(choices=choices)}] * 2))
    assert "101 choices" in found.left_out["x"]


def test_names_and_paths_are_no_levels():
    found = varied(trials(*[{"path": f"/data/{k}", "a": k % 2 == 0} for k in range(60)]))
    assert "60 different texts" in found.left_out["path"]
