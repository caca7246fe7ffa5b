"""The stage after the search: chosen configurations on fresh seeds, and a look at the test split.

A search picks winners, and the winner of many noisy looks is flattered; what people quote comes
from here. It is run like a search whose whole plan is known: same record, same executor, same
resume, in `confirm/` inside the study's folder. Every model and its probabilities are on disk
before its last epoch is recorded, so that the test split is scored once per model; each time that
its results are looked at is on record in `study.json`.
"""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console

from agecls.data.loading import FaceData
from agecls.files import write_whole
from study.analysis import conclude, forget
from study.analysis.search.chosen import RULES, Choice, choose
from study.asked.factors import Config, Study, arm_name
from study.errors import StudyError
from study.folder.folder import ConfirmHome, Folder
from study.folder.parquet import write_table
from study.folder.provenance import Confirmed, Provenance, TestRead, now
from study.folder.record import Record
from study.folder.storage import Storage
from study.folder.tables import read_study
from study.plan.streams import Stream, stream_seed, training_seeds
from study.plan.trials import PlannedTrial, plan_trials
from study.running import tune_run
from study.running.interruption import StopRequest
from study.running.machine import Search
from study.running.ray_session import Resources
from study.running.terminal import SearchDisplay
from study.running.trainable import Backbones
from study.running.tune_run import Scoring
from study.stages.confirm_tables import model_name, predictions_frame, write_facts
from study.stages.models import ConfirmedModels
from study.stages.told import confirmed_lines

BEGIN_ANEW = (
    "`error` in trials.parquet says why; change the study's factors and begin a new one with "
    "--name."
)
"""What is left to do where a search is over and no trial of it ran to its end."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What the stage works with.

    Attributes:
        study: The resolved study.
        folder: The study's folder, whose tables are written.
        data: Its images.
        storage: Where the stage's checkpoints go, apart from the search's.
        resources: What Ray may use.
        weights: From a configuration to the source of its weights.
        backbones: Contents of the sources that are files.
        source: The open provenance; every change is written.
        command: The command's words.
        console: Where progress goes.
    """

    study: Study
    folder: Path
    data: FaceData
    storage: Storage
    resources: Resources
    weights: Callable[[Config], str | None]
    backbones: Backbones
    source: Provenance
    command: str
    console: Console

    @property
    def home(self) -> ConfirmHome:
        """The stage's own folder."""
        return Folder(self.folder).confirm


