from study.plan.settle_plan import Settling
from study.plan.settle_rows import settle_design
from tests.study.asked.test_factors import GAMMA, INIT, study_of
from tests.study.plan.test_settle_rows import beats


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
