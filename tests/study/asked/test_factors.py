import pytest

from study.asked.factors import Factor, Range, by_dependency, holds
from study.asked.study import Study, arm_name, complete, in_box

INIT = Factor(name="init", role="arm", levels=("scratch", "pretrained"))
VARIANT = Factor(name="variant", role="arm", levels=("org", "bcd"))
OPTIMIZER = Factor(name="optimizer", role="tuned", levels=("sgd", "adamw"))
GAMMA = Factor(name="zero_gamma", role="tuned", levels=(False, True), when={"init": "scratch"})
DEPTH = Factor(name="depth", role="fixed", levels=(50,))
LR = Factor(
    name="lr",
    role="tuned",
    log=True,
    ranges=(
        Range(low=0.01, high=0.2, when={"optimizer": "sgd", "init": "scratch"}),
        Range(low=0.003, high=0.1, when={"optimizer": "sgd"}),
        Range(low=0.0001, high=0.003),
    ),
)


def study_of(*factors: Factor) -> Study:
    return Study(
        name="s",
        question="q",
        metric="val_accuracy",
        trials=8,
        epochs=3,
        seed=0,
        design_share=0.4,
        reduction=3,
        confirm_seeds=0,
        data="synthetic",
        size=32,
        deduplicate=True,
        weights=None,
        pretrain=None,
        factors=factors,
        claims=(),
    )


STUDY = study_of(LR, VARIANT, GAMMA, INIT, OPTIMIZER, DEPTH)


@pytest.mark.parametrize(
    ("when", "config", "expected"),
    [
        ({}, {}, True),
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, False),
    ],
)
def test_a_condition_holds_when_every_named_level_is_there(when, config, expected):
    assert holds(when, config) is expected


def test_the_first_range_that_applies_counts():
    assert LR.range_for({"optimizer": "sgd", "init": "scratch"}) is LR.ranges[0]
    assert LR.range_for({"optimizer": "sgd", "init": "pretrained"}) is LR.ranges[1]
    assert LR.range_for({"optimizer": "adamw", "init": "scratch"}) is LR.ranges[2]


def test_no_range_applies_where_none_is_declared():
    only_sgd = Factor(name="lr", role="tuned", ranges=LR.ranges[:2])

    assert only_sgd.range_for({"optimizer": "adamw"}) is None


def test_a_factor_depends_on_its_condition_and_on_those_of_its_ranges():
    assert LR.depends_on == {"optimizer", "init"}
    assert GAMMA.depends_on == {"init"}
    assert DEPTH.depends_on == frozenset()


def test_factors_come_after_what_they_depend_on_and_otherwise_in_reading_order():
    names = [f.name for f in by_dependency((LR, VARIANT, GAMMA, INIT, OPTIMIZER, DEPTH))]

    assert names == ["variant", "init", "zero_gamma", "optimizer", "lr", "depth"]


def test_factors_in_a_circle_have_no_order():
    a = Factor(name="loss", role="tuned", levels=("focal", "corn"), when={"scheduler": "step"})
    b = Factor(name="scheduler", role="tuned", levels=("step", "linear"), when={"loss": "corn"})

    with pytest.raises(ValueError, match=r"^loss, scheduler$"):
        by_dependency((a, INIT, b))


def test_a_completed_configuration_is_in_reading_order_with_fixed_levels_and_without_absent_ones():
    config = complete(
        STUDY,
        {"init": "pretrained", "variant": "bcd", "optimizer": "sgd", "lr": 0.05, "zero_gamma": 1},
    )

    assert list(config.items()) == [
        ("lr", 0.05),
        ("variant", "bcd"),
        ("init", "pretrained"),
        ("optimizer", "sgd"),
        ("depth", 50),
    ]


def test_completing_names_the_factor_that_has_no_level():
    with pytest.raises(KeyError, match="zero_gamma"):
        complete(STUDY, {"init": "scratch", "variant": "bcd", "optimizer": "sgd", "lr": 0.05})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"lr": 0.2}, True),  # an end belongs to the range
        ({"lr": 0.21}, False),
        ({"lr": 0.005}, False),  # inside the range of pretrained arms only
        ({"optimizer": "adam"}, False),
        ({"depth": 18}, False),
    ],
)
def test_the_box_is_the_declared_levels_and_the_range_that_applies(change, expected):
    inside = {
        "lr": 0.1,
        "variant": "org",
        "zero_gamma": True,
        "init": "scratch",
        "optimizer": "sgd",
        "depth": 50,
    }

    assert in_box(STUDY, {**inside, **change}) is expected


def test_arms_are_every_crossed_cell_in_reading_order():
    assert [arm_name(STUDY, arm) for arm in STUDY.arms] == [
        "org-scratch",
        "org-pretrained",
        "bcd-scratch",
        "bcd-pretrained",
    ]


def test_a_study_without_arm_factors_has_one_arm():
    study = study_of(OPTIMIZER, DEPTH)

    assert study.arms == ({},)
    assert arm_name(study, {"optimizer": "sgd"}) == "all"


def test_a_factor_is_found_by_name():
    assert STUDY.factor("lr") is LR
    with pytest.raises(KeyError, match="nothing"):
        STUDY.factor("nothing")