def confirm(work: Work, *, n_seeds: int, stop: StopRequest, look_again: bool = False) -> bool:
    """Train what is missing and write the stage's tables; whether the stage is over.

    Ray must be initialised. What was chosen once stays chosen, whatever the search finds later.

    Args:
        work: What to work with.
        n_seeds: Fresh seeds per arm; never fewer than were begun.
        stop: Read after each epoch.
        look_again: Write the tables of a finished stage once more, which counts as a read.

    Raises:
        StudyError: No arm has a trial that ran to its end, or the stage cannot go on.
    """
    work.home.path.mkdir(exist_ok=True)
    with Record(work.home.path) as record:
        choices = _choices(work)
        n_begun = -(-len(record.trials) // len(choices))
        seeds = fresh_seeds(work.study, max(n_seeds, n_begun))
        plan = confirm_plan(choices, seeds)
        search = Search(work.study, record, work.home.path, plan=plan)
        is_written = work.source.confirm is not None and work.source.confirm.seeds == seeds
        if search.is_over and is_written and not look_again:
            return True
        read = _open_read(work, search)
        if not search.is_over:
            _train(work, search, seeds, choices, stop)
        if not search.is_over:
            return False
        trials = sorted(record.trials.values(), key=lambda t: t.number)
        forget(work.folder, "confirmed")
        write_facts(work.study, work.folder, choices, trials)
        lines = confirmed_lines(conclude(work.folder).tables)
    work.storage.keep_only(set())  # models and predictions are what is kept
    work.source.confirm = Confirmed(
        seeds=seeds,
        rules={c.rule: RULES[c.rule] for c in choices},
        choices=[asdict(c) for c in choices],
    )
    if read is not None:
        read.ended_at = now()
    work.source.write(Folder(work.folder))
    for line in lines:
        work.console.print(line, highlight=False, markup=False)
    return True


def fresh_seeds(study: Study, n: int) -> list[int]:
    """The first `n` seeds of the stage, none of them a search trial's; more come after these."""
    used = {trial.seed for trial in plan_trials(study)}
    drawn = training_seeds(study, Stream.CONFIRM_SEEDS, n + len(used))
    return [seed for seed in dict.fromkeys(drawn) if seed not in used][:n]


def confirm_plan(choices: Sequence[Choice], seeds: Sequence[int]) -> tuple[PlannedTrial, ...]:
    """Every arm on the first seed, then on the next: a prefix is paired, and more can follow."""
    pairs = ((choice, seed) for seed in seeds for choice in choices)
    return tuple(
        PlannedTrial(number, c.arm, dict(c.cell), "confirm", dict(c.config), seed)
        for number, (c, seed) in enumerate(pairs)
    )


def _choices(work: Work) -> tuple[Choice, ...]:
    """What was chosen before, or what is chosen now, on disk before anything is trained on it.

    Raises:
        StudyError: No arm has a trial that ran to its end.
    """
    path = work.home.choice
    if path.exists():
        return tuple(Choice(**row) for row in json.loads(path.read_text(encoding="utf-8")))
    tables = read_study(work.folder)
    seed = stream_seed(work.study, Stream.CHOICE)
    choices = choose(work.study, tables.trials, tables.epochs, seed=seed)
    if not choices:
        is_searched = tables.trials["origin"] != "scout"
        is_over = tables.trials["status"] != "interrupted"
        way_on = (
            f"Go on with the search: python -m study.run --resume {shlex.quote(str(work.folder))}"
            if (is_searched & is_over).sum() < work.study.trials
            else BEGIN_ANEW
        )
        raise StudyError(
            f"{work.folder}: no trial ran to its end, so there is nothing to confirm. {way_on}"
        )
    write_whole(path, json.dumps([asdict(c) for c in choices], indent=1).encode())
    for choice in choices:
        work.console.print(
            f"{choice.arm}: {choice.trial_id} will be confirmed, of {choice.n_candidates} "
            f"configurations the one with {RULES[choice.rule]}",
            highlight=False,
            markup=False,
        )
    missing = {arm_name(work.study, cell) for cell in work.study.arms} - {c.arm for c in choices}
    for arm in sorted(missing):
        work.console.print(f"{arm}: no trial ran to its end; not confirmed", markup=False)
    return choices


def _open_read(work: Work, search: Search) -> TestRead | None:
    """The record of this look at the test split, on disk before it; None without a test split.

    A stage that was interrupted goes on with the look that it began.
    """
    if work.data.test is None:
        return None
    reads = work.source.test_reads
    if not reads or reads[-1].ended_at is not None:
        n_new = sum(t.number not in search.record.trials for t in search.plan)
        reads.append(
            TestRead(
                started_at=now(),
                ended_at=None,
                command=work.command,
                n_models=len(search.plan),
                n_new_models=n_new,
            )
        )
        work.source.write(Folder(work.folder))
    if len(reads) > 1:
        work.console.print(
            f"The test split was looked at before ({reads[0].started_at}): this is look "
            f"{len(reads)}, which study.json records.",
            highlight=False,
            markup=False,
        )
    return reads[-1]


def _train(
    work: Work,
    search: Search,
    seeds: Sequence[int],
    choices: Sequence[Choice],
    stop: StopRequest,
) -> None:
    splits = {"val": work.data.val} | ({"test": work.data.test} if work.data.test else {})
    known = _known_contents(work.data)
    models = ConfirmedModels(
        study=work.study,
        folder=work.folder,
        data=work.data,
        storage=work.storage,
        chosen={c.arm: c.trial_id for c in choices},
    )

    def keep(number: int, probabilities: Mapping[str, NDArray[np.float32]]) -> None:
        trial = search.record.trials[number]
        models.keep(trial, probabilities)
        frames = [
            predictions_frame(model_name(trial), split, splits[split], p, known[split])
            for split, p in probabilities.items()
        ]
        write_table(
            work.home.predictions(trial.trial_id),
            pd.concat(frames, ignore_index=True),
            "predictions",
            study_name=work.study.name,
        )

    display = SearchDisplay(
        search, majority=work.data.summary["majority"]["val"], console=work.console
    )
    work.console.print(
        f"Confirming {len(search.plan) // len(seeds)} arms on {len(seeds)} fresh seeds",
        highlight=False,
    )
    with display.shown():
        tune_run.run_search(
            search,
            work.data.arrays(),
            work.storage,
            resources=work.resources,
            stop=stop,
            weights=work.weights,
            backbones=work.backbones,
            tick=display.tick,
            scoring=Scoring(images={k: s.images for k, s in splits.items()}, keep=keep),
        )


def _known_contents(data: FaceData) -> dict[str, set[str]]:
    """By split, hashes of files that the splits before it hold."""
    train = set(data.train.frame["content"])
    return {"val": train, "test": train | set(data.val.frame["content"])}
