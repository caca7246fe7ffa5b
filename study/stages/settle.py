"""The stage that spends trainings where verdicts are missing.

A search leaves claims open because it varies everything at once, and a few fresh seeds because
each speaks to one arm. Here every training speaks to every claim: rows cross the claims' levels,
the search sets what is left, and blocks repeat the rows, each on a fold and from a fresh seed. It
is run like a search whose whole plan is known: same record, same executor, same resume, in
`settle/` inside the study's folder, where the design lies before anything is trained on it. After
certain blocks one looks; the stage ends when no claim is open or the budget is spent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from study.analysis.settle.recipes import row_recipes
from study.analysis.settled import rules_of
from study.analysis.untested import lacks_weights
from study.asked.claim import Claim
from study.asked.factors import DEFAULT_FOLDS, Study
from study.errors import StudyError
from study.folder.columns import config_column, names_of
from study.folder.parquet import as_table, write_table
from study.folder.record import Record, TrialRecord
from study.folder.tables import StudyTables
from study.folder.tabulate import trials_frame
from study.plan.settle_plan import Settling, read_settling, stated, write_settling
from study.plan.settle_rows import settle_design
from study.plan.streams import Stream, stream_seed
from study.running.executor import Scoring
from study.running.search_state import Search
from study.running.terminal import duration
from study.stages.confirm_tables import predictions_frame
from study.stages.session import Session
from study.stages.told import settled_line, settled_lines

_AS_IN_TRIALS: Final = (
    "trial_id",
    "number",
    "arm",
    "status",
    "collapsed",
    "fold",
    "seed",
    "epochs_planned",
    "epochs_run",
    "error",
    "started_at",
    "ended_at",
    "train_seconds",
    "device",
)


@dataclass(frozen=True, kw_only=True)
class Settle:
    """The stage.

    Attributes:
        trainings: At most so many, those of earlier sittings among them.
        time_budget: Seconds that all of them may take, those side by side counted once; None: no
            limit. It is kept at looks: what would be over before the next one is not begun.
    """

    trainings: int
    time_budget: float | None = None

    def __call__(self, session: Session) -> bool:
        """Train block after block until no claim is open or the budget is spent; whether it is.

        Raises:
            StudyError: No trial ran to its end, the budget holds no block, or the stage cannot
                go on.
        """
        if session.stop.due():
            return False
        home = session.folder.settle
        storage = session.prepare(home)
        with Record(home.path) as record:
            settling = self._settling(session)
            _check_predictions(session, record)
            _say_what_is_left_out(session, settling)
            end = self._end(settling)
            run = _Run(session=session, settling=settling, record=record, end=end)
            is_over = not settling.design.columns or self._train(run)
            if record.trials and not run.is_written:
                run.look()
        if is_over:
            storage.keep_only(set())  # predictions are what is kept
            for line in settled_lines(session.tables):
                session.say(line)
        return is_over

    def _train(self, run: "_Run") -> bool:
        """Train from look to look; whether the stage is over."""
        for end in self._ends(run):
            if not run.is_open or self._is_spent(run, end):
                break
            if not run.train(end):
                return False
            run.look()
            run.session.say(run.state)
        return True

    def _end(self, settling: Settling) -> int:
        """Blocks that the budget holds."""
        return settling.blocks_of(self.trainings)

    def _ends(self, run: "_Run") -> list[int]:
        """Blocks at the looks to come, the one that a kill may have cut off among them."""
        begun = len(run.record.trials)
        return [
            n for n in rules_of(run.settling).looks(run.end) if run.settling.trainings(n) >= begun
        ]

    def _is_spent(self, run: "_Run", end: int) -> bool:
        """Whether the trainings up to a look would take longer than they may."""
        if self.time_budget is None or not run.seconds:
            return False
        to_come = run.settling.trainings(end) - len(run.record.trials)
        return to_come > 0 and run.seconds + to_come * run.seconds_each > self.time_budget

    def _settling(self, session: Session) -> Settling:
        """The design on disk, or one that is drawn now and put there.

        Raises:
            StudyError: As in `__call__`.
        """
        path = session.folder.settle.design
        found = read_settling(path)
        if found is None and session.tables.settle is not None:
            raise StudyError(
                f"{path}: missing, though settle.parquet has trainings of a design. A second one "
                "would spend its chance of a wrong verdict once more: copy the folder settle/ "
                "from where the study was settled."
            )
        if found is None:
            found = drawn(session.study, session.tables, self.trainings)
        else:
            found = _with_claims_of(session, found)
        _check_folds(session, found)
        settling = found.prolonged(self._end(found))
        write_settling(path, settling)
        session.provenance.settle = {
            "rows": len(settling.recipes),
            "folds": settling.folds,
            "planned": [settling.planned, *settling.ends],
            "asked": [column.claim for column in settling.design.columns],
            "unasked": dict(settling.design.unasked),
            "aliases": [[list(pair) for pair in group] for group in settling.design.aliases],
        }
        session.provenance.write(session.folder)
        return settling


@dataclass(kw_only=True)
class _Run:
    """A sitting's work on a design.

    Attributes:
        session: The sitting.
        settling: The design.
        record: Of its trainings, open.
        end: Blocks that the budget holds.
        is_written: Whether the tables say what the record does.
    """

    session: Session
    settling: Settling
    record: Record
    end: int
    is_written: bool = field(default=False)

    @property
    def is_open(self) -> bool:
        """Whether a claim that the design asks is unresolved at the last look."""
        looks = self.session.tables.looks
        if looks is None or looks.empty:
            return True
        last = looks[looks["blocks"] == looks["blocks"].max()]
        return bool((last["verdict"] == "unresolved").any())

    @property
    def seconds(self) -> float:
        """That the trainings took so far, those side by side counted once."""
        spent = sum(e["seconds"] for t in self.record.trials.values() for e in t.epochs)
        return float(spent) / self.session.resources.at_a_time_here()

    @property
    def seconds_each(self) -> float:
        """Likewise, of a training."""
        return self.seconds / len(self.record.trials)

    def train(self, blocks: int) -> bool:
        """Train the first so many blocks; whether all of it has ended."""
        home, session = self.session.folder.settle, self.session
        plan = self.settling.plan(session.study, blocks)
        search = Search(session.study, self.record, home.path, plan=plan)
        self.is_written = self.is_written and search.is_over
        return session.train(search, home, scoring=self._scoring(), above=self.state)

    def look(self) -> None:
        """Write the trainings so far, and what follows from them."""
        session = self.session
        trials = list(self.record.trials.values())
        facts = settle_frame(session.study, self.settling, trials)
        session.folder.write_table("settle", facts, session.study)
        facts = as_table(facts, "settle", session.study.factors)
        session.tables = session.tables.having(settle=facts)
        session.conclusions  # noqa: B018 - written now
        self.is_written = True

    @property
    def state(self) -> str:
        """How far the stage is, in a line."""
        done, planned = len(self.record.trials), self.settling.trainings(self.end)
        told = settled_line(self.session.tables, done, planned)
        if not self.seconds or done == planned:
            return told
        return f"{told}; at most {duration((planned - done) * self.seconds_each)} left"

    def _scoring(self) -> Scoring:
        """Keeps what every finished model says of its fold."""
        session = self.session

        def keep(number: int, probabilities: Mapping[str, NDArray[np.float32]]) -> None:
            trial = self.record.trials[number]
            assert trial.fold is not None
            images = session.folded.held_out(trial.fold)
            frame = predictions_frame(trial.trial_id, "val", images, probabilities["val"], set())
            path = session.folder.settle.predictions(trial.trial_id)
            write_table(path, frame, "predictions", study_name=session.study.name)

        return Scoring(images={}, keep=keep)


def drawn(study: Study, tables: StudyTables, trainings: int) -> Settling:
    """A design for the claims that are open, with recipes of its rows.

    Args:
        study: The study file.
        tables: What the study's folder holds.
        trainings: That may be spent.

    Raises:
        StudyError: No trial ran to its end, or the budget holds no block.
    """
    asked, left_out = _asked(study, tables)
    design = settle_design(study, asked)
    n_rows = len(design.rows_of(0))
    if trainings < n_rows and design.columns:
        raise StudyError(
            f"{trainings} trainings were asked for, and the first block takes {n_rows}, one a row "
            f"of the design; give --trainings {n_rows} or more, better {6 * n_rows}"
        )
    seed = stream_seed(study, Stream.SETTLE)
    recipes = row_recipes(study, tables.trials, tables.epochs, design.levels, seed=seed)
    if recipes is None:
        raise StudyError(
            f"{tables.folder}: no trial ran to its end, so nothing tells the recipes of the rows. "
            "`error` in trials.parquet says why; change the study's factors and begin a new one "
            "with --name."
        )
    design = replace(design, unasked={**design.unasked, **left_out})
    return Settling(
        design=design,
        recipes=recipes,
        folds=DEFAULT_FOLDS if study.folds is None else study.folds.k,
        planned=max(trainings // n_rows, 1),
        stated={claim.name: stated(claim) for claim in asked},
    )


def _asked(study: Study, tables: StudyTables) -> tuple[list[Claim], dict[str, str]]:
    """The claims that are open, and why the others are not asked."""
    asked, left_out = [], {}
    claims = (
        tables.claims if tables.claims is not None else pd.DataFrame(columns=names_of("claims"))
    )
    confirmed = claims[claims["stage"] == "confirm"]
    for claim in study.every_claim:
        missing = lacks_weights(study, claim)
        verdicts = set(confirmed.loc[confirmed["claim"] == claim.name, "verdict"])
        if missing is not None:
            left_out[claim.name] = missing.reason
        elif verdicts & {"supported", "refuted"} and claim.compares is not None:
            left_out[claim.name] = f"fresh seeds have settled it: {', '.join(sorted(verdicts))}"
        else:
            asked.append(claim)
    return asked, left_out


def _with_claims_of(session: Session, settling: Settling) -> Settling:
    """The design, with claims that came later among those that it does not ask.

    Raises:
        StudyError: A claim says something else than when the design was drawn, or is gone.
    """
    there = {claim.name for claim in session.study.every_claim}
    if gone := sorted(set(settling.stated) - there):
        raise StudyError(
            f"{session.folder.study_file}: the design was drawn to settle {', '.join(gone)} too. "
            "Bring the claims back: to drop one after looking makes the others easier to settle."
        )
    later = {}
    for claim in session.study.every_claim:
        before = settling.stated.get(claim.name)
        if before is None and claim.name not in settling.design.unasked:
            later[claim.name] = "it was added after the design was drawn"
        elif before not in (None, stated(claim)):
            raise StudyError(
                f"{session.folder.study_file}: the claim {claim.name} has changed since the "
                f"design that tests it was drawn (it stated {before}). Undo the change, or add a "
                "claim of another name to a new study."
            )
    unasked = {**settling.design.unasked, **later}
    return replace(settling, design=replace(settling.design, unasked=unasked))


def _check_folds(session: Session, settling: Settling) -> None:
    """Refuse folds that are not those of the design.

    Raises:
        StudyError: The faces have changed.
        DataLayoutError: They have too few clusters.
    """
    found = session.folded.folds.k
    if found != settling.folds:
        raise StudyError(
            f"{session.folder.settle.design}: drawn for {settling.folds} folds, and [folds] k is "
            f"{found} now. Undo the change."
        )


def _check_predictions(session: Session, record: Record) -> None:
    """Refuse to go on where claims can no longer be judged on what was trained before.

    Raises:
        StudyError: Predictions of a training on record are missing.
    """
    home = session.folder.settle
    done = [t.trial_id for t in record.trials.values() if t.status == "completed"]
    if missing := [name for name in done if not home.predictions(name).is_file()]:
        raise StudyError(
            f"{home.predictions(missing[0])}: missing, as are predictions of {len(missing)} of "
            f"{len(done)} trainings; copy them from where the study was settled. Tables and "
            "report stay as they are."
        )


def _say_what_is_left_out(session: Session, settling: Settling) -> None:
    design = settling.design
    for name, reason in design.unasked.items():
        session.say(f"{name} is not asked and keeps its answer: {reason}")
    if not design.columns:
        session.say("No claim is open that settling can ask: nothing is trained")


def settle_frame(study: Study, settling: Settling, trials: Sequence[TrialRecord]) -> pd.DataFrame:
    """One row a training, not yet scored, by number.

    Args:
        study: The study file.
        settling: The design.
        trials: Of the stage.
    """
    frame = trials_frame(study, trials)
    config = [config_column(f.name) for f in study.factors]
    kept: dict[str, Any] = {name: frame[name] for name in (*_AS_IN_TRIALS, *config)}
    n_blocks = settling.blocks_of(len(trials)) + 1
    each = [(b.number, row) for b in settling.blocks(study, n_blocks) for row in b.rows]
    blocks, rows = zip(*each[: len(frame)], strict=True)
    return pd.DataFrame(kept | {"row": rows, "block": blocks})
