"""The stage after the search: chosen configurations on fresh seeds, and a look at the test split.

A search picks winners, and the winner of many noisy looks is flattered; what people quote comes
from here. It is run like a search whose whole plan is known: same record, same executor, same
resume, in `confirm/` inside the study's folder. Every model and its probabilities are on disk
before its last epoch is recorded, so that the test split is scored once per model; each time that
its results are looked at is on record in `study.json`.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product

import pandas as pd

from agecls.files import write_whole
from study.analysis import forget
from study.analysis.pilot import share_out
from study.analysis.search.chosen import RULES, Choice, choose
from study.asked.plans import PILOT
from study.asked.study import Study, arm_name
from study.errors import StudyError
from study.folder.provenance import Confirmed, TestRead, now
from study.folder.record import Record
from study.plan.streams import Stream, seed_of_fold, stream_seed, training_seeds
from study.plan.trials import PlannedTrial, plan_trials
from study.quantities import count
from study.running.search_state import Search
from study.stages.confirm_tables import model_name, predictions_of
from study.stages.keeping import keeping_of, write_facts
from study.stages.session import Session
from study.stages.told import confirmed_lines, shared_line


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """The stage. What was chosen once stays chosen, whatever the search finds later.

    Attributes:
        n_seeds: Fresh seeds per arm; never fewer than were begun.
        look_again: Write the tables of a finished stage once more, which counts as a read.
    """

    n_seeds: int
    look_again: bool = False

    def __call__(self, session: Session) -> bool:
        """Train what is missing and write the stage's tables; whether the stage is over.

        Raises:
            StudyError: No arm has a trial that ran to its end, or the stage cannot go on.
        """
        if session.stop.due():
            return False
        check_models(session, self.n_seeds)
        home, source = session.folder.confirm, session.provenance
        storage = session.prepare(home)
        with Record(home.path) as record:
            choices = _choices(session)
            folds = folds_of(session.study)
            n_begun = -(-len(record.trials) // (len(choices) * len(folds)))
            rounds = Rounds(session=session, choices=choices, n_seeds=max(self.n_seeds, n_begun))
            seeds, search = rounds.seeds, rounds.search(record)
            is_written = (
                source.confirm is not None
                and source.confirm.seeds == seeds
                # other arms may have got the seeds since
                and (rounds.is_shared and _n_models(session) == len(search.plan))
            )
            if search.is_over and is_written and not self.look_again:
                return True
            read = _open_read(session, search, rounds.n_trainings)
            while True:
                if not search.is_over:
                    times = "" if session.study.folds is None else f" times {len(folds)} folds"
                    session.say(f"Confirming {rounds.told}{times}")
                scoring = keeping_of(session.study).confirming(session, search, choices)
                if not session.train(search, home, scoring=scoring):
                    return False
                if rounds.is_shared:
                    break
                rounds.share(record)
                seeds, search = rounds.seeds, rounds.search(record)
            trials = sorted(record.trials.values(), key=lambda t: t.number)
            session.tables = forget(session.tables, "confirmed")
            facts = write_facts(session.study, session.folder, choices, trials)
            session.tables = session.tables.having(confirm=facts)
            lines = confirmed_lines(session.conclusions.tables)
        storage.keep_only(set())  # models and predictions are what is kept
        source.confirm = Confirmed(
            seeds=seeds,
            rules={c.rule: RULES[c.rule] for c in choices},
            choices=[asdict(c) for c in choices],
        )
        if read is not None:
            read.ended_at = now()
        source.write(session.folder)
        for line in lines:
            session.say(line)
        return True


def check_models(session: Session, n_seeds: int) -> None:
    """Look whether the models, one per arm, seed and fold, fit in the study's folder.

    Raises:
        StorageError: There is no room for them.
    """
    n_all = n_seeds * len(folds_of(session.study)) * len(session.study.arms)
    keeping_of(session.study).check_room(session, n_all)


def fresh_seeds(study: Study, n: int) -> list[int]:
    """The first `n` seeds of the stage, none of them a search trial's; more come after these."""
    used = {trial.seed for trial in plan_trials(study)}
    drawn = training_seeds(study, Stream.CONFIRM_SEEDS, n + len(used))
    return [seed for seed in dict.fromkeys(drawn) if seed not in used][:n]


def folds_of(study: Study) -> Sequence[int | None]:
    """What each recipe and seed is trained without, in order; None alone: there are no folds."""
    return (None,) if study.folds is None else range(study.folds.k)


