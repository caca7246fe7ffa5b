"""The stage that spends trainings where verdicts are missing.

A search leaves claims open because it varies everything at once, and a few fresh seeds because
each speaks to one arm. Here every training speaks to every claim: rows cross the claims' levels,
the search sets what is left, and blocks repeat the rows, each on a fold and from a fresh seed. It
is run like a search whose whole plan is known: same record, same executor, same resume, in
`settle/` inside the study's folder, where the design lies before anything is trained on it. After
certain blocks one looks; the stage ends when no claim is open or the budget is spent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pandas as pd

from study.analysis.settled import rules_of
from study.analysis.to_settle import design_for
from study.asked.study import Study
from study.folder.columns import config_column
from study.folder.record import Record, TrialRecord
from study.folder.tables import as_table_of
from study.folder.tabulate import trials_frame
from study.plan.settle_plan import Settling, write_settling
from study.running.search_state import Search
from study.running.terminal import duration
from study.stages.confirm_tables import score_of
from study.stages.keeping import keeping_of
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
            keeping_of(session.study).check_settled(session, record)
            _say_what_is_left_out(session, settling)
            end = settling.blocks_of(self.trainings)
            run = _Run(session=session, settling=settling, record=record, end=end)
            is_over = not settling.design.columns or self._train(run)
            if record.trials and not run.is_written:
                run.look()
            waiting = {t.trial_id for t in record.trials.values() if t.status == "running"}
        if is_over:
            # predictions are what is kept; beyond a shorter end than before some may go on later
            storage.keep_only(waiting)
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
        """The design, put on disk with this end of the plan.

        Raises:
            StudyError: As in `__call__`.
        """
        settling = design_for(session.study, session.tables, self.trainings)
        if settling.folds > 1:
            session.folds  # noqa: B018 - drawn and compared before anything depends on them
        write_settling(session.folder.settle.design, settling)
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
        scoring = keeping_of(session.study).settling(session, self.record)
        return session.train(search, home, scoring=scoring, above=self.state)

    def look(self) -> None:
        """Write the trainings so far, and what follows from them."""
        session = self.session
        trials = list(self.record.trials.values())
        facts = settle_frame(session.study, self.settling, trials)
        session.folder.write_table("settle", facts, session.study)
        facts = as_table_of(session.study, "settle", facts)
        session.tables = session.tables.having(settle=facts)
        session.conclusions  # noqa: B018 - written now
        self.is_written = True

    @property
    def state(self) -> str:
        """How far the stage is, in a line."""
        done = len(self.record.trials)
        planned = max(done, self.settling.trainings(self.end))
        told = settled_line(self.session.tables, done, planned)
        if not self.seconds or done == planned:
            return told
        return f"{told}; at most {duration((planned - done) * self.seconds_each)} left"


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
    trials = sorted(trials, key=lambda t: t.number)
    frame = trials_frame(study, trials)
    config = [config_column(f.name) for f in study.factors]
    as_there = [name for name in (*_AS_IN_TRIALS, *config) if name in frame]
    kept: dict[str, Any] = {name: frame[name] for name in as_there}
    if study.is_free:
        kept[study.metric] = [score_of(study, trial)[study.metric] for trial in trials]
    n_blocks = settling.blocks_of(len(trials)) + 1
    each = [(b.number, row) for b in settling.blocks(study, n_blocks) for row in b.rows]
    blocks, rows = zip(*each[: len(frame)], strict=True)
    return pd.DataFrame(kept | {"row": rows, "block": blocks})
