"""Families of nets: which variants and depths there are, and whose they are.

Another family is an entry of `FAMILIES`. Its module is loaded when a net is built, so that recipes
and study files know the names without torch. Families of named nets have no list of variants but a
beginning that all their names have: `timm:NAME` is any net of timm.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from agecls.classes import EIGHT
from agecls.errors import RecipeError
from agecls.nets.variants import DEPTHS, TIMM_PREFIX, VARIANTS

if TYPE_CHECKING:
    from agecls.nets.net import Net


class Code(Protocol):
    """What a family's module holds."""

    def build(self, variant: str, depth: int, *, n_outputs: int, size: int | None) -> "Net":
        """A net with its library's initialisation.

        RecipeError if there is none of this name, this depth or for images of this size in pixels.
        """

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


class Parts(NamedTuple):
    """Beginnings of a net's names, each of none, one or several.

    Attributes:
        head: New whatever was loaded.
        stem: Loaded whole, or new.
        body: Loaded whole.
    """

    head: tuple[str, ...]
    stem: tuple[str, ...]
    body: tuple[str, ...]


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
        lacks: Fields of a recipe that mean nothing here, and keep their defaults.
    """

    name: str
    variants: tuple[str, ...]
    depths: tuple[int, ...]
    head: str
    stem: str
    body: str
    published: str
    code: Callable[[], Code]
    lacks: frozenset[str] = frozenset()

    def has(self, variant: str) -> bool:
        """Whether a variant is its."""
        return variant in self.variants

    @property
    def spelled(self) -> tuple[str, ...]:
        """How its variants are spelled, for people."""
        return self.variants

    def parts(self, net: "Net") -> Parts:
        """Which of a net's names are what."""
        return Parts((self.head,), (self.stem,), (self.body,))

    def title(self, variant: str, depth: int) -> str:
        """What people call one net."""
        return f"{self.kind(depth)} `{variant}`"

    def kind(self, depth: int) -> str:
        """What people call its nets of a depth."""
        return f"{self.name}-{depth}" if self.depths else self.name


@dataclass(frozen=True, kw_only=True)
class NamedFamily(Family):
    """Nets of a library, each of its own construction, as `PREFIX:NAME`.

    Attributes:
        prefix: Beginning of every variant, with the colon.
    """

    prefix: str

    def has(self, variant: str) -> bool:
        """Whether a variant is its; whether the library has it, only the library knows."""
        return variant.startswith(self.prefix) and len(variant) > len(self.prefix)

    @property
    def spelled(self) -> tuple[str, ...]:
        """How its variants are spelled, for people."""
        return (f"{self.prefix}NAME",)

    def parts(self, net: "Net") -> Parts:
        """The head that the net itself tells; all else must be loaded."""
        return Parts(net.head_names, (), ("",))


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


def _timm() -> Code:
    from agecls.nets import timm_nets

    return timm_nets


TIMM: Final = NamedFamily(
    name="timm net",
    prefix=TIMM_PREFIX,
    variants=(),
    depths=(),
    head="",
    stem="",
    body="",
    published="",
    code=_timm,
    lacks=frozenset({"depth", "init_scheme", "zero_gamma"}),
)

FAMILIES: Final[tuple[Family, ...]] = (RESNET, TIMM)


def family_of(variant: str) -> Family:
    """The family that has this variant.

    Raises:
        RecipeError: None has.
    """
    for family in FAMILIES:
        if family.has(variant):
            return family
    there = ", ".join(name for family in FAMILIES for name in family.spelled)
    raise RecipeError(f"variant is {variant!r}; expected one of {there}")


def build_net(
    variant: str, depth: int, *, n_outputs: int = len(EIGHT), size: int | None = None
) -> "Net":
    """A net of any family with its library's default initialisation.

    Args:
        variant: Of a family.
        depth: Of the variant; families whose variants are whole nets do not look at it.
        n_outputs: Of the head.
        size: Side in pixels of the images, for nets that are built for one size; None: theirs.

    Raises:
        RecipeError: There is no such variant, or not of this depth or for this size.
    """
    return family_of(variant).code().build(variant, depth, n_outputs=n_outputs, size=size)
