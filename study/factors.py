"""What a study varies and believes: the values that search, tables, analysis and report share.

These classes hold no logic of search or statistics, and importing them loads nothing heavy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

Level = str | int | float | bool
"""One value of a factor, as the study file spells it."""

Config = Mapping[str, Level]
"""One level per factor that exists; a factor that does not exist under the others is absent."""

Role = Literal["arm", "tuned", "fixed"]


def holds(when: Config, config: Config) -> bool:
    """Whether each factor that `when` names has the level that it asks for."""
    return all(name in config and config[name] == level for name, level in when.items())


@dataclass(frozen=True, kw_only=True)
class Range:
    """A numeric interval, ends included, that applies where `when` holds.

    This is the reference box of the analysis: shares and contrasts average over it.
    """

    low: float
    high: float
    when: Config = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Factor:
    """One varied or fixed input of a recipe.

    Attributes:
        name: The recipe's field, such as `lr`.
        role: `arm` (levels are crossed), `tuned` (searched inside each arm) or `fixed`.
        levels: The levels in reading order; empty for a numeric factor; one level if fixed.
        ranges: Intervals of a numeric factor, the first one that applies counts; else empty.
        log: Whether a numeric factor is varied on a logarithmic scale.
        when: Levels of other factors under which this factor exists; empty: always.
    """

    name: str
    role: Role
    levels: tuple[Level, ...] = ()
    ranges: tuple[Range, ...] = ()
    log: bool = False
    when: Config = field(default_factory=dict)

    @property
    def is_numeric(self) -> bool:
        """Whether the factor has a range rather than levels."""
        return bool(self.ranges)

    def exists(self, config: Config) -> bool:
        """Whether the factor has a value under the other factors' levels."""
        return holds(self.when, config)

    def range_for(self, config: Config) -> Range | None:
        """The interval under the other factors' levels, or None where none is declared."""
        return next((r for r in self.ranges if holds(r.when, config)), None)


@dataclass(frozen=True, kw_only=True)
class DifferenceClaim:
    """`better` exceeds `worse` by at least `least` points, both tuned."""

    name: str
    text: str
    factor: str
    better: Level
    worse: Level
    least: float


@dataclass(frozen=True, kw_only=True)
class EquivalenceClaim:
    """The two levels of `factor` differ by less than `within` points, both tuned."""

    name: str
    text: str
    factor: str
    equal: tuple[Level, Level]
    within: float


@dataclass(frozen=True, kw_only=True)
class ImportanceClaim:
    """`factor` takes a larger share of the variance than `more_than`."""

    name: str
    text: str
    factor: str
    more_than: str


Claim = DifferenceClaim | EquivalenceClaim | ImportanceClaim


@dataclass(frozen=True, kw_only=True)
class PretrainPlan:
    """A backbone per variant, trained before the search, from which `pretrained` starts.

    Attributes:
        data: A data root, or `synthetic` for drawn faces of another population than the study's.
        images: At most this many training images; None: all.
        epochs: Epochs of each backbone.
    """

    data: str
    epochs: int
    images: int | None = None


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study file, resolved and valid: everything that was asked, nothing measured.

    Attributes:
        name: The study file's stem or the preset's name.
        question: One sentence for the head of the report.
        metric: Column of `trials` that is maximised, such as `val_accuracy`.
        trials: Search trials, all arms together.
        epochs: The longest planned schedule.
        seed: Root of every random stream of the study.
        design_share: Share of the trials drawn independently of results and never stopped early.
        reduction: ASHA's eta: one trial in `reduction` goes on at each rung.
        confirm_seeds: Fresh seeds per arm in the confirm stage; 0: no confirmation.
        data: A data root, or `synthetic`.
        size: Image side in pixels.
        deduplicate: Whether exact duplicates of training images are trained on once.
        weights: Where `init = "pretrained"` starts: a file (may hold `{variant}` and `{depth}`),
            `torchvision:NAME`, or None when `pretrain` makes the weights.
        pretrain: The backbones to train first, or None.
        factors: In reading order; arms, tuned and fixed ones.
        claims: Declared before the search.
    """

    name: str
    question: str
    metric: str
    trials: int
    epochs: int
    seed: int
    design_share: float
    reduction: int
    confirm_seeds: int
    data: str
    size: int
    deduplicate: bool
    weights: str | None
    pretrain: PretrainPlan | None
    factors: tuple[Factor, ...]
    claims: tuple[Claim, ...]

    def of_role(self, role: Role) -> tuple[Factor, ...]:
        """The factors with this role, in reading order."""
        return tuple(f for f in self.factors if f.role == role)

    def factor(self, name: str) -> Factor:
        """The factor of this name; KeyError if the study has none."""
        for f in self.factors:
            if f.name == name:
                return f
        raise KeyError(name)

    @property
    def arms(self) -> tuple[dict[str, Level], ...]:
        """Every crossed cell as {factor: level}; one empty cell where no factor is an arm."""
        crossed = self.of_role("arm")
        return tuple(
            dict(zip((f.name for f in crossed), cell, strict=True))
            for cell in product(*(f.levels for f in crossed))
        )


def arm_name(study: Study, config: Config) -> str:
    """Name of the arm that a configuration belongs to, such as `org-scratch`; `all` if no arms."""
    return "-".join(str(config[f.name]) for f in study.of_role("arm")) or "all"
