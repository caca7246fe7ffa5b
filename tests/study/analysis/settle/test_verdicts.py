from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from study.analysis.maths.counted import Counted
from study.analysis.settle.evidence import Questions
from study.analysis.settle.verdicts import Held, Settled, SettleRules, judge_settled
from study.asked.claims.equivalence import EquivalenceClaim
from study.asked.claims.learning import LearningClaim
from tests.study.analysis.settle.conftest import accrued, beats, design_of, trained

DESIGN = design_of(3)
CLAIMS = [beats(f"f{i}") for i in range(3)]
EFFECTS = np.array([3.0, 0.5, 0.0])
TRUE = DESIGN.signs @ EFFECTS / 2
RULES = SettleRules(planned=6)
QUESTIONS = Questions.of(DESIGN, CLAIMS)


def judged(some, claims=CLAIMS, rules=RULES, blocks=None) -> Settled:
    return judge_settled(Questions.of(DESIGN, claims), accrued(some), rules, blocks=blocks)


def test_large_effects_are_supported_small_ones_refuted_those_at_the_limit_stay_open(rng):
    last = judged(trained(TRUE, 6, rng)).last
    assert [s.held.verdict for s in last] == ["supported", "unresolved", "refuted"]
    assert [s.makes_no_difference for s in last] == [False, False, True]
    assert last[1].needed is None or last[1].needed > 6


def test_a_level_that_is_worse_is_refuted_and_makes_a_difference(rng):
    worse = DESIGN.signs @ np.array([3.0, 0.5, -2.0]) / 2
    last = judged(trained(worse, 6, rng)).last
    assert (last[2].held.verdict, last[2].makes_no_difference) == ("refuted", False)


def test_levels_that_do_alike_are_supported_only_within_their_margin(rng):
    alike = [
        EquivalenceClaim(name=f"f{i}", text="", factor=f"f{i}", equal=("hi", "lo"), within=1.0)
        for i in range(3)
    ]
    last = judged(trained(TRUE, 6, rng), alike).last
    assert [s.held.verdict for s in last] == ["refuted", "unresolved", "supported"]
    assert last[2].makes_no_difference


def test_one_looks_after_finished_blocks_only_and_a_verdict_stays(rng):
    some = trained(TRUE, 6, rng)
    found = judged(some[:-1])
    assert [look[0].blocks for look in found.looks] == [1, 2, 3, 5]
    settled = [[s.held.settled_at for s in look] for look in judged(some).looks]
    for before, after in pairwise(settled):
        assert all(b is None or a == b for b, a in zip(before, after, strict=True))
    assert not any(settled[0])


def test_blocks_that_their_caller_calls_finished_need_not_be_whole(rng):
    some = trained(TRUE, 2, rng)[:-1]
    assert len(judged(some).looks) == 1
    assert len(judged(some, blocks=2).looks) == 2
    assert judged([]).last == ()


def test_settled_claims_leave_their_share_of_alpha_to_the_others(rng):
    last = judged(trained(TRUE, 6, rng)).last
    alone = judged(trained(TRUE, 6, rng), [CLAIMS[1]]).last
    assert last[1].held.n_open == alone[0].held.n_open == 1
    assert last[1].level == pytest.approx(alone[0].level)
    assert last[0].level <= last[1].level
    assert last[0].adjusted[0] > 0.5


def test_adjusted_intervals_are_wider_while_little_is_spent(rng):
    looks = judged(trained(TRUE, 6, rng)).looks
    spent = [look[0].alpha for look in looks]
    assert spent == sorted(spent)
    assert spent[-1] <= RULES.alpha
    reach = [
        np.diff(look[1].adjusted)[0] / look[1].evidence.effect.estimate.error for look in looks
    ]
    assert reach[1] > reach[2] > reach[-1]


