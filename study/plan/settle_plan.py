"""What settling trains: blocks of the design's rows, and the design on disk that they follow from.

A block trains rows on one fold from one seed, so that images, their order, augmentation and
(where shapes agree) initialisation are common to what is compared. Blocks take folds in turn, each
with a fresh seed, row after row; a longer plan begins with a shorter one. So few blocks are tested
on as many images as can be, also where the halves of the rows take turns.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from agecls.files import write_whole
from study.asked.claim import Claim
from study.asked.factors import Level
from study.asked.study import Study, arm_name
from study.errors import StudyError
from study.plan.settle_rows import Column, SettleDesign
from study.plan.streams import Stream, seed_of_copy, training_seeds
from study.plan.trials import PlannedTrial, plan_trials


@dataclass(frozen=True, kw_only=True)
class Block:
    """A part of the plan.

    Attributes:
        number: From 0.
        rows: Of the design.
        fold: That is held out.
        seed: Root of the random streams of its trainings, but for copies of a recipe.
    """

    number: int
    rows: range
    fold: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Settling:
    """A design with all that its trainings follow from, drawn before the first of them.

    Attributes:
        design: Rows and questions; `unasked` names every claim that no row asks.
        recipes: Of each row, the level of every factor that exists.
        folds: How many the data are cut into; 1: a function scores all trainings on its own.
        planned: Blocks of the first plan; what a look may spend follows from it.
        ends: Blocks at the ends of later plans, longer or shorter.
        stated: By claim that the design asks, what it stated then.
        paired: Whether two blocks that take turns with rows see the same fold, as those of designs
            do that were drawn until 28 November 2026: intervals are then of fewer images
            (`tests.simulate.settle_next`).
    """

    design: SettleDesign
    recipes: tuple[dict[str, Level], ...]
    folds: int
    planned: int
    ends: tuple[int, ...] = ()
    stated: Mapping[str, str]
    paired: bool = True

    def blocks_of(self, trainings: int) -> int:
        """Whole blocks that so many trainings make."""
        n = 0
        while self.trainings(n + 1) <= trainings:
            n += 1
        return n

    def trainings(self, blocks: int) -> int:
        """Trainings of the first so many blocks."""
        return sum(len(self.design.rows_of(number)) for number in range(blocks))

    def blocks(self, study: Study, n: int) -> tuple[Block, ...]:
        """The first `n` blocks."""
        used = {trial.seed for trial in plan_trials(study)}
        drawn = training_seeds(study, Stream.SETTLE_SEEDS, n + len(used))
        seeds = [seed for seed in dict.fromkeys(drawn) if seed not in used][:n]
        return tuple(
            Block(
                number=number,
                rows=self.design.rows_of(number),
                fold=self._fold(number),
                seed=seed,
            )
            for number, seed in enumerate(seeds)
        )

    def _fold(self, number: int) -> int:
        """The fold of a block."""
        turns = self.design.turns
        if self.paired:
            return number // turns % self.folds
        # or each half of the rows would keep to its own half of the folds
        is_caught = turns > 1 and self.folds % turns == 0
        return (number + (number // self.folds if is_caught else 0)) % self.folds

    def plan(self, study: Study, blocks: int) -> tuple[PlannedTrial, ...]:
        """The trainings of the first so many blocks, in the order of starting."""
        arms = [f.name for f in study.of_role("arm")]
        each = [(block, row) for block in self.blocks(study, blocks) for row in block.rows]
        return tuple(
            PlannedTrial(
                number,
                arm_name(study, self.recipes[row]),
                {name: self.recipes[row][name] for name in arms},
                "settle",
                dict(self.recipes[row]),
                self._seed(block, row),
                block.fold if self.folds > 1 else None,
            )
            for number, (block, row) in enumerate(each)
        )

    def _seed(self, block: Block, row: int) -> int:
        """The block's, unless an earlier row of it has the same recipe.

        Rows that differ only by what does not exist in them have: from one seed they would be one
        training, counted twice.
        """
        before = range(block.rows.start, row)
        copies = sum(self.recipes[other] == self.recipes[row] for other in before)
        return seed_of_copy(block.seed, copies) if copies else block.seed

    def ending(self, blocks: int, *, begun: int) -> "Settling":
        """The same with this end of the plan, at which one looks too.

        An end among what was begun is none: no look comes between those that were taken.

        Args:
            blocks: Of the plan.
            begun: Trainings that have started.
        """
        if blocks in (self.planned, *self.ends) or self.trainings(blocks) < begun:
            return self
        return replace(self, ends=(*self.ends, blocks))


def stated(claim: Claim) -> str:
    """What a claim states beside its text, as text that changes when it does."""
    return json.dumps(claim.stated, sort_keys=True)


def write_settling(path: Path, settling: Settling) -> None:
    """Put a design on disk, whole or not at all.

    Raises:
        OSError: The folder cannot be written.
    """
    content: dict[str, Any] = asdict(settling)
    content["design"]["signs"] = settling.design.signs.tolist()
    write_whole(path, json.dumps(content, indent=1, ensure_ascii=False).encode())


def read_settling(path: Path) -> Settling | None:
    """The design on disk; None where none was drawn.

    Raises:
        StudyError: The file is damaged.
    """
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        drawn = content.pop("design")
        columns = tuple(Column(**column) for column in drawn.pop("columns"))
        levels = tuple(drawn.pop("levels"))
        signs = np.array(drawn.pop("signs"), dtype=np.int64).reshape(len(levels), len(columns))
        aliases = tuple(tuple((a, b) for a, b in group) for group in drawn.pop("aliases"))
        design = SettleDesign(
            columns=columns, signs=signs, levels=levels, aliases=aliases, **drawn
        )
        for name in ("recipes", "ends"):
            content[name] = tuple(content[name])
        return Settling(design=design, **content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StudyError(
            f"{path}: not as this tool wrote it ({error}). Restore it from a copy; the trainings "
            "beside it follow from it."
        ) from error
