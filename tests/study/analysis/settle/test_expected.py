import numpy as np
import pytest

from study.analysis.settle.evidence import Questions
from study.analysis.settle.expected import Expected, Noise, expected_half_widths
from study.analysis.settle.verdicts import SettleRules, judge_settled
from tests.study.analysis.settle.conftest import N_FOLDS, accrued, beats, design_of, trained


def test_intervals_come_out_as_wide_as_was_expected():
    design, rules = design_of(4), SettleRules(planned=6)
    questions = Questions.of(design, [beats(f"f{i}") for i in range(4)])
    noise = Noise(training=1.4, tested=200, image=0.0)
    expected = expected_half_widths(
        questions, rules, blocks=6, images=1_000, n_folds=N_FOLDS, noise=noise
    )
    widths = []
    for seed in range(20):
        some = trained(np.zeros(8), 6, np.random.default_rng(seed), noise=1.4, design=design)
        last = judge_settled(questions, accrued(some), rules).last
        widths.append([np.diff(s.evidence.effect.estimate.interval())[0] / 2 for s in last])
    assert np.median(widths) == pytest.approx(expected[0].half_width, rel=0.1)
    assert [e.claim.name for e in expected] == ["f0", "f1", "f2", "f3"]
    assert expected[0].adjusted > expected[0].half_width


def test_images_leave_a_floor_that_more_blocks_do_not_pass():
    questions = Questions.of(design_of(4), [beats("f0")])

    def width(blocks: int) -> float:
        return expected_half_widths(
            questions,
            SettleRules(planned=blocks),
            blocks=blocks,
            images=8_016,
            n_folds=N_FOLDS,
        )[0].half_width

    assert width(2) > width(5) > width(10) > width(1000) > 1.96 * 22 / np.sqrt(8_016)


def test_a_plan_that_was_prolonged_is_told_at_its_own_end():
    questions = Questions.of(design_of(4), [beats("f0")])

    def told(rules: SettleRules, blocks: int) -> Expected:
        return expected_half_widths(
            questions, rules, blocks=blocks, images=8_016, n_folds=N_FOLDS
        )[0]

    first, longer = told(SettleRules(planned=5), 5), told(SettleRules(planned=5, ends=(20,)), 20)
    assert longer.half_width < first.half_width
    assert longer.half_width == told(SettleRules(planned=20), 20).half_width
    assert longer.adjusted > told(SettleRules(planned=20), 20).adjusted  # most alpha was spent


def test_a_set_of_few_images_is_told_to_have_wider_intervals_whoever_is_on_them():
    questions = Questions.of(design_of(4), [beats("f0")])

    def width(images: int) -> float:
        return expected_half_widths(
            questions, SettleRules(planned=5), blocks=5, images=images, n_folds=N_FOLDS
        )[0].half_width

    assert width(2_004) == pytest.approx(2 * width(8_016))