def test_a_longer_plan_keeps_what_earlier_looks_could_spend(rng):
    some = trained(TRUE, 9, rng)
    short, longer = (judged(some, rules=r, blocks=b) for r, b in [
        (RULES, 6), (replace(RULES, ends=(9,)), 9)
    ])  # fmt: skip
    assert [look[0].blocks for look in longer.looks] == [1, 2, 3, 5, 6, 8, 9]
    for one, other in zip(short.looks, longer.looks, strict=False):
        assert [s.level for s in one] == [s.level for s in other]
    assert longer.last[0].alpha <= RULES.alpha


def test_a_better_level_that_learns_less_often_is_not_called_better(rng):
    def learned(row, block):
        return not (DESIGN.signs[row, 0] == 1 and (row + block) % 2)

    last = judged(trained(TRUE, 6, rng, learned=learned)).last
    assert last[0].evidence.loses
    assert last[0].evidence.learned == (Counted(k=12, n=24), Counted(k=24, n=24))
    assert last[0].held.verdict == "unresolved"
    assert last[0].evidence.effect.estimate.value == pytest.approx(3.0, abs=0.8)
    assert last[0].needed is None


def test_a_claim_about_how_often_nets_learn_is_judged_on_all_of_them_whatever_they_score(rng):
    def learned(row, block):
        return DESIGN.signs[row, 0] == 1 or (row + block) % 2 == 0

    claim = LearningClaim(
        name="f0", text="It learns", factor="f0", better="hi", worse="lo", least=5.0
    )
    some = trained(TRUE[::-1], 12, rng, learned=learned)
    last = judged(some, [claim], SettleRules(planned=12)).last
    n = len(DESIGN.levels) * 6
    assert last[0].evidence.learned == (Counted(k=n, n=n), Counted(k=n // 2, n=n))
    assert last[0].evidence.effect.estimate.value == pytest.approx(50.0)
    assert last[0].evidence.effect.n_trainings == 2 * n
    assert last[0].held.verdict == "supported"
    assert last[0].fragile is False
    # where all learn, a difference is excluded once there are enough, and none is found before
    alike = trained(TRUE, 12, rng)
    assert judged(alike, [claim], SettleRules(planned=12), blocks=3).last[0].needed > 3
    wide = replace(claim, least=20.0)
    last = judged(alike, [wide], SettleRules(planned=12)).last
    assert (last[0].held.verdict, last[0].makes_no_difference) == ("refuted", True)
    free = replace(claim, least=0.0)
    assert judged(alike, [free], SettleRules(planned=12)).last[0].held.verdict == "unresolved"


def test_the_chance_to_learn_less_often_by_luck_is_fisher_s():
    # 8 of 12 against 12 of 12: p = C(12, 8) / C(24, 20) = 495 / 10626
    assert not Counted(k=8, n=12).is_surely_fewer_than(Counted(k=12, n=12))
    assert Counted(k=7, n=12).is_surely_fewer_than(Counted(k=12, n=12))
    assert not Counted(k=12, n=12).is_surely_fewer_than(Counted(k=7, n=12))
    assert Counted(k=700, n=1000).is_surely_fewer_than(Counted(k=800, n=1000))
    assert not Counted(k=0, n=0).is_surely_fewer_than(Counted(k=3, n=3))


def test_a_verdict_that_one_training_turns_is_fragile(rng):
    sure = judged(trained(TRUE, 6, rng, noise=0.2)).last
    assert sure[0].fragile is False
    assert sure[1].fragile is None
    fragile = []
    for seed in range(12):
        low = DESIGN.signs @ np.array([1.6, 0.5, 0.0]) / 2
        some = trained(low, 6, np.random.default_rng(seed), noise=1.2)
        fragile.append(judged(some).last[0].fragile)
    assert True in fragile
    assert False in fragile


def test_what_was_settled_early_and_surely_hangs_on_no_training_though_later_ones_disagree(rng):
    some = trained(TRUE, 3, rng, noise=0.2)
    other = trained(-TRUE, 6, rng, noise=0.2)
    last = judged([*some, *(t for t in other if t.block >= 3)]).last
    assert last[0].held.settled_at <= 3
    assert last[0].held.verdict == "supported"
    # by now the interval speaks for nothing, and yet no training less would turn the verdict
    assert last[0].adjusted[0] < 0.5
    assert last[0].fragile is False


def test_looks_that_were_taken_are_not_taken_again(rng):
    some = trained(TRUE, 6, rng)
    every = judged(some).looks
    said = {look[0].blocks: {s.claim.name: s.held for s in look} for look in every}
    first = {blocks: said[blocks] for blocks in (1, 2, 3)}
    rest = judge_settled(QUESTIONS, accrued(some), RULES, said=first)
    assert [look[0].blocks for look in rest.looks] == [5, 6]
    assert [[s.held for s in look] for look in rest.looks] == [
        [s.held for s in look] for look in every[3:]
    ]
    assert judge_settled(QUESTIONS, accrued(some), RULES, said=said).looks == ()
    # what was said stands, whatever would be said today
    other = {3: {**said[3], "f0": Held(verdict="refuted", settled_at=3, n_open=3)}}
    found = judge_settled(QUESTIONS, accrued(some), RULES, said=first | other)
    assert {look[0].held.verdict for look in found.looks} == {"refuted"}


def test_what_an_open_claim_costs_falls_with_its_distance_from_the_limit(rng):
    def needed(effect: float) -> int:
        rows = DESIGN.signs @ np.array([effect, 0.5, 0.0]) / 2
        standing = judged(trained(rows, 2, np.random.default_rng(3), noise=2.0)).last[0]
        assert standing.held.verdict == "unresolved"
        return standing.needed

    assert 2 < needed(3.0) < needed(1.8)


def test_pairs_that_matter_come_with_those_they_cannot_be_told_from(rng):
    design = design_of(4)
    questions = Questions.of(design, [beats(f"f{i}") for i in range(4)])
    rows = design.signs @ np.array([1.0, 0, 0, 0]) / 2
    rows = rows + 1.5 * design.signs[:, 0] * design.signs[:, 1]
    found = judge_settled(questions, accrued(trained(rows, 4, rng)), RULES).pairs
    assert [one.matters for one in found] == [True, False, False]
    named = {pair for pair, _ in found[0].pairs}
    assert named == {("f0", "f1"), ("f2", "f3")}
    assert abs(found[0].effect.estimate.value) == pytest.approx(3.0, abs=0.5)


def test_claims_without_a_column_are_not_judged(rng):
    found = judged(trained(TRUE, 3, rng), [*CLAIMS, beats("f9")])
    assert [s.claim.name for s in found.last] == ["f0", "f1", "f2"]


def test_where_no_net_learned_nothing_is_told_and_nothing_settled(rng):
    last = judged(trained(TRUE, 3, rng, learned=lambda row, block: False)).last
    assert [s.evidence.effect for s in last] == [None] * 3
    assert {s.held.verdict for s in last} == {"unresolved"}
    assert np.isnan(last[0].adjusted).all()


def test_what_a_look_said_is_said_again_whatever_later_trainings_show_of_who_learned(rng):
    some = trained(TRUE, 6, rng)

    def beside_the_others(so_far):
        # a net of the first block is found out once there are three to hold it against
        n_blocks = 1 + max(t.block for t in so_far)
        is_found = n_blocks >= 3
        return [replace(t, learned=not (is_found and t.block == 0 and t.row < 2)) for t in so_far]

    def looks(blocks):
        told = replace(accrued(some), who_learned=beside_the_others)
        return judge_settled(QUESTIONS, told, RULES, blocks=blocks).looks

    def told(look):
        return [(s.evidence.effect.estimate.value, s.held.verdict, s.level) for s in look]

    early, late = looks(2), looks(6)
    assert [told(look) for look in early] == [told(look) for look in late[: len(early)]]
    assert late[-1][0].evidence.learned[0].k < late[-1][0].evidence.learned[0].n
    assert early[-1][0].evidence.learned[0].k == early[-1][0].evidence.learned[0].n
