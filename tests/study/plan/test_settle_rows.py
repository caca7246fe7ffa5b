from dataclasses import replace
from itertools import combinations
from math import comb

import numpy as np
import pytest

from study.analysis.settle.contrasts import contrast_of
from study.asked.claims.difference import DifferenceClaim
from study.asked.claims.equivalence import EquivalenceClaim
from study.asked.claims.importance import ImportanceClaim
from study.asked.factors import Factor
from study.asked.study import Study
from study.plan.settle_rows import MOST_COLUMNS, SettleDesign, settle_design
from tests.study.asked.test_factors import GAMMA, INIT, OPTIMIZER, VARIANT, study_of

LOSS = Factor(name="loss", role="tuned", levels=("cross_entropy", "focal", "corn"))
SMOOTHING = Factor(
    name="label_smoothing", role="tuned", levels=(0.0, 0.1), when={"loss": "cross_entropy"}
)
SCHEDULE = Factor(name="scheduler", role="tuned", levels=("cosine", "step", "constant"))
AUGMENTATION = Factor(name="augmentation", role="tuned", levels=(0.0, 0.3, 0.6))
EPOCHS = Factor(name="epochs", role="tuned", levels=(3, 6, 9))


def beats(factor: str, better, worse, name: str = "") -> DifferenceClaim:
    return DifferenceClaim(
        name=name or factor, text="It does", factor=factor, better=better, worse=worse, least=0.5
    )


def designed(*factors: Factor, claims) -> SettleDesign:
    return settle_design(study_of(*factors), claims)


def two_level(n: int) -> tuple[list[Factor], list[DifferenceClaim]]:
    factors = [Factor(name=f"f{i}", role="tuned", levels=("lo", "hi")) for i in range(n)]
    return factors, [beats(f.name, "hi", "lo") for f in factors]


@pytest.mark.parametrize(
    ("n", "rows"),
    [(1, 2), (2, 4), (3, 8), (4, 8), (5, 16), (6, 16), (8, 16), (9, 32), (12, 32), (16, 32)],
)
def test_main_effects_are_clear_of_each_other_and_of_every_pair(n, rows):
    factors, claims = two_level(n)

    signs = designed(*factors, claims=claims).signs

    assert signs.shape == (rows, n)
    assert (signs.sum(axis=0) == 0).all()
    assert (signs.T @ signs == rows * np.eye(n)).all()
    for a, b in combinations(range(n), 2):
        assert not ((signs[:, a] * signs[:, b]) @ signs).any(), (a, b)


@pytest.mark.parametrize(
    ("n", "words"),  # words of four letters of the minimum-aberration fractions (Wu and Hamada)
    [(4, 1), (5, 0), (6, 3), (7, 7), (8, 14)],
)
def test_no_fraction_of_the_size_mixes_fewer_pairs(n, words):
    factors, claims = two_level(n)

    signs = designed(*factors, claims=claims).signs

    fours = combinations(range(n), 4)
    assert sum(abs(signs[:, list(f)].prod(axis=1).sum()) == len(signs) for f in fours) == words


def test_pairs_that_cannot_be_told_apart_are_named():
    factors, claims = two_level(6)

    design = designed(*factors, claims=claims)

    named = [f.name for f in factors]
    for group in design.aliases:
        products = [
            design.signs[:, named.index(a)] * design.signs[:, named.index(b)] for a, b in group
        ]
        assert len(group) > 1
        assert all(abs(products[0] @ other) == len(design.signs) for other in products)
    # three words of four letters, each of which makes three pairs equal to three others
    assert sum(comb(len(group), 2) for group in design.aliases) == 9


def test_arms_are_balanced_even_where_no_claim_is_about_them():
    design = designed(INIT, VARIANT, LOSS, claims=[beats("loss", "focal", "cross_entropy")])

    cells = [(row["init"], row["variant"]) for row in design.levels]
    assert len(design.levels) == 8
    assert {cells.count(cell) for cell in cells} == {2}
    assert {row["loss"] for row in design.levels} == {"focal", "cross_entropy"}


def test_a_nested_factor_is_asked_in_its_half_and_clear_of_the_main_effects_there():
    claims = [
        beats("init", "pretrained", "scratch"),
        beats("variant", "bcd", "org"),
        beats("zero_gamma", True, False),
        beats("optimizer", "sgd", "adamw"),
        beats("loss", "focal", "cross_entropy"),
    ]
    design = designed(INIT, VARIANT, OPTIMIZER, LOSS, GAMMA, claims=claims)

    gamma = [c.claim for c in design.columns].index("zero_gamma")
    is_there = np.array(["zero_gamma" in row for row in design.levels])
    assert is_there.tolist() == [row["init"] == "scratch" for row in design.levels]
    assert (design.signs[~is_there, gamma] == 0).all()
    assert design.signs[is_there, gamma].sum() == 0
    others = [i for i in range(len(claims)) if i not in (0, gamma)]
    assert not (design.signs[is_there][:, [gamma]].T @ design.signs[is_there][:, others]).any()


