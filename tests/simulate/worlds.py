"""Worlds with known effects: what a recipe reaches, and how its curve gets there.

The surface is a sum of centred mains, pairs and (in one kind of world) triples of shapes that are
not the estimator's: bumps, steps, sigmoids. Because every part is centred in each of its factors
under the reference measure, its variance is its exact share; nothing is estimated.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from study.asked.factors import Factor, Range
from study.asked.study import Study

Array = NDArray[np.float64]
Kind = Literal["power", "sigmoid", "crossing", "heavy", "tangled", "shadowed", "cliff"]
KINDS: tuple[Kind, ...] = (
    "power",
    "sigmoid",
    "crossing",
    "heavy",
    "tangled",
    "shadowed",
    "cliff",
)
"""Power-law curves; sigmoid and exponential ones; ceilings that rise as speed falls; Student-t
noise; strong pairs and triples; nulls that the search moves together with active factors; a
learning-rate cliff inside the box that depends on init and optimizer."""


def _rate(optimizer: str, init: str, low: float, high: float) -> Range:
    return Range(low=low, high=high, when={"optimizer": optimizer, "init": init})


def _number(name: str, low: float, high: float, *, log: bool = False) -> Factor:
    return Factor(name=name, role="tuned", ranges=(Range(low=low, high=high),), log=log)


FACTORS = (
    Factor(name="variant", role="arm", levels=("org", "bcd")),
    Factor(name="init", role="arm", levels=("scratch", "pretrained")),
    Factor(name="optimizer", role="tuned", levels=("sgd", "adamw")),
    Factor(
        name="lr",
        role="tuned",
        log=True,
        ranges=(
            _rate("sgd", "scratch", 1e-2, 0.3),
            _rate("sgd", "pretrained", 1e-3, 5e-2),
            _rate("adamw", "scratch", 3e-4, 1e-2),
            _rate("adamw", "pretrained", 3e-5, 1e-3),
        ),
    ),
    _number("weight_decay", 1e-5, 1e-2, log=True),
    Factor(name="batch_size", role="tuned", levels=(32, 64, 128)),
    Factor(name="epochs", role="tuned", levels=(6, 12)),
    Factor(name="scheduler", role="tuned", levels=("cosine", "step", "linear")),
    _number("warmup", 0.0, 0.3),
    _number("label_smoothing", 0.0, 0.2),
    _number("augmentation", 0.0, 1.0),
    Factor(name="ema", role="tuned", levels=(False, True)),
    Factor(name="loss", role="tuned", levels=("cross_entropy", "focal", "soft_ordinal")),
    Factor(name="zero_gamma", role="tuned", levels=(False, True), when={"init": "scratch"}),
    _number("momentum", 0.8, 0.99),
)
"""Fifteen factors, one of them conditional, one with ranges that depend on others."""


def make_study(*, trials: int, design_share: float, seed: int) -> Study:
    """A study over FACTORS."""
    return Study(
        name=f"simulated-{seed}",
        question="Which factors matter?",
        metric="val_accuracy",
        trials=trials,
        epochs=12,
        seed=seed,
        design_share=design_share,
        reduction=3,
        confirm_seeds=0,
        data="synthetic",
        size=32,
        deduplicate=True,
        weights=None,
        pretrain=None,
        factors=FACTORS,
        claims=(),
    )


@dataclass(frozen=True, kw_only=True)
class Part:
    """One centred product of shapes with its variance over the box (squared points)."""

    factors: tuple[str, ...]
    shapes: tuple[Callable[[Array], Array], ...]
    scale: float
    variance: float

    def __call__(self, places: Mapping[str, Array]) -> Array:
        """Points that it adds; zero where one of its factors does not exist."""
        value = np.full(len(next(iter(places.values()))), self.scale)
        for name, shape in zip(self.factors, self.shapes, strict=True):
            value = value * np.nan_to_num(shape(places[name]))
        return value


@dataclass(frozen=True, kw_only=True)
class World:
    """Truth.

    Attributes:
        kind: What is difficult about it.
        parts: Of the surface.
        nulls: Factors without any effect on the end.
        base: Mean points.
        noise: Seed sd in points.
        speed: Parts of the log speed of learning.
        shadows: Null -> active factor that it follows in adaptive sampling.
    """

    kind: Kind
    parts: tuple[Part, ...]
    nulls: tuple[str, ...]
    base: float
    noise: float
    speed: tuple[Part, ...]
    shadows: Mapping[str, str]

    def surface(self, places: Mapping[str, Array]) -> Array:
        """Expected final points (n,) of configurations in box coordinates."""
        return self.base + sum((part(places) for part in self.parts), start=np.zeros(1))

    def variance(self, *factors: str) -> float:
        """Variance over the box of a main effect or pair, squared points."""
        return sum(p.variance for p in self.parts if set(p.factors) == set(factors))

    @property
    def total_variance(self) -> float:
        """Variance of the surface over the box."""
        return sum(p.variance for p in self.parts)

    def involving(self, factor: str) -> float:
        """Variance of every part with this factor: its total effect."""
        return sum(p.variance for p in self.parts if factor in p.factors)

    def curve(
        self, final: float, places: Mapping[str, Array], planned: int, rng: np.random.Generator
    ) -> Array:
        """Points after each epoch (planned,), ending at `final`."""
        part = np.arange(1, planned + 1) / planned
        speed = float(np.exp(sum((s(places) for s in self.speed), start=np.zeros(1))[0]))
        if self.kind == "sigmoid":
            shape = 1 / (1 + np.exp(-8 * speed * (part - 0.35 / speed)))
            shape = shape / shape[-1]
            drop = 25 * (1 - shape)
        elif self.kind == "crossing":
            rise = 1 - np.exp(-3.5 * speed * part)
            drop = 25 * (1 - rise / rise[-1])
        else:
            drop = 6 * (part ** (-0.6 / speed) - 1)
        jitter = rng.normal(scale=0.5, size=planned)
        jitter[-1] = 0.0
        return np.clip(final - np.minimum(drop, final - 20) + jitter, 0, 100)


def draw_world(kind: Kind, rng: np.random.Generator) -> World:
    """Effects drawn at random; each factor is null in some worlds."""
    active = [f.name for f in FACTORS if rng.uniform() < 0.6]
    parts = []
    for name in active:
        if rng.uniform() < 0.85:
            sd = float(np.clip(np.exp(rng.normal(np.log(0.9), 0.7)), 0.2, 5))
            parts.append(_part((name,), sd, rng))
    many, size = (0.25, 0.9) if kind == "tangled" else (0.12, 0.5)
    for i, first in enumerate(active):
        for second in active[i + 1 :]:
            if {first, second} != {"init", "zero_gamma"} and rng.uniform() < many:
                sd = float(np.clip(np.exp(rng.normal(np.log(size), 0.6)), 0.1, 3))
                parts.append(_part((first, second), sd, rng))
    if kind == "tangled" and len(active) >= 3:
        for _ in range(3):
            triple = tuple(str(n) for n in rng.choice(active, 3, replace=False))
            if not {"init", "zero_gamma"} <= set(triple):
                parts.append(_part(triple, 0.5, rng))
    used = {n for p in parts for n in p.factors}
    nulls = tuple(f.name for f in FACTORS if f.name not in used)
    speeders = rng.choice([f.name for f in FACTORS], 4, replace=False)
    speed = [_part((str(n),), 0.25, rng) for n in speeders]
    if kind == "crossing":
        speed += [_negated(p, 0.2) for p in parts if len(p.factors) == 1]
    shadows: dict[str, str] = {}
    if kind == "shadowed":
        numbers = [f.name for f in FACTORS if f.is_numeric]
        leaders = [n for n in numbers if n in used]
        for null in (n for n in numbers if n in nulls):
            if leaders:
                shadows[null] = str(rng.choice(leaders))
    return World(
        kind=kind,
        parts=tuple(parts),
        nulls=nulls,
        base=float(rng.uniform(50, 60)),
        noise=float(rng.uniform(0.8, 1.8)),
        speed=tuple(speed),
        shadows=shadows,
    )


def _negated(part: Part, sd: float) -> Part:
    """The same shape with the other sign: fast where the end is low."""
    return Part(factors=part.factors, shapes=part.shapes, scale=-sd, variance=0.0)


def _part(names: tuple[str, ...], sd: float, rng: np.random.Generator) -> Part:
    """A random product with this sd over the box (over its existing part, for a conditional)."""
    known = {f.name: f for f in FACTORS}
    shapes = tuple(_shape(known[n], rng) for n in names)
    share = 0.5 if "zero_gamma" in names else 1.0
    return Part(factors=names, shapes=shapes, scale=sd, variance=sd**2 * share)


GRID = (np.arange(2000) + 0.5) / 2000


def _shape(factor: Factor, rng: np.random.Generator) -> Callable[[Array], Array]:
    """A random function of one factor's coordinate with mean 0 and sd 1 over the box."""
    if factor.levels:
        table = rng.standard_normal(len(factor.levels))
        table = (table - table.mean()) / table.std()

        def of_level(x: Array) -> Array:
            return np.where(np.isnan(x), 0.0, table[np.nan_to_num(x).astype(int)])

        return of_level
    where, width, sign = rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.5), rng.choice([-1.0, 1.0])
    raw = {
        0: lambda u: u,
        1: lambda u: -((u - where) ** 2),
        2: lambda u: np.exp(-0.5 * ((u - where) / width) ** 2),
        3: lambda u: np.tanh((u - where) / (0.5 * width)),
        4: lambda u: np.sqrt(u),
        5: lambda u: np.minimum(u, where),
    }[int(rng.integers(6))]
    mean, sd = float(raw(GRID).mean()), float(raw(GRID).std())
    return lambda u: sign * (raw(np.nan_to_num(u)) - mean) / sd
