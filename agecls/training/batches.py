"""Whole uint8 batches on the device -> augmented, normalised float batches.

All random numbers of an epoch are drawn at once, one row of `N_DRAWS` per image, and only then
scaled by the strength: runs of one seed augment an image of an epoch alike, whatever their batch
size and strength.

Everything works on the batch as a whole: the geometry is one sampling grid per image, colour is
one linear map, so that on a CPU thread it costs a hundredth of a ResNet-50 step.
"""

import warnings
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

N_DRAWS: Final = 13
"""Uniform numbers per image: 5 for the geometry, 3 for the colour, 5 for the erasing."""

FLIP_SHARE: Final = 0.5
"""Most images that are flipped; reached at half strength, since a face has no preferred side."""
ROTATION: Final = np.pi / 9
"""Largest rotation in radians at strength 1, either way."""
ZOOM: Final = 0.35
"""Largest change of log scale at strength 1, crop or shrink: 0.70 to 1.42."""
SHIFT: Final = 0.15
"""Largest shift at strength 1 as a share of the side, in x and in y."""
COLOUR: Final = 0.5
"""Largest relative change of brightness, contrast and saturation at strength 1."""
ERASE_SHARE: Final = 0.5
"""Share of images with an erased rectangle at strength 1."""
ERASE_SIDE: Final = 0.5
"""Longest erased side at strength 1 as a share of the image's."""

_LUMA: Final = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in PIL's and torchvision's greyscale

Rgb = tuple[float, float, float]


def image_tensor(images: NDArray[np.uint8]) -> Tensor:
    """The same memory as a tensor, also for arrays that may not be written to.

    Ray's object store and memory maps hand out read-only arrays, of which torch warns. Nobody
    in this package writes to a batch of images, so that one warning is silenced.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(images)


def draw(n: int, generator: torch.Generator) -> Tensor:
    """Uniform numbers (n, N_DRAWS) in [0, 1) for one epoch of n images, on the CPU.

    They are drawn there for any device, so that a GPU augments as a CPU does.
    """
    return torch.rand(n, N_DRAWS, generator=generator)


def normalisation(mean: Rgb, std: Rgb, device: torch.device) -> Tensor:
    """Mean and standard deviation per channel, of values in 0..1, as batches take them.

    Not made per batch, since a GPU would wait for the copy. Shape (2, 3, 1, 1), in units of the
    bytes 0..255.
    """
    return torch.tensor([mean, std], device=device).view(2, 3, 1, 1) * 255


def training_batch(images: Tensor, draws: Tensor, normal: Tensor, *, strength: float) -> Tensor:
    """Augmented and normalised images (B, 3, S, S) float32, channels last.

    Flip, rotation, crop or shrink, and shift are one resampling with reflected borders; then
    brightness, contrast, saturation; then an erased rectangle in the mean colour. Strength 0 is
    `evaluation_batch`, without even a flip.

    Args:
        images: (B, S, S, 3) uint8.
        draws: (B, N_DRAWS) rows of `draw`, on the device of the images.
        normal: What `normalisation` made.
        strength: 0 to 1; scales every magnitude and share.
    """
    if strength == 0:
        return evaluation_batch(images, normal)
    warped = _warp(_as_float(images), draws[:, :5], strength)
    coloured = _jitter(warped, draws[:, 5:8], strength)
    standard = _normalise(coloured, normal)
    erased = standard.masked_fill_(_rectangles(draws[:, 8:], images.shape[1], strength), 0.0)
    return erased.contiguous(memory_format=torch.channels_last)


def flipped_batch(images: Tensor, draws: Tensor, normal: Tensor) -> Tensor:
    """Half the images mirrored, all normalised: what the earlier study did to its images.

    Args:
        images: (B, S, S, 3) uint8.
        draws: (B, N_DRAWS) rows of `draw`, on the device of the images.
        normal: From `normalisation`, on the same device.
    """
    mirrored = (draws[:, 0] < FLIP_SHARE)[:, None, None, None]
    return evaluation_batch(torch.where(mirrored, images.flip(2), images), normal)


def evaluation_batch(images: Tensor, normal: Tensor) -> Tensor:
    """Normalised images (B, 3, S, S) float32, channels last, of images (B, S, S, 3) uint8."""
    standard = _normalise(_as_float(images), normal)
    return standard.contiguous(memory_format=torch.channels_last)


def _as_float(images: Tensor) -> Tensor:
    """Values 0..255 as (B, 3, S, S) float32; the permuted bytes already lie channels last."""
    return images.permute(0, 3, 1, 2).float()


def _normalise(pixels: Tensor, normal: Tensor) -> Tensor:
    """(pixels - mean) / standard deviation, in place."""
    return pixels.sub_(normal[0]).div_(normal[1])


def _warp(pixels: Tensor, draws: Tensor, strength: float) -> Tensor:
    """Each image resampled bilinearly through its own affine map, borders reflected."""
    flip, *rest = draws.unbind(dim=1)
    angle, zoom, shift_x, shift_y = (2 * column - 1 for column in rest)
    side = 1 - 2 * (flip < min(FLIP_SHARE, strength)).float()
    scale = torch.exp(zoom * (ZOOM * strength))
    cos = scale * torch.cos(angle * (ROTATION * strength))
    sin = scale * torch.sin(angle * (ROTATION * strength))
    shift = 2 * SHIFT * strength  # the sampling grid spans -1..1
    to_source = torch.stack(
        [side * cos, -sin, shift * shift_x, side * sin, cos, shift * shift_y], dim=1
    )
    grid = F.affine_grid(to_source.view(-1, 2, 3), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)


def _jitter(pixels: Tensor, draws: Tensor, strength: float) -> Tensor:
    """Brightness, contrast about the image's mean grey and saturation, then clipped to 0..255.

    With grey g and its mean m the three are b * (c * (s * x + (1 - s) * g) + (1 - c) * m).
    """
    factors = 1 + (2 * draws - 1) * (COLOUR * strength)
    bright, contrast, colour = factors.view(-1, 3, 1, 1, 1).unbind(dim=1)
    red, green, blue = pixels.unbind(dim=1)
    grey = (_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue).unsqueeze(1)
    level = grey.mean(dim=(2, 3), keepdim=True)
    offset = grey * (bright * contrast * (1 - colour)) + bright * (1 - contrast) * level
    return pixels.mul_(bright * contrast * colour).add_(offset).clamp_(0, 255)


def _rectangles(draws: Tensor, size: int, strength: float) -> Tensor:
    """Mask (B, 1, S, S) of one rectangle in a share of the images (Zhong et al. 2020)."""
    chosen, height, width, top, left = draws.unbind(dim=1)
    centres = (torch.arange(size, device=draws.device) + 0.5) / size

    def inside(side: Tensor, start: Tensor) -> Tensor:
        length = (0.2 + 0.8 * side) * (ERASE_SIDE * strength)
        first = start * (1 - length)
        return (centres >= first[:, None]) & (centres < (first + length)[:, None])

    erased = (chosen < ERASE_SHARE * strength)[:, None, None]
    mask = inside(height, top)[:, :, None] & inside(width, left)[:, None, :] & erased
    return mask.unsqueeze(1)
