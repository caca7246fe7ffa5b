"""What settling would do and cost, before a search and after it; trains nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
from rich.console import Console

from study.analysis.settle.evidence import Questions
from study.analysis.settle.expected import Noise, expected_half_widths
from study.analysis.settled import rules_of
from study.analysis.to_settle import (
    check_budget,
    design_for,
    planned_design,
    told_by_trials,
)
from study.asked.study import Study
from study.cost.begun import Begun
from study.cost.measured import seconds_per_image
from study.folder.folder import Folder
from study.folder.record import TrialRecord
from study.folder.tables import read_study
from study.plan.settle_plan import Settling
from study.plan.settle_rows import SettleDesign
from study.quantities import count, listed
from study.running.terminal import describe, duration
from study.trainables.study_faces import study_faces, study_folds


def describe_settling(
    study: Study, folder: Path, console: Console, *, trainings: int, at_a_time: int
) -> None:
    """Print the design that is on disk, or that would be drawn, and what is left to pay for it.

    Args:
        study: The resolved study.
        folder: Its folder.
        console: Where to print.
        trainings: That may be spent, those on record among them.
        at_a_time: Trainings that will run side by side.

    Raises:
        StudyError: As the stage would.
        AgeclsError: The data cannot be used.
    """
    tables = read_study(folder)
    is_drawn = Folder(folder).settle.design.exists()
    settling = design_for(study, tables, trainings)
    if is_drawn:  # what was told then of claims about shares is told anew
        shares = told_by_trials(study, tables)
        unasked = {**settling.design.unasked, **shares}
        settling = replace(settling, design=replace(settling.design, unasked=unasked))
    for line in _left_out(settling.design):
        _say(console, line)
    if not settling.design.columns:
        return
    images = 0
    if not study.is_free:
        folded = study_folds(study, study_faces(study, console))
        _say(console, folded.summary["how"])
        images = sum(folded.summary["images"])
    for line in _rows(study, settling):
        _say(console, line)
    n_blocks = settling.blocks_of(trainings)
    _say(console, _blocks(settling.design, n_blocks, settling.folds))
    begun = Folder(folder).settle.trials()
    if begun:
        n_ended = sum(trial.status != "running" for trial in begun.values())
        _say(console, f"{count(n_ended, 'training')} of these stand on record already")
    epochs = _epochs_left(study, settling, n_blocks, begun)
    if study.is_free:
        lines = _of_a_function(tables.trials, epochs, at_a_time)
    else:
        lines = _of_nets(study, settling, n_blocks, images, epochs, at_a_time)
    for line in lines:
        _say(console, line)


def _of_a_function(trials: pd.DataFrame, epochs: int, at_a_time: int) -> Iterator[str]:
    """What so many epochs take by those of the search; how wide intervals will be nobody knows."""
    known = trials[trials["train_seconds"].notna() & (trials["epochs_run"] > 0)]
    took = "cost unknown: the search did not record how long its epochs took"
    if len(known):
        per_epoch = float(known["train_seconds"].sum() / known["epochs_run"].sum())
        took = (
            f"measured in the search: an epoch takes {per_epoch:.2g} s; {epochs} epochs take "
            f"{duration(epochs * per_epoch / at_a_time)} with {at_a_time} trainings at a time, "
            "less what is settled before the end"
        )
    yield took
    yield "how wide intervals will be is told by the first blocks: a function has no usual luck"


def _of_nets(
    study: Study, settling: Settling, n_blocks: int, n_images: int, epochs: int, at_a_time: int
) -> Iterator[str]:
    """What so many epochs of nets take, and how wide intervals will be."""
    per_image = max(seconds_per_image(study, *structure) for structure in study.structures)
    seconds = epochs * images_per_epoch(n_images, settling.folds) * per_image / at_a_time
    yield (
        f"measured: {1 / per_image:.0f} images/s on one thread; {epochs} epochs take "
        f"{duration(seconds)} with {at_a_time} trainings at a time, less what is settled before "
        "the end"
    )
    yield from _intervals(study, settling, n_blocks, n_images)
    yield (
        f"planning figures, which take for granted that a training's luck is {Noise().training:g} "
        f"points (sd) on {Noise().tested:,} images, and that images differ in an effect by "
        f"{Noise().image:g}"
    )


def settle_lines(
    study: Study, begun: Begun, *, folds: int, per_epoch: float, at_a_time: int
) -> Iterator[str]:
    """What `[settle]` asks of a study that is not settled yet, in lines; none without that table.

    Args:
        study: The resolved study.
        begun: What is on record of it.
        folds: That trainings are tested on.
        per_epoch: Seconds of a training's epoch.
        at_a_time: Trainings that will run side by side.

    Raises:
        StudyError: The trainings make no block.
    """
    if study.settle is None:
        return
    if begun.is_settling:
        yield "then settling, which has begun: study.settle --dry-run tells what is left of it"
        return
    design = planned_design(study, None)
    check_budget(design, study.settle.trainings)
    yield from _left_out(design)
    if not design.columns:
        return
    n_rows = len(design.rows_of(0))
    n_blocks = study.settle.trainings // n_rows
    crossed = list(dict.fromkeys(name for row in design.levels for name in row))
    lengths = [int(row.get("epochs", study.epochs)) for row in design.levels]
    epochs = sum(lengths[row] for block in range(n_blocks) for row in design.rows_of(block))
    limit = study.settle.time_budget
    within = "" if limit is None else f", within {duration(limit)}"
    yield (
        f"then settling: {len(design.levels)} rows cross {listed(crossed)}; "
        f"{_blocks(design, n_blocks, folds)}; up to {epochs} epochs take up to "
        f"{duration(epochs * per_epoch / at_a_time)} with {at_a_time} trainings at a time"
        f"{within}, less what is settled before"
    )


def images_per_epoch(n_images: int, folds: int) -> float:
    """Images that an epoch on all folds but one takes, by their arithmetic.

    An evaluation is a forward pass, a third of a training step's arithmetic.

    Args:
        n_images: Of all folds.
        folds: How many.
    """
    return n_images * ((1 - 1 / folds) + 1 / folds / 3)


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False)


def _left_out(design: SettleDesign) -> Iterator[str]:
    for name, reason in design.unasked.items():
        yield f"{name} is not asked and keeps its answer: {reason}"
    if not design.columns:
        yield "No claim is open that settling can ask: nothing would be trained"


def _blocks(design: SettleDesign, n: int, folds: int) -> str:
    n_rows = len(design.rows_of(0))
    on = f" on one of {folds} folds and" if folds > 1 else ""
    return (
        f"{count(n, 'block')} of {n_rows} trainings, {n * n_rows} in all; each block{on} from one "
        "fresh seed"
    )


def _rows(study: Study, settling: Settling) -> Iterator[str]:
    """A line a row of the design: what it crosses, then what the search sets."""
    crossed = {name for row in settling.design.levels for name in row}
    names = [f.name for f in study.factors if f.role != "fixed"]
    by_search = [name for name in names if name not in crossed]
    for number, recipe in enumerate(settling.recipes):
        line = f"row {number:2}: {describe(recipe, [n for n in names if n in crossed])}"
        yield f"{line}; by the search: {describe(recipe, by_search)}" if by_search else line


def _epochs_left(
    study: Study, settling: Settling, blocks: int, begun: Mapping[int, TrialRecord]
) -> int:
    """Epochs of the first so many blocks that are not on record."""
    left = 0
    for planned in settling.plan(study, blocks):
        trial = begun.get(planned.number)
        if trial is None:
            assert planned.config is not None  # the recipe of its row
            left += int(planned.config["epochs"])
        elif trial.status == "running":
            left += trial.epochs_planned - len(trial.epochs)
    return left


def _intervals(study: Study, settling: Settling, blocks: int, n_images: int) -> Iterator[str]:
    """A line a claim: half of its interval at the end, plain and as the verdict needs it."""
    expected = expected_half_widths(
        Questions.of(settling.design, study.every_claim),
        rules_of(settling),
        blocks=blocks,
        images=n_images,
        n_folds=settling.folds,
    )
    for one in expected:
        if one.claim.measure.is_named and one.claim.metric != "val_accuracy":
            told = f"how wide its interval{one.claim.measure.behind} will be"
            yield f"{one.claim.text}: {told} is told by the first blocks"
            continue
        yield (
            f"{one.claim.text}: ± {one.half_width:.1f} points to expect at the end, "
            f"± {one.adjusted:.1f} while all claims are open (limit {one.claim.limit})"
        )
