"""One ResNet for all variants, so that a study compares values and not classes.

Names of parameters follow published weights: torchvision's for `org`; timm's for the deep stem
(`conv1.0`, `conv1.1`, `conv1.3`, ...) and for pooled shortcuts (`downsample.1` conv, `.2` BN).
"""

import re
from collections.abc import Collection
from typing import Final

import torch
from torch import Tensor, nn

from agecls.errors import ImageError, RecipeError
from agecls.nets.kernels.convolution import Convolution
from agecls.nets.net import Net
from agecls.nets.variants import DEPTHS, VARIANTS, Variant

STEM_WIDTH: Final = 64
"""Channels that leave the stem, of every variant."""

MIN_SIZE: Final = 16
"""Smallest image side in pixels: there layers 3 and 4 are 1x1 already."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, stride in the first (He et al. 2015, Fig. 5 left)."""

    expansion: Final = 1

    def __init__(self, inputs: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = Convolution(inputs, width, 3, stride=stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = Convolution(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The BN whose gamma scales the whole residual branch."""
        return self.bn2

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, width, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)

        x = self.relu(self.bn1(self.conv1(x)))

        x = self.bn2(self.conv2(x))

        x += shortcut
        out: Tensor = self.relu(x)
        return out


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, stride in the 3x3: ResNet-B (He et al. 2018, Fig. 2a)."""

    expansion: Final = 4

    def __init__(self, inputs: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = Convolution(inputs, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = Convolution(width, width, 3, stride=stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = Convolution(width, width * self.expansion, 1)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The BN whose gamma scales the whole residual branch."""
        return self.bn3

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, 4 width, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)

        x = self.relu(self.bn1(self.conv1(x)))

        x = self.relu(self.bn2(self.conv2(x)))

        x = self.bn3(self.conv3(x))

        x += shortcut
        out: Tensor = self.relu(x)
        return out


BLOCKS: Final[dict[str, type[BasicBlock] | type[Bottleneck]]] = {
    "basic": BasicBlock,
    "bottleneck": Bottleneck,
}


def _stem(variant: Variant) -> nn.Module:
    """The convolutions before `bn1`."""
    if variant.stem is None:
        return Convolution(3, STEM_WIDTH, 7, stride=2)
    first, second, last = variant.stem

    def between(width: int) -> list[nn.Module]:
        return [nn.BatchNorm2d(width), nn.ReLU(inplace=True)] if variant.stem_has_norm else []

    return nn.Sequential(
        Convolution(3, first, 3, stride=2),
        *between(first),
        Convolution(first, second, 3),
        *between(second),
        Convolution(second, last, 3),
    )


def _shortcut(variant: Variant, inputs: int, outputs: int, stride: int) -> nn.Module | None:
    """What takes a block's input to the shape of its output; None where they have the same."""
    if stride == 1 and inputs == outputs:
        return None
    norm = nn.BatchNorm2d(outputs)
    if variant.shortcut == "conv" or (variant.shortcut == "pool_strided" and stride == 1):
        return nn.Sequential(Convolution(inputs, outputs, 1, stride=stride), norm)
    # as timm: ceil_mode gives odd sides the size that the strided 3x3 gives them
    pool = (
        nn.Identity()
        if stride == 1
        else nn.AvgPool2d(2, stride, ceil_mode=True, count_include_pad=False)
    )
    return nn.Sequential(pool, Convolution(inputs, outputs, 1), norm)


class ResNet(Net):
    """A ResNet of one variant and depth; see `agecls.nets.variants`.

    Attributes:
        variant: Name in `VARIANTS`.
        depth: Key of `DEPTHS`.
    """

    def __init__(self, variant: str, depth: int, *, n_outputs: int) -> None:
        super().__init__()
        self.variant = variant
        self.depth = depth
        structure = VARIANTS[variant]
        kind, counts = DEPTHS[depth]
        block = BLOCKS[kind]
        self.conv1 = _stem(structure)
        self.bn1 = nn.BatchNorm2d(STEM_WIDTH)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)

        inputs = STEM_WIDTH
        layers = []
        for width, stride, count in zip((64, 128, 256, 512), (1, 2, 2, 2), counts, strict=True):
            outputs = width * block.expansion
            blocks = [block(inputs, width, stride, _shortcut(structure, inputs, outputs, stride))]
            blocks += [block(outputs, width, 1, None) for _ in range(count - 1)]
            layers.append(nn.Sequential(*blocks))
            inputs = outputs
        self.layer1, self.layer2, self.layer3, self.layer4 = layers

        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inputs, n_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) float32, normalised -> (B, n_outputs).

        Raises:
            ImageError: H or W is less than `MIN_SIZE`.
        """
        height, width = x.shape[-2:]
        if min(height, width) < MIN_SIZE:
            raise ImageError(
                f"images of {width} x {height} px are too small for a ResNet; "
                f"expected {MIN_SIZE} px or more a side"
            )
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (B, 64, H/4, W/4)

        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(x)  # (B, 512 expansion, H/32, W/32)

        out: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return out


def build(variant: str, depth: int, *, n_outputs: int, size: int | None = None) -> ResNet:
    """A ResNet with PyTorch's default initialisation; `initialise` it or load weights.

    It takes images of any `size` from `MIN_SIZE`.

    Raises:
        RecipeError: There is no such depth.
    """
    if depth not in DEPTHS:
        there = ", ".join(map(str, DEPTHS))
        raise RecipeError(f"ResNet depth is {depth!r}; expected one of {there}")
    return ResNet(variant, depth, n_outputs=n_outputs)


SCHEMES: Final = ("kaiming", "xavier", "pytorch")
"""Initialisations of convolutions."""


def initialise(net: Net, scheme: str, *, zero_gamma: bool) -> None:
    """Draw all parameters anew from torch's global generator, which the caller seeds.

    Convolutions follow `scheme`: `kaiming` is He et al. 2015 (arXiv:1502.01852), normal with
    variance 2 / fan_out, as torchvision does; `xavier` is Glorot and Bengio 2010, uniform;
    `pytorch` is PyTorch's default. BN starts as the identity, the head as PyTorch's default.

    Args:
        net: Changed in place.
        scheme: `kaiming`, `xavier` or `pytorch`.
        zero_gamma: Whether the last BN gamma of each block starts at 0, so that the block starts
            as its shortcut alone (Goyal et al. 2017, arXiv:1706.02677, section 5.1).

    Raises:
        RecipeError: There is no such scheme.
    """
    if scheme not in SCHEMES:
        raise RecipeError(f"init_scheme is {scheme!r}; expected one of {', '.join(SCHEMES)}")
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            if scheme == "kaiming":
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif scheme == "xavier":
                nn.init.xavier_uniform_(module.weight)
            else:
                module.reset_parameters()
        elif isinstance(module, nn.BatchNorm2d | nn.Linear):
            module.reset_parameters()
    if zero_gamma:
        for module in net.modules():
            if isinstance(module, BasicBlock | Bottleneck):
                nn.init.zeros_(module.last_norm.weight)


_SHORTCUT: Final = re.compile(r"(layer\d+\.\d+\.downsample)\.(\d+)\.(.+)")


def remap(
    variant: str, own: Collection[str], theirs: Collection[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Names of plain and of pooled shortcuts for each other; see `agecls.nets.families.Code`.

    They hold the same parameters, as `downsample.0` conv, `.1` BN and as `.1` conv, `.2` BN.
    """

    def renamed(key: str) -> str:
        match = _SHORTCUT.fullmatch(key)
        if match is None:
            return key
        shortcut, index, rest = match.groups()
        shift = _conv_index(own, shortcut) - _conv_index(theirs, shortcut)
        return f"{shortcut}.{int(index) + shift}.{rest}"

    new: list[str] = []
    if not VARIANTS[variant].takes_remapped:
        shortcuts = {match[1] for name in own if (match := _SHORTCUT.fullmatch(name))}
        new = [s + "." for s in shortcuts if _conv_index(own, s) != _conv_index(theirs, s)]
    return {key: renamed(key) for key in theirs}, tuple(new)


def _conv_index(names: Collection[str], shortcut: str) -> int:
    """Place of the convolution in a shortcut: 0, or 1 behind a pool, which has no parameters."""
    return 0 if f"{shortcut}.0.weight" in names else 1