def confirm_plan(
    choices: Sequence[Choice],
    seeds: Sequence[int],
    folds: Sequence[int | None] = (None,),
    rounds: Sequence[Mapping[str, int]] = (),
    *,
    apart: bool = True,
) -> tuple[PlannedTrial, ...]:
    """Every arm on the first fold, then on the next, for the first seed, then for the next.

    A prefix is paired, and more seeds can follow. Nets of a seed start alike in every arm and
    apart in every fold: intervals take what differs between folds for independent. Arms that have
    other numbers of seeds have the first of them.

    Args:
        choices: What each arm trains.
        seeds: The stage's.
        folds: What each is trained without.
        rounds: How many seeds each arm has after each round; none: all have all.
        apart: Whether a seed starts apart in every fold. A function is given the seed itself,
            since its intervals have a part for what a seed does in all folds alike.
    """
    before, each = dict.fromkeys([c.arm for c in choices], 0), []
    for after in rounds or [dict.fromkeys(before, len(seeds))]:
        each += [
            (seed, fold, c)
            for (n, seed), fold, c in product(enumerate(seeds), folds, choices)
            if before[c.arm] <= n < after[c.arm]
        ]
        before = dict(after)
    return tuple(
        PlannedTrial(
            number,
            c.arm,
            dict(c.cell),
            "confirm",
            dict(c.config),
            seed,
            fold,
            seed_of_fold(seed, fold) if apart and fold is not None else None,
        )
        for number, (seed, fold, c) in enumerate(each)
    )


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """How many fresh seeds each arm has: all alike, or, after a pilot, where the noise is.

    What was decided after a pilot is on record in `study.json`, and the plan follows from it.

    Attributes:
        session: Of the stage.
        choices: What each arm trains.
        n_seeds: Of an arm, or their mean.
    """

    session: Session
    choices: Sequence[Choice]
    n_seeds: int

    @property
    def each(self) -> list[dict[str, int]]:
        """Seeds of every arm after each round so far."""
        arms = [c.arm for c in self.choices]
        if not self.session.study.confirm_adaptive:
            return [dict.fromkeys(arms, self.n_seeds)]
        shares = [dict(share["seeds"]) for share in self.session.provenance.shares]
        return [dict.fromkeys(arms, PILOT), *shares]

    @property
    def n_left(self) -> int:
        """Seeds that are still to be given, over all arms."""
        return max(0, self.n_seeds * len(self.choices) - sum(self.each[-1].values()))

    @property
    def is_shared(self) -> bool:
        """Whether all seeds are given."""
        return self.n_left == 0

    @property
    def n_trainings(self) -> int:
        """Of all rounds, those to come too."""
        return (sum(self.each[-1].values()) + self.n_left) * len(folds_of(self.session.study))

    @property
    def seeds(self) -> list[int]:
        """Those that an arm has."""
        return fresh_seeds(self.session.study, max(self.each[-1].values()))

    @property
    def told(self) -> str:
        """How many arms and seeds, in words."""
        fewest, most = min(self.each[-1].values()), max(self.each[-1].values())
        seeds = count(most, "fresh seed")
        if fewest < most:
            seeds = f"{fewest} to {seeds}"
        return f"{count(len(self.choices), 'arm')} on {seeds}"

    def search(self, record: Record) -> Search:
        """The state of all rounds so far."""
        study, folder = self.session.study, self.session.folder.confirm.path
        plan = confirm_plan(
            self.choices, self.seeds, folds_of(study), self.each, apart=not study.is_free
        )
        return Search(study, record, folder, plan=plan)

    def share(self, record: Record) -> None:
        """Give what is left where the noise is, on record before anything is trained on it."""
        session = self.session
        study, home = session.study, session.folder
        done = [t for t in record.trials.values() if t.status == "completed"]
        done.sort(key=lambda t: ([c.arm for c in self.choices].index(t.arm), t.number))
        models = pd.DataFrame(
            [(model_name(t), t.arm, t.seed, t.fold) for t in done],
            columns=["model", "arm", "seed", "fold"],
        )
        share = share_out(
            study,
            models,
            predictions_of(home, done) if done else pd.DataFrame(),
            first=self.each[-1],
            n=self.n_left,
        )
        session.provenance.shares.append({"decided_at": now(), **asdict(share)})
        session.provenance.write(home)
        session.say(shared_line(share))


def _choices(session: Session) -> tuple[Choice, ...]:
    """What was chosen before, or what is chosen now, on disk before anything is trained on it.

    Raises:
        StudyError: No arm has a trial that ran to its end, or what was chosen is damaged.
    """
    study, home = session.study, session.folder.confirm
    if (chosen := home.chosen()) is not None:
        return tuple(Choice(**row) for row in chosen)
    folder = session.folder.path
    tables = session.tables
    seed = stream_seed(study, Stream.CHOICE)
    choices = choose(study, tables.trials, tables.epochs, seed=seed)
    if not choices:
        is_searched = tables.trials["origin"] != "scout"
        is_over = tables.trials["status"] != "interrupted"
        way_on = (
            f"Go on with the search: python -m study.run --resume {shlex.quote(str(folder))}"
            if (is_searched & is_over).sum() < study.trials
            else "`error` in trials.parquet says why; change the study's factors and begin a new "
            "one with --name."
        )
        raise StudyError(
            f"{folder}: no trial ran to its end, so there is nothing to confirm. {way_on}"
        )
    write_whole(home.choice, json.dumps([asdict(c) for c in choices], indent=1).encode())
    for choice in choices:
        session.say(
            f"{choice.arm}: {choice.trial_id} will be confirmed, of {choice.n_candidates} "
            f"configurations the one with {RULES[choice.rule]}"
        )
    missing = {arm_name(study, cell) for cell in study.arms} - {c.arm for c in choices}
    for arm in sorted(missing):
        session.say(f"{arm}: no trial ran to its end; not confirmed")
    return choices


def _n_models(session: Session) -> int:
    """Rows of the table that the stage leaves."""
    return 0 if session.tables.confirm is None else len(session.tables.confirm)


def _open_read(session: Session, search: Search, n_models: int) -> TestRead | None:
    """The record of this look at the test split, on disk before it; None without a test split.

    A stage that was interrupted goes on with the look that it began.
    """
    if not keeping_of(session.study).has_test(session):
        return None
    reads = session.provenance.test_reads
    if not reads or reads[-1].ended_at is not None:
        reads.append(
            TestRead(
                started_at=now(),
                ended_at=None,
                command=shlex.join(session.command),
                n_models=n_models,
                n_new_models=n_models - len(search.record.trials),
            )
        )
        session.provenance.write(session.folder)
    if len(reads) > 1:
        session.say(
            f"The test split was looked at before ({reads[0].started_at}): this is look "
            f"{len(reads)}, which study.json records."
        )
    return reads[-1]
