"""The structures of our ResNets as data, which recipes and study files read without torch.

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
"""

from dataclasses import dataclass
from typing import Final, Literal


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

TIMM_PREFIX: Final = "timm:"
"""Beginning of the variants that are nets of timm, before timm's name."""

DEPTHS: Final[dict[int, tuple[Literal["basic", "bottleneck"], tuple[int, ...]]]] = {
    18: ("basic", (2, 2, 2, 2)),
    26: ("bottleneck", (2, 2, 2, 2)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
}
"""Kind of block and blocks per layer. He et al. 2015, Table 1; 26 is timm's `resnet26`."""
