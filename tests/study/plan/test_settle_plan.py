import json
from itertools import pairwise

import pytest

from study.plan.settle_plan import Settling, read_settling, write_settling
from study.plan.settle_rows import settle_design
from tests.study.asked.test_factors import GAMMA, INIT, study_of
from tests.study.plan.test_settle_rows import beats, two_level


def test_no_training_of_a_block_is_another_one_of_it_again():
    """Rows that differ by what one of them has not are one recipe there: seeds tell them apart."""
    study = study_of(INIT, GAMMA)
    claims = [beats("init", "pretrained", "scratch"), beats("zero_gamma", True, False)]
    design = settle_design(study, claims)
    recipes = tuple(
        {n: v for n, v in row.items() if n != "zero_gamma" or row["init"] == "scratch"}
        for row in design.levels
    )
    settling = Settling(design=design, recipes=recipes, folds=1, planned=3, stated={})
    plan, blocks = settling.plan(study, 3), settling.blocks(study, 3)
    first = len(blocks[0].rows)
    trained = [(t.seed, tuple(t.config.items())) for t in plan]
    assert len(set(recipes_of(trained))) < first  # there are copies
    assert len(set(trained)) == len(trained)
    for number, block in enumerate(blocks):
        of_block = trained[number * first : (number + 1) * first]
        firsts = {config: seed for seed, config in reversed(of_block)}
        assert set(firsts.values()) == {block.seed}
    assert settling.plan(study, 1) == plan[:first]


def recipes_of(trained):
    return [config for _, config in trained]


def halves(folds, **said):
    """A design of which the halves of the rows take turns, and its study."""
    factors, claims = two_level(4)
    study = study_of(INIT, GAMMA, *factors)
    design = settle_design(study, [beats("zero_gamma", True, False), *claims])
    assert design.turns == 2
    recipes = tuple(dict(row) for row in design.levels)
    settling = Settling(design=design, recipes=recipes, folds=folds, planned=3, stated={}, **said)
    return study, settling


@pytest.mark.parametrize("k", [2, 3, 4, 5, 6])
def test_blocks_whose_rows_take_turns_go_over_all_folds_and_so_does_each_half(k):
    study, settling = halves(k, paired=False)
    folds = [block.fold for block in settling.blocks(study, 4 * k)]
    assert sorted(folds[:k]) == list(range(k))
    for half in (folds[::2], folds[1::2]):
        assert sorted(half[:k]) == list(range(k))
        assert sorted(half[k:]) == list(range(k))


def test_a_design_drawn_with_pairs_of_blocks_on_a_fold_keeps_them(tmp_path):
    study, settling = halves(5)
    written = tmp_path / "design.json"
    write_settling(written, settling)
    content = json.loads(written.read_text())
    del content["paired"]  # as it was before there was a choice
    written.write_text(json.dumps(content))
    again = read_settling(written)
    assert [block.fold for block in again.blocks(study, 6)] == [0, 0, 1, 1, 2, 2]


def test_a_design_remembers_that_each_block_has_a_fold_of_its_own(tmp_path):
    study, settling = halves(5, paired=False)
    write_settling(tmp_path / "design.json", settling)
    again = read_settling(tmp_path / "design.json")
    assert again.blocks(study, 6) == settling.blocks(study, 6)
    assert all(one.fold != other.fold for one, other in pairwise(again.blocks(study, 6)))
