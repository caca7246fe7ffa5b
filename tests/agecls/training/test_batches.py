import warnings

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.functional import (
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    rotate,
)

from agecls.training.batches import (
    COLOUR,
    N_DRAWS,
    ROTATION,
    draw,
    evaluation_batch,
    flipped_batch,
    image_tensor,
    normalisation,
    training_batch,
)

BYTES = normalisation((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255), torch.device("cpu"))
"""Leaves the values 0..255 as they are."""

FLIP, ANGLE, ZOOM, SHIFT_X, SHIFT_Y, BRIGHT, CONTRAST, COLOURED, ERASE = range(9)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(n=4, size=20, low=0, high=256):
    return torch.randint(low, high, (n, size, size, 3), dtype=torch.uint8, generator=generator())


def neutral(n=4, **columns):
    """Draws that change nothing, but for the given columns."""
    draws = torch.full((n, N_DRAWS), 0.5)
    draws[:, [FLIP, ERASE]] = 0.999
    for name, value in columns.items():
        draws[:, globals()[name]] = value
    return draws


def augmented(batch, draws, strength=1.0):
    return training_batch(batch, draws, BYTES, strength=strength)


def planes(batch):
    return batch.permute(0, 3, 1, 2).float()


def test_normalisation_is_per_channel_of_values_from_0_to_1():
    batch = images()
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)

    ours = evaluation_batch(batch, normalisation(mean, std, batch.device))

    expected = (batch.numpy() / 255 - mean) / std
    np.testing.assert_allclose(ours.permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("strength", [0.0, 0.7])
def test_batches_are_float_channels_last_and_leave_the_bytes_alone(strength):
    batch = images()
    before = batch.clone()

    ours = training_batch(batch, draw(4, generator()), BYTES, strength=strength)

    assert ours.shape == (4, 3, 20, 20)
    assert ours.dtype == torch.float32
    assert ours.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(batch, before)


def test_strength_0_is_the_evaluation_batch_whatever_was_drawn():
    batch = images(64)

    ours = augmented(batch, draw(64, generator()), strength=0.0)

    assert torch.equal(ours, evaluation_batch(batch, BYTES))


def test_a_faint_strength_is_a_faint_change():
    batch = images(64)
    draws = draw(64, generator())
    draws[:, [FLIP, ERASE]] = 0.9  # these two are rare then, not faint

    change = (augmented(batch, draws, strength=1e-4) - planes(batch)).abs()

    assert 0 < change.max() < 1


def test_neutral_draws_change_nothing():
    torch.testing.assert_close(augmented(images(), neutral()), planes(images()), atol=0.01, rtol=0)


def test_a_flip_mirrors_left_and_right():
    ours = augmented(images(), neutral(FLIP=0.0))

    torch.testing.assert_close(ours, planes(images()).flip(3), atol=0.01, rtol=0)


def test_half_the_images_are_flipped_at_half_strength_and_as_many_at_full():
    for strength, flipped in [(0.2, 0.1), (0.2, 0.3), (0.5, 0.49), (1.0, 0.49), (1.0, 0.51)]:
        ours = augmented(images(), neutral(FLIP=flipped), strength=strength)

        is_flipped = (ours - planes(images()).flip(3)).abs().max() < 0.1
        assert is_flipped == (flipped < min(0.5, strength)), (strength, flipped)


def test_the_largest_shift_is_three_of_twenty_pixels_with_a_reflected_border():
    right = augmented(images(), neutral(SHIFT_X=1.0))
    down = augmented(images(), neutral(SHIFT_Y=1.0))

    source = planes(images())
    mirrored = torch.cat([source[..., 3:], source[..., [19, 18, 17]]], dim=3)
    torch.testing.assert_close(right, mirrored, atol=0.01, rtol=0)
    torch.testing.assert_close(down[:, :, :17], source[:, :, 3:], atol=0.01, rtol=0)


def test_rotation_is_torchvisions():
    batch = images(size=31)
    degrees = float(np.degrees(ROTATION))

    ours = augmented(batch, neutral(ANGLE=1.0))

    expected = rotate(planes(batch), degrees, interpolation=InterpolationMode.BILINEAR)
    centre = slice(8, 23)  # beyond it torchvision fills with black
    torch.testing.assert_close(
        ours[:, :, centre, centre], expected[:, :, centre, centre], atol=0.2, rtol=0
    )


def test_zoom_moves_pixels_towards_or_away_from_the_centre():
    batch = torch.arange(0, 240, 12, dtype=torch.uint8).repeat(20, 1)  # columns rise by 12
    batch = batch[None, :, :, None].repeat(4, 1, 1, 3)

    ours = augmented(batch, neutral(ZOOM=0.0))

    steps = ours.diff(dim=3)
    torch.testing.assert_close(
        steps, torch.full_like(steps, 12 * float(np.exp(-0.35))), atol=1e-3, rtol=0
    )


def test_geometry_keeps_a_plain_image_plain():
    draws = draw(32, generator())
    draws[:, BRIGHT:ERASE] = 0.5
    draws[:, ERASE] = 0.999
    plain = torch.full((32, 20, 20, 3), 90, dtype=torch.uint8)

    torch.testing.assert_close(augmented(plain, draws), planes(plain), atol=0.01, rtol=0)


@pytest.mark.parametrize(
    ("column", "adjust"),
    [
        ("BRIGHT", adjust_brightness),
        ("CONTRAST", adjust_contrast),
        ("COLOURED", adjust_saturation),
    ],
)
@pytest.mark.parametrize("drawn", [0.0, 1.0])
def test_colours_change_as_torchvisions_do(column, adjust, drawn):
    batch = images(low=60, high=140)

    ours = augmented(batch, neutral(**{column: drawn}), strength=0.5)

    factor = 1 + (2 * drawn - 1) * COLOUR * 0.5
    expected = torch.stack([adjust(image / 255, factor) for image in planes(batch)]) * 255
    torch.testing.assert_close(ours, expected, atol=0.1, rtol=0)


def test_all_colours_together_are_torchvisions_one_after_the_other():
    batch = images(low=60, high=120)

    ours = augmented(batch, neutral(BRIGHT=1.0, CONTRAST=0.0, COLOURED=1.0), strength=0.5)

    up, down = 1 + COLOUR * 0.5, 1 - COLOUR * 0.5
    expected = [
        adjust_brightness(adjust_contrast(adjust_saturation(image / 255, up), down), up)
        for image in planes(batch)
    ]
    torch.testing.assert_close(ours, torch.stack(expected) * 255, atol=0.2, rtol=0)


def test_colours_stay_within_bytes():
    draws = draw(64, generator())
    draws[:, ERASE] = 0.999

    ours = augmented(images(64), draws)

    assert ours.min() >= 0
    assert ours.max() <= 255


def test_an_erased_rectangle_has_the_mean_colour_and_nothing_else_changes():
    normal = normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), torch.device("cpu"))
    draws = neutral(ERASE=0.0)
    draws[:, ERASE + 1 :] = torch.tensor([1.0, 0.0, 0.0, 1.0])  # tall, narrow, top, right

    ours = training_batch(images(), draws, normal, strength=1.0)

    untouched = evaluation_batch(images(), normal)
    assert (ours[:, :, :10, 18:] == 0).all()  # 0.5 and 0.1 of the side of 20
    torch.testing.assert_close(ours[:, :, 10:], untouched[:, :, 10:], atol=1e-3, rtol=0)
    torch.testing.assert_close(ours[:, :, :, :18], untouched[:, :, :, :18], atol=1e-3, rtol=0)


