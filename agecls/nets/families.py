"""Families of nets: which variants and depths there are, and whose they are.

Another family is an entry of `FAMILIES`. Its module is loaded when a net is built, so that recipes
and study files know the names without torch.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from agecls.classes import EIGHT
from agecls.errors import RecipeError
from agecls.nets.variants import DEPTHS, VARIANTS

if TYPE_CHECKING:
    from agecls.nets.net import Net


class Code(Protocol):
    """What a family's module holds."""

    def build(self, variant: str, depth: int, *, n_outputs: int) -> "Net":
        """A net with PyTorch's initialisation; RecipeError if there is none of this depth."""

    def initialise(self, net: "Net", scheme: str, *, zero_gamma: bool) -> None:
        """Draw all parameters anew from torch's global generator; RecipeError for its scheme."""

    def remap(
        self, variant: str, own: Collection[str], theirs: Collection[str]
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        """The net's name by each name of a source, and what stays new whatever the source.

        Args:
            variant: Of the net.
            own: Names of the net's parameters and statistics.
            theirs: Names in the source.

        Returns:
            Names of the net for all of `theirs`, which it may lack, and beginnings of its names.
        """


@dataclass(frozen=True, kw_only=True)
class Family:
    """Nets of one construction.

    Attributes:
        name: What people call it.
        variants: Levels of the recipe's `variant` that are its.
        depths: Levels of `depth` that it has.
        head: Beginning of the head's names, which are new whatever was loaded.
        stem: Of the stem's, which is loaded whole or stays new.
        body: Of what must be loaded whole.
        published: Torchvision's enumeration of its weights, with `{depth}`.
        code: Loads its module.
    """

    name: str
    variants: tuple[str, ...]
    depths: tuple[int, ...]
    head: str
    stem: str
    body: str
    published: str
    code: Callable[[], Code]


def _resnet() -> Code:
    from agecls.nets import resnet

    return resnet


RESNET: Final = Family(
    name="ResNet",
    variants=tuple(VARIANTS),
    depths=tuple(DEPTHS),
    head="fc.",
    stem="conv1.",
    body="layer",
    published="ResNet{depth}_Weights",
    code=_resnet,
)

FAMILIES: Final = (RESNET,)


def family_of(variant: str) -> Family:
    """The family that has this variant.

    Raises:
        RecipeError: None has.
    """
    for family in FAMILIES:
        if variant in family.variants:
            return family
    there = ", ".join(name for family in FAMILIES for name in family.variants)
    raise RecipeError(f"variant is {variant!r}; expected one of {there}")


def build_net(variant: str, depth: int, *, n_outputs: int = len(EIGHT)) -> "Net":
    """A net of any family with PyTorch's default initialisation.

    Raises:
        RecipeError: There is no such variant, or not of this depth.
    """
    return family_of(variant).code().build(variant, depth, n_outputs=n_outputs)