def test_three_levels_take_two_columns_and_each_claim_its_own_rows():
    claims = [
        beats("loss", "focal", "cross_entropy", name="focal"),
        beats("loss", "corn", "cross_entropy", name="corn"),
        beats("init", "pretrained", "scratch"),
        beats("variant", "bcd", "org"),
    ]
    design = designed(INIT, VARIANT, LOSS, claims=claims)

    losses = [row["loss"] for row in design.levels]
    assert {x: losses.count(x) for x in losses} == {"cross_entropy": 8, "focal": 4, "corn": 4}
    focal, corn, *arms = design.signs.T
    assert [int(np.abs(s).sum()) for s in (focal, corn)] == [12, 12]
    for arm in arms:
        for level in LOSS.levels:
            assert arm[[loss == level for loss in losses]].sum() == 0


@pytest.mark.parametrize("n_tuned", [1, 2, 4])
def test_no_pair_of_factors_looks_like_a_claim_where_a_factor_has_three_levels(n_tuned):
    variant = Factor(name="variant", role="arm", levels=("org", "b", "bcd"))
    factors, claims = two_level(n_tuned)
    claims += [
        beats("init", "pretrained", "scratch"),
        beats("variant", "bcd", "org", name="both"),
        beats("variant", "b", "org", name="one"),
    ]

    design = designed(variant, INIT, *factors, claims=claims)

    assert not design.unasked
    assert len(design.levels) <= 32
    for column in design.columns:
        assert contrast_of(column, design.levels).mixed == {}, column


def test_what_a_factor_hangs_on_is_held_where_no_claim_varies_it():
    design = designed(LOSS, SMOOTHING, claims=[beats("label_smoothing", 0.1, 0.0)])

    assert [row["loss"] for row in design.levels] == ["cross_entropy"] * 2
    assert sorted(row["label_smoothing"] for row in design.levels) == [0.0, 0.1]


def test_claims_that_no_row_can_ask_are_named_with_their_reason():
    claims = [
        beats("loss", "focal", "corn"),
        beats("label_smoothing", 0.1, 0.0),
        ImportanceClaim(name="rate", text="It is", factor="lr", more_than="loss"),
    ]
    design = designed(LOSS, SMOOTHING, claims=claims)

    assert [c.claim for c in design.columns] == ["loss"]
    assert set(design.unasked) == {"label_smoothing", "rate"}
    assert "cross_entropy" in design.unasked["label_smoothing"]
    assert "two levels" in design.unasked["rate"]


def test_questions_beyond_thirty_two_rows_are_left_out_in_the_order_of_the_claims():
    factors, claims = two_level(MOST_COLUMNS + 2)

    design = designed(*factors, claims=claims)

    assert [c.claim for c in design.columns] == [c.name for c in claims[:MOST_COLUMNS]]
    assert set(design.unasked) == {c.name for c in claims[MOST_COLUMNS:]}


def test_an_arm_of_many_levels_has_those_that_claims_name():
    depth = Factor(name="depth", role="arm", levels=(18, 26, 34, 50, 101))

    about_it = designed(depth, LOSS, claims=[beats("depth", 101, 26)])
    silent = designed(depth, LOSS, claims=[beats("loss", "focal", "corn")])

    assert {row["depth"] for row in about_it.levels} == {26, 101}
    assert {row["depth"] for row in silent.levels} == {18, 26}


def test_the_claims_of_the_study_on_korean_faces_fit_sixteen_or_thirty_two_rows():
    claims = [
        beats("init", "pretrained", "scratch"),
        EquivalenceClaim(name="v", text="", factor="variant", equal=("org", "bcd"), within=1.0),
        beats("zero_gamma", True, False),
        beats("scheduler", "cosine", "step"),
        beats("augmentation", 0.0, 0.6),
        EquivalenceClaim(name="e", text="", factor="epochs", equal=(6, 9), within=1.0),
        beats("loss", "focal", "cross_entropy"),
    ]
    factors = (VARIANT, INIT, OPTIMIZER, SCHEDULE, EPOCHS, GAMMA, LOSS, AUGMENTATION)

    design = designed(*factors, claims=claims)

    assert len(design.columns) == 7
    # zero_gamma's pair with init is mixed with others in 16 rows, so that blocks take turns
    assert [len(design.rows_of(block)) for block in range(3)] == [16, 16, 16]
    assert not design.unasked
    gamma = design.signs[:, 2]
    assert np.abs(gamma).sum() == 16
    for column in (1, 3, 4, 5, 6):
        assert gamma @ design.signs[:, column] == 0


def test_blocks_take_turns_where_a_factor_s_pair_with_the_one_above_it_is_mixed():
    factors, claims = two_level(5)
    gamma = beats("zero_gamma", True, False)

    plain = designed(*factors, claims=claims)
    nested = designed(INIT, GAMMA, *factors[:4], claims=[gamma, *claims[:4]])

    assert (plain.turns, nested.turns) == (1, 2)
    assert nested.rows_of(0) == nested.rows_of(2) == range(16)
    assert nested.rows_of(1) == range(16, 32)
    for block in (0, 1):
        here = [nested.levels[row] for row in nested.rows_of(block)]
        assert sum(row["init"] == "scratch" for row in here) == 8
        there = nested.signs[nested.rows_of(block)]
        assert not there.sum(axis=0).any()
    # nothing that init has a part in is mixed with another pair
    assert not any("init" in pair for group in nested.aliases for pair in group)


def test_the_same_claims_give_the_same_rows():
    factors, claims = two_level(7)
    study: Study = study_of(*factors)

    first = settle_design(study, claims)
    again = settle_design(replace(study, seed=study.seed + 1), claims)

    assert first.levels == again.levels