def test_each_image_follows_its_own_row_of_draws():
    batch, draws = images(16), draw(16, generator())
    order = torch.randperm(16, generator=generator(1))

    together = augmented(batch, draws)

    torch.testing.assert_close(augmented(batch[order], draws[order]), together[order])
    assert (together - planes(batch)).abs().amax(dim=(1, 2, 3)).min() > 1


def test_draws_come_from_the_generator_alone():
    assert torch.equal(draw(5, generator(3)), draw(5, generator(3)))
    assert not torch.equal(draw(5, generator(3)), draw(5, generator(4)))


def test_read_only_arrays_become_tensors_without_a_copy_or_a_warning():
    array = images().numpy().copy()
    array.flags.writeable = False
    torch.set_warn_always(True)  # else torch warns once per process and proves nothing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tensor = image_tensor(array)
    finally:
        torch.set_warn_always(False)

    assert np.shares_memory(tensor.numpy(), array)


def test_the_earlier_study_s_augmentation_mirrors_half_the_images_and_changes_nothing_else():
    images = torch.randint(0, 256, (400, 8, 8, 3), dtype=torch.uint8)
    normal = normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5), torch.device("cpu"))
    batch = flipped_batch(images, draw(400, torch.Generator().manual_seed(0)), normal)
    plain = evaluation_batch(images, normal)
    mirrored = evaluation_batch(images.flip(2), normal)
    is_plain = (batch == plain).flatten(1).all(dim=1)
    is_mirrored = (batch == mirrored).flatten(1).all(dim=1)
    assert (is_plain ^ is_mirrored).all()
    assert 150 < int(is_mirrored.sum()) < 250
