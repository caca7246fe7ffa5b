"""Everything that defines one training run apart from its data: the recipe."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, get_type_hints

from agecls.errors import RecipeError
from agecls.nets.families import FAMILIES, family_of

CHOICES: Final[dict[str, tuple[str | int, ...]]] = {
    "variant": tuple(name for family in FAMILIES for name in family.variants),
    "depth": tuple(sorted({depth for family in FAMILIES for depth in family.depths})),
    "init": ("scratch", "pretrained"),
    "init_scheme": ("kaiming", "xavier", "earlier"),
    "normalisation": ("weights", "half"),
    "optimizer": ("sgd", "adamw", "adam"),
    "scheduler": ("cosine", "step", "linear", "constant"),
    "schedule_per": ("step", "epoch"),
    "augmentation_kind": ("all", "flip"),
    "precision": ("mixed", "float32"),
    "loss": (
        "cross_entropy",
        "class_balanced",
        "focal",
        "logit_adjusted",
        "corn",
        "soft_ordinal",
    ),
}
"""Levels of each categorical field; `variant` may also be a net of `agecls.nets.families.TIMM`."""

ORDINAL_LOSSES: Final = ("corn", "soft_ordinal")
"""Losses that ask how far a class is from another, so only of classes that have an order."""

BOUNDS: Final[dict[str, tuple[float, float]]] = {
    "lr": (1e-8, 10.0),
    "weight_decay": (0.0, 1.0),
    "momentum": (0.0, 0.999),
    "batch_size": (2, 4096),
    "epochs": (1, 1000),
    "warmup": (0.0, 0.9),
    "label_smoothing": (0.0, 0.9),
    "augmentation": (0.0, 1.0),
    "ema": (0.0, 0.99999),
}
"""Smallest and largest value of each numeric field, both included."""


def is_choice(name: str, value: Any) -> bool:
    """Whether a categorical field can have a value."""
    is_named = name == "variant" and isinstance(value, str) and any(f.has(value) for f in FAMILIES)
    return is_named or value in CHOICES[name]


def choices(name: str) -> str:
    """What a categorical field can be, for people."""
    levels = map(str, CHOICES[name])
    named = (spelled for f in FAMILIES if not f.variants for spelled in f.spelled)
    return ", ".join([*levels, *(named if name == "variant" else ())])


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One configuration of training; equal recipes and seeds give equal runs.

    Attributes:
        variant: Structure of the net; see `agecls.nets.families`.
        depth: 18, 26, 50 or 101 layers of a ResNet. This, `init_scheme` and `zero_gamma` are of
            our ResNets alone: a net of timm keeps their defaults, and nothing looks at them.
        init: `scratch`, or `pretrained` from a weight source given beside the recipe.
        init_scheme: Initialisation of convolutions that start at random; `earlier` is Xavier from
            scratch and PyTorch's default beside loaded weights, as the earlier study had it.
        normalisation: Mean and deviation of the loaded `weights`' own images, or `half`: 0.5.
            From scratch both are 0.5.
        zero_gamma: Last BN gamma of each block starts at 0; None where `init` is pretrained.
        optimizer: `sgd` is SGD with Nesterov momentum.
        lr: Peak learning rate.
        weight_decay: Applied to weights of convolutions and the head, never to BN or biases.
        momentum: SGD's momentum; Adam's first beta.
        batch_size: Images per step.
        epochs: Planned length; the schedule ends here.
        scheduler: Decay of the rate after the warm-up.
        schedule_per: Rate changes every `step`, or every `epoch` as the earlier study did.
        warmup: Share of the planned steps (or epochs) with a linearly rising rate.
        loss: Training objective; see `agecls.training.losses`.
        label_smoothing: Mass spread evenly over all classes; losses that do not take it ignore it.
        augmentation: Strength from 0 (none) to 1; see `agecls.training.batches`.
        ema: Largest decay per step of the averaged weights that are evaluated; 0: off.
        precision: `mixed`: bfloat16 where the device has it, see `agecls.nets.kernels.precision`;
            or `float32` (on GPUs TF32).
        seed: Root of this run's random streams.
    """

    variant: str = "org"
    depth: int = 50
    init: str = "scratch"
    init_scheme: str = "kaiming"
    normalisation: str = "weights"
    zero_gamma: bool | None = None
    optimizer: str = "sgd"
    lr: float = 0.05
    weight_decay: float = 5e-4
    momentum: float = 0.9
    batch_size: int = 64
    epochs: int = 6
    scheduler: str = "cosine"
    schedule_per: str = "step"
    warmup: float = 0.1
    loss: str = "cross_entropy"
    label_smoothing: float = 0.0
    augmentation: float = 0.3
    augmentation_kind: str = "all"
    ema: float = 0.0
    precision: str = "mixed"
    seed: int = 0

    def __post_init__(self) -> None:
        """Reject values out of their range.

        Raises:
            RecipeError: A field's value is not allowed.
        """
        for name in CHOICES:
            value = getattr(self, name)
            if not is_choice(name, value):
                raise RecipeError(
                    f"recipe field `{name}` is {value!r}; expected one of {choices(name)}"
                )
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise RecipeError(
                    f"recipe field `{name}` is {value!r}; expected {low:g} <= {name} <= {high:g}"
                )
        if self.zero_gamma is not None and self.init == "pretrained":
            raise RecipeError(
                "recipe field `zero_gamma` is set with init 'pretrained', where it would erase "
                "loaded weights; leave it out"
            )

        for field in fields(self):
            if field.name in family_of(self.variant).lacks:
                value = getattr(self, field.name)
                if value != field.default:
                    raise RecipeError(
                        f"recipe field `{field.name}` is {value!r} with variant "
                        f"{self.variant!r}, for which it means nothing; leave it out"
                    )

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values, for JSON and checkpoints."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """A recipe from plain values; fields left out take their defaults.

        Raises:
            RecipeError: A key is unknown, a value has the wrong type or is out of its range.
        """
        hints = get_type_hints(cls)
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            there = ", ".join(sorted(known))
            raise RecipeError(f"recipe field {unknown[0]!r} is unknown; the fields are {there}")
        typed: dict[str, Any] = {}
        for name, value in values.items():
            hint = hints[name]
            if hint is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            is_bool_for_number = isinstance(value, bool) and hint in (int, float)
            if is_bool_for_number or not isinstance(value, hint):
                wanted = getattr(hint, "__name__", str(hint))
                raise RecipeError(f"recipe field `{name}` is {value!r}; expected {wanted}")
            typed[name] = value
        return cls(**typed)
