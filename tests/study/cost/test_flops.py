import pytest

from study.cost.flops import forward_flops


def test_resnet_50_at_224_px_costs_the_published_4_1_billion_multiply_adds():
    # torchvision's table of ResNet-50 says 4.09 GFLOPS, where it counts a multiply-add as one
    assert forward_flops("org", 50, 224) == pytest.approx(2 * 4.09e9, rel=0.005)


def test_the_head_and_stem_of_a_tiny_net_are_counted_by_hand():
    # a 7x7 stem of 16 px, 8x8 places: what a second stem of three 3x3 layers costs more
    org = 8 * 8 * 64 * 3 * 49 * 2
    bcd = 8 * 8 * 9 * 2 * (3 * 32 + 32 * 32 + 32 * 64)
    # shortcuts of `bcd` convolve after pooling, those of `org` at a stride: as many products
    assert forward_flops("bcd", 18, 16) - forward_flops("org", 18, 16) == bcd - org


def test_arithmetic_grows_with_the_pixels():
    at_64 = forward_flops("org", 50, 64)
    assert forward_flops("org", 50, 128) == pytest.approx(4 * at_64, rel=0.01)
