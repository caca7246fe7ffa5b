"""A study as its file asks for it: the value that search, tables, analysis and report share.

It holds no logic of search or statistics, and importing it loads nothing heavy.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Final

from agecls.classes import EIGHT, Classes
from agecls.nets.families import family_of
from agecls.recipe import Recipe
from study.asked.claim import Claim
from study.asked.factors import Config, Factor, Level, Role, by_dependency, is_inside
from study.asked.plans import (
    After,
    FoldPlan,
    Imported,
    PretrainPlan,
    ScoutPlan,
    SettlePlan,
    Trainable,
)
from study.measure import Measure, Scale

MAX_BAD_SHARE: Final = 0.02
"""Share of unusable files and rows that a study goes on with if its file says nothing."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """A study file, resolved and valid: everything that was asked, nothing measured.

    Attributes:
        name: The study file's stem or the preset's name.
        question: One sentence for the head of the report.
        metric: Column of `trials` that is maximised, such as `val_accuracy`; of a free study any
            column, which may be minimised.
        trials: Search trials, all arms together.
        added: How many of them a resumed run appended; the plan of the first ones stays as it was.
        added_design: Which of the appended ones are a design of their own, first number and how
            many of each; the others are search trials.
        epochs: The longest planned schedule.
        seed: Root of every random stream of the study.
        design_share: Share of the trials drawn independently of results and never stopped early.
        reduction: ASHA's eta: one trial in `reduction` goes on at each rung.
        confirm_seeds: Fresh seeds per arm in the confirm stage; 0: no confirmation.
        confirm_adaptive: Whether these are a mean over the arms: after `PILOT` seeds each, the
            others go where the noise is (`study.plan.allocation`).
        data: A data root, or `synthetic`; empty where nothing is trained.
        size: Image side in pixels.
        deduplicate: Whether exact duplicates of training images are trained on once.
        max_bad_share: Largest share of files and rows that may be unusable.
        classes: What an image may be.
        weights: Where `init = "pretrained"` starts: a file (may hold `{variant}` and `{depth}`),
            `torchvision:NAME`, or None when `pretrain` makes the weights.
        pretrain: The backbones to train first, or None.
        factors: In reading order; arms, tuned and fixed ones. A loaded study lists every field
            of a recipe but the seed, so that a report can name each value that was not varied.
        claims: Declared before the search.
        included: Configurations that are planned before the design, such as an earlier study's;
            numbers may lie outside the ranges.
        scout: The range scout, or None.
        settle: What is spent where verdicts are missing, or None.
        folds: The folds that trainings take in turn; None: the data's own train and val.
        imported: What is known of a search that somebody else ran, of which this study, which
            trains nothing, is made; None: it trains.
        trainable: The function that is trained; None: our recipe on faces, or nothing.
        after: An earlier study that it goes on from, or None.
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
    included: tuple[Config, ...] = ()
    added: int = 0
    added_design: tuple[tuple[int, int], ...] = ()
    scout: ScoutPlan | None = None
    max_bad_share: float = MAX_BAD_SHARE
    classes: Classes = EIGHT
    settle: SettlePlan | None = None
    folds: FoldPlan | None = None
    imported: Imported | None = None
    confirm_adaptive: bool = False
    trainable: Trainable | None = None
    after: After | None = None

    @property
    def measure(self) -> Measure:
        """Its metric, as people read it."""
        return Measure(self.metric, self.scale)

    @property
    def n_looks(self) -> int:
        """How often the search is looked at: before each design that was appended, and now."""
        return 1 + len(self.added_design)

    def measure_of(self, claim: Claim) -> Measure:
        """The metric that a claim is judged on, as people read it."""
        return claim.measure if claim.measure.is_named else self.measure

    @property
    def scale(self) -> Scale | None:
        """How to read its metric where that is none of ours."""
        free = self.imported or self.trainable
        return free.scale if free else None

    @property
    def is_free(self) -> bool:
        """Whether its factors and its metric may have any name: they are not our recipe's."""
        return self.scale is not None

    @property
    def way_to_more(self) -> str:
        """How a study that has begun gets more trials that tell something, in words."""
        if self.imported:
            return "run more trials to their end, drawn at random"
        return "resume the study with more --trials and --by-design"

    @property
    def every_claim(self) -> tuple[Claim, ...]:
        """Those declared before the search, then those added after it."""
        return self.claims + (self.settle.claims if self.settle else ())

    def judged_on(self, stage: str, split: str | None) -> str | None:
        """What a reader is told of the images behind a stage's figure on a split.

        With folds, those of train and val are told by nets that have not seen them. A function
        without folds has no splits that anybody knows.
        """
        if self.is_free and self.folds is None:
            return None
        is_out_of_fold = (stage, split) == ("confirm", "val") and self.folds is not None
        return "out of fold" if is_out_of_fold else split

    @property
    def at_default(self) -> frozenset[str]:
        """Fixed factors at the recipe's own default: a file of an older program lacks new ones."""
        if self.is_free:
            return frozenset()
        fixed = {f.name: f.levels[0] for f in self.of_role("fixed")}
        return frozenset(n for n, v in fixed.items() if v == getattr(Recipe, n, None))

    @property
    def is_to_be_scouted(self) -> bool:
        """Whether scouts have still to set the ranges of the rate."""
        return self.scout is not None and not self.scout.declared

    @property
    def as_declared(self) -> "Study":
        """The study as its file said it before scouts set the ranges of the rate."""
        if self.scout is None or not self.scout.declared:
            return self
        ranges = self.scout.declared
        factors = tuple(replace(f, ranges=ranges) if f.name == "lr" else f for f in self.factors)
        return replace(self, factors=factors, scout=replace(self.scout, declared=()))

    @property
    def structures(self) -> list[tuple[str, int]]:
        """Variant and depth of every net that can be trained.

        A net without depths has the recipe's default, which nothing looks at.
        """
        variants = [str(variant) for variant in self.factor("variant").levels]
        depths = [int(d) for f in self.factors if f.name == "depth" for d in f.levels]
        return [
            (variant, depth)
            for variant in variants
            for depth in ([Recipe.depth] if "depth" in family_of(variant).lacks else depths)
        ]

    @cached_property
    def by_dependency(self) -> tuple[Factor, ...]:
        """The factors, each after those that it depends on: the order to decide levels in."""
        return by_dependency(self.factors)

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


def complete(study: Study, values: Config) -> dict[str, Level]:
    """A configuration of every factor that exists, in reading order, fixed ones filled in.

    `values` may hold more than exists under its own levels; that is left out.

    Raises:
        KeyError: An arm or tuned factor exists, but `values` has no level for it.
    """
    config: dict[str, Level] = {}
    for factor in study.by_dependency:
        if factor.exists(config):
            is_fixed = factor.role == "fixed"
            config[factor.name] = factor.levels[0] if is_fixed else values[factor.name]
    return {f.name: config[f.name] for f in study.factors if f.name in config}


def in_box(study: Study, config: Config) -> bool:
    """Whether each level is a declared one and each number inside the range that applies to it."""
    return all(is_inside(f, config) for f in study.factors if f.exists(config))
