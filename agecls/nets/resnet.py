"""One ResNet whose variants are data, so that a study compares values and not classes.

| variant    | stem (widths of its convolutions, between them) | shortcut where shape changes |
|------------|-------------------------------------------------|------------------------------|
| `org`      | one 7x7, 64                                     | 1x1 conv, stride 2           |
| `c`        | three 3x3, 32-32-64, BN and ReLU                | 1x1 conv, stride 2           |
| `d`        | one 7x7, 64                                     | 2x2 average pool, 1x1 conv   |
| `bcd`      | three 3x3, 32-32-64, BN and ReLU                | 2x2 average pool, 1x1 conv   |
| `bcd_seed` | three 3x3, 64-64-64, nothing                    | 2x2 average pool, 1x1 conv   |

Every stem has stride 2 in its first convolution and ends in BN, ReLU and a 3x3 max pool of stride
2. Layer 1 keeps the size, so that its shortcut is a 1x1 convolution of stride 1 without a pool (at
depth 18: none). BN follows every shortcut's convolution.

Origins: `org` is He et al. 2015, "Deep Residual Learning for Image Recognition"
(arXiv:1512.03385), as torchvision builds it: the stride of a bottleneck stands in its 3x3 and not
in its first 1x1 convolution, which already is ResNet-B of He et al. 2018, "Bag of Tricks for Image
Classification with Convolutional Neural Networks" (arXiv:1812.01187, Fig. 2a). `c` and `d` add
that paper's Fig. 2b and Fig. 2c, `bcd` both; at depth 50 it is timm's `resnet50d`. `bcd_seed` is
what the earlier study called BCD. Basic blocks (depth 18) know no B.

Names of parameters follow published weights: torchvision's for `org`; timm's for the deep stem
(`conv1.0`, `conv1.1`, `conv1.3`, ...) and for pooled shortcuts (`downsample.1` conv, `.2` BN).
"""

from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn

from agecls.classes import EIGHT
from agecls.errors import ImageError, RecipeError
from agecls.nets.kernels.convolution import Convolution


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One structure.

    Attributes:
        stem: Widths of the stem's 3x3 convolutions; None: one 7x7 convolution of width 64.
        stem_has_norm: Whether BN and ReLU stand between the stem's 3x3 convolutions.
        shortcut: `conv` a strided 1x1 convolution; `pool` an average pool and a 1x1 convolution;
            `pool_strided` the same, but layer 1's is named as in `conv`.
        takes_remapped: Whether pretrained shortcuts of the other kind are loaded, renamed.
    """

    stem: tuple[int, int, int] | None
    stem_has_norm: bool
    shortcut: Literal["conv", "pool", "pool_strided"]
    takes_remapped: bool = True


VARIANTS: Final[dict[str, Variant]] = {
    "org": Variant(stem=None, stem_has_norm=False, shortcut="conv"),
    "c": Variant(stem=(32, 32, 64), stem_has_norm=True, shortcut="conv"),
    "d": Variant(stem=None, stem_has_norm=False, shortcut="pool"),
    "bcd": Variant(stem=(32, 32, 64), stem_has_norm=True, shortcut="pool"),
    # the earlier study left these shortcuts random, which its replication must repeat
    "bcd_seed": Variant(
        stem=(64, 64, 64), stem_has_norm=False, shortcut="pool_strided", takes_remapped=False
    ),
}

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


DEPTHS: Final[dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, ...]]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    26: (Bottleneck, (2, 2, 2, 2)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
}
"""Kind of block and blocks per layer. He et al. 2015, Table 1; 26 is timm's `resnet26`."""


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


class ResNet(nn.Module):
    """A ResNet of one variant and depth; see the module's table.

    Attributes:
        variant: Name in `VARIANTS`.
        depth: Key of `DEPTHS`.
    """

    def __init__(self, variant: str, depth: int, *, n_outputs: int) -> None:
        super().__init__()
        self.variant = variant
        self.depth = depth
        structure = VARIANTS[variant]
        block, counts = DEPTHS[depth]
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


def build_resnet(variant: str, depth: int, *, n_outputs: int = len(EIGHT)) -> ResNet:
    """A ResNet with PyTorch's default initialisation; `initialise` it or load weights.

    Raises:
        RecipeError: There is no such variant or depth.
    """
    if variant not in VARIANTS:
        there = ", ".join(VARIANTS)
        raise RecipeError(f"ResNet variant is {variant!r}; expected one of {there}")
    if depth not in DEPTHS:
        there = ", ".join(map(str, DEPTHS))
        raise RecipeError(f"ResNet depth is {depth!r}; expected one of {there}")
    return ResNet(variant, depth, n_outputs=n_outputs)


SCHEMES: Final = ("kaiming", "xavier", "pytorch")
"""Initialisations of convolutions."""


def initialise(model: ResNet, scheme: str, *, zero_gamma: bool) -> None:
    """Draw all parameters anew from torch's global generator, which the caller seeds.

    Convolutions follow `scheme`: `kaiming` is He et al. 2015 (arXiv:1502.01852), normal with
    variance 2 / fan_out, as torchvision does; `xavier` is Glorot and Bengio 2010, uniform;
    `pytorch` is PyTorch's default. BN starts as the identity, the head as PyTorch's default.

    Args:
        model: Changed in place.
        scheme: `kaiming`, `xavier` or `pytorch`.
        zero_gamma: Whether the last BN gamma of each block starts at 0, so that the block starts
            as its shortcut alone (Goyal et al. 2017, arXiv:1706.02677, section 5.1).

    Raises:
        RecipeError: There is no such scheme.
    """
    if scheme not in SCHEMES:
        raise RecipeError(f"init_scheme is {scheme!r}; expected one of {', '.join(SCHEMES)}")
    for module in model.modules():
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
        for module in model.modules():
            if isinstance(module, BasicBlock | Bottleneck):
                nn.init.zeros_(module.last_norm.weight)
