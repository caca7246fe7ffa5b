"""The search as a state machine: what runs next, who goes on, what is over. No Ray in here.

Whoever executes trials (Ray in `study.running.tune_run`, a plain loop in the tests) asks for
the next assignment, hands in every epoch before the next one starts, and says how a trial ended.
Each answer is on disk in the record before the caller sees it, so a killed search continues from
the record alone.
"""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from study.asked.factors import Level, holds
from study.asked.study import Study, complete, in_box
from study.errors import RecordError, SearchError
from study.folder.record import Record, TrialRecord, trial_id
from study.plan.sampler import Samplers
from study.plan.space import check_recipe
from study.plan.stopping import Decision, Rungs
from study.plan.trials import PlannedTrial, plan_trials

Failure = Literal["died", "raised", "diverged", "refused"]
"""A worker that died, an exception, a loss that is not finite, or input that cannot be used."""

RETRIES: Final[dict[Failure, int]] = {"died": 2, "raised": 2, "diverged": 1, "refused": 0}
"""Times that a trial is tried again from its checkpoint before it counts as failed; an epoch
that is new on record sets the count back, so that a long trial outlives lost nodes. On one machine
a diverged loss would come again; sums on a GPU may differ, hence one more try."""

FIRST_FAILURES: Final = 3
"""When so many trials failed and none ended well, the search gives up."""

FAILURES_IN_A_ROW: Final = 6
"""When so many failed one after the other, it gives up too: a machine that broke on the way, a GPU
lost for instance, would fail all the rest of the plan, which no resume tries again."""


UNLIKE: Final = "unlike"
"""Key of the epoch from which a trial goes on that told another value of an earlier one when it
began again: by how much. Its curve is that of two trainings."""

LIKE: Final = 0.025
"""Points of the analysis up to which two values are one: a tenth of the smallest effect that
counts."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A trial to run now, from its start or from its checkpoint.

    Attributes:
        number: Place in the plan.
        arm: Name of its arm.
        config: Level per existing factor.
        seed: Of its row in tables.
        epochs_planned: Length of its schedule.
        epochs_done: Epochs that the record already holds.
        root: Seed of its random streams.
        fold: What it is validated on; None: the data's own val.
    """

    number: int
    arm: str
    config: dict[str, Level]
    seed: int
    epochs_planned: int
    epochs_done: int
    root: int
    fold: int | None = None

    @property
    def trial_id(self) -> str:
        """Identity that survives every restart."""
        return trial_id(self.number)


class Search:
    """The state of one search, rebuilt from its record at any time.

    Only trials of the search proper may be stopped early: design, repeat and scout trials run to
    their planned end, which is what makes the table analysable.
    """

    def __init__(
        self,
        study: Study,
        record: Record,
        folder: Path,
        *,
        plan: tuple[PlannedTrial, ...] | None = None,
    ) -> None:
        """Continue `record`: rungs and samplers are brought to its state.

        Args:
            study: The resolved study.
            record: The open record in `folder`.
            folder: The folder of the record, where the Optuna journal lies too.
            plan: What to run; None: the study's search.

        Raises:
            RecordError: A trial in the record is not one that this study plans.
        """
        self.study = study
        self.record = record
        self.plan = plan_trials(study) if plan is None else plan
        for trial in record.trials.values():
            problem = self._problem_of(trial)
            if problem is not None:
                raise RecordError(
                    f"{record.path}, trial {trial.trial_id}: {problem}. Restore the file from a "
                    "copy, or begin a new study with --name."
                )
        self._end_what_is_over()
        self._rungs = Rungs(study.reduction)
        self._samplers = Samplers(study, folder)
        self._samplers.catch_up(record.trials.values(), study.metric)
        self._replay_rungs()
        self._live = {t.number for t in record.trials.values() if t.status == "running"}
        self._waiting = deque(sorted(self._live))
        self._next = len(record.trials)
        self._failed_in_a_row: list[str] = []
        self._unlike: dict[int, float] = {}

    def _end_what_is_over(self) -> None:
        """Write the end lines that a kill right before them left out."""
        for trial in self.record.trials.values():
            if trial.end is None and trial.status != "running":
                self.record.append("end", **_ending(trial, trial.status))
            elif trial.status == "running" and _is_exhausted(trial):
                reason = trial.failures[-1]["reason"]
                self.record.append("end", **_ending(trial, "failed", reason))

    def _problem_of(self, trial: TrialRecord) -> str | None:
        """Why a recorded trial cannot be one of this study, or None."""
        if trial.number >= len(self.plan):
            return f"the study plans {len(self.plan)} trials"
        planned = self.plan[trial.number]
        for name in ("arm", "origin", "seed", "fold"):
            found, expected = getattr(trial, name), getattr(planned, name)
            if found != expected:
                return f"its {name} is {found!r}; the study plans {expected!r}"
        # what began from the seed, as every fold once did, goes on so
        if trial.start_seed not in (None, planned.start_seed):
            return f"it starts from {trial.start_seed}; the study plans {planned.start_seed}"
        try:
            check_recipe(self.study, trial.config, trial.seed)
            is_whole = complete(self.study, trial.config) == trial.config
        except (KeyError, ValueError, TypeError) as error:
            return f"its configuration is not one of this study ({error})"
        if not is_whole or trial.config != (planned.config or trial.config):
            return "its configuration is not one that the study plans"
        if planned.config is None and not in_box(self.study, trial.config):
            return "its configuration lies outside the study's ranges"
        if not holds(planned.cell, trial.config) or trial.config["epochs"] != trial.epochs_planned:
            return f"its configuration is not of the arm {trial.arm} or of another length"
        for epoch in trial.epochs:
            value = epoch.get(self.study.metric)
            if isinstance(value, bool) or not isinstance(value, int | float):
                return f"its epoch {epoch['epoch']} has no {self.study.metric}"
        return None

    def _replay_rungs(self) -> None:
        """Feed every recorded value to its rung; a rung does not depend on their order."""
        for trial in self.record.trials.values():
            for epoch in trial.epochs:
                self._judge(trial, epoch["epoch"], epoch[self.study.metric])

    def _judge(self, trial: TrialRecord, epoch: int, value: float) -> Decision | None:
        return self._rungs.judge(
            arm=trial.arm,
            planned=trial.epochs_planned,
            epoch=epoch,
            value=self.study.measure.gain(value),
            may_stop=trial.origin == "search",
        )

    def next(self) -> Assignment | None:
        """What to run now, interrupted trials first; None while or when nothing is left to start.

        A trial whose worker died comes back here, so None is final only once `is_over`.
        """
        if self._waiting:
            trial = self.record.trials[self._waiting.popleft()]
            return _assignment(trial)
        if self._next == len(self.plan):
            return None
        planned = self.plan[self._next]
        self._next += 1
        config = self._samplers.propose(planned)
        # a start says nothing of what it has not, as in records that are older
        place = {name: getattr(planned, name) for name in ("fold", "start_seed")}
        place = {name: value for name, value in place.items() if value is not None}
        trial = self.record.append(
            "start",
            number=planned.number,
            arm=planned.arm,
            origin=planned.origin,
            config=config,
            seed=planned.seed,
            epochs_planned=int(config["epochs"]),
            started_at=time.time(),
            **place,
        )
        self._live.add(planned.number)
        return _assignment(trial)

    @property
    def is_over(self) -> bool:
        """Whether every planned trial has ended."""
        return self._next == len(self.plan) and not self._live

    @property
    def live(self) -> list[TrialRecord]:
        """Trials that have started and not ended, waiting ones included."""
        return [self.record.trials[number] for number in sorted(self._live)]

    def finished_epoch(self, number: int, metrics: Mapping[str, Any]) -> bool:
        """Record an epoch with its rung decision in one line; whether the trial goes on.

        An epoch that the record already holds (reported again after a restart) changes nothing.
        """
        trial = self.record.trials[number]
        epoch, value = int(metrics["epoch"]), float(metrics[self.study.metric])
        if epoch <= len(trial.epochs):
            self._hold_against(trial, epoch, value)
            return trial.status == "running"
        decision = self._judge(trial, epoch, value)
        line = {**metrics, "at": time.time()}
        if trial.number in self._unlike:
            line[UNLIKE] = self._unlike.pop(trial.number)
        if decision is not None:
            line["rung"] = {"n": decision.n, "promoted": decision.promoted}
        self.record.append("epoch", number=number, **line)
        self._samplers.report(number, epoch, value)
        if trial.status == "running":
            return True
        self._end(trial, trial.status)
        return False

    def _hold_against(self, trial: TrialRecord, epoch: int, again: float) -> None:
        """Mark a trial that has begun again and tells another value than is on record."""
        before = float(trial.epochs[epoch - 1][self.study.metric])
        # sums in another order, as on a GPU, are no other training
        if abs(again - before) * self.study.measure.per_unit > LIKE:
            self._unlike[trial.number] = again - before

    def failed(self, number: int, reason: str, kind: Failure) -> bool:
        """Record that an attempt died; whether the trial waits for another one.

        Args:
            number: The trial.
            reason: One line that a reader understands.
            kind: Says how often to try again.

        Raises:
            SearchError: So many trials failed that the others would too.
        """
        trial = self.record.append(
            "failure", number=number, reason=reason, kind=kind, at=time.time()
        )
        if not _is_exhausted(trial):
            self._waiting.append(number)
            return True
        self._end(trial, "failed", error=reason)
        self._give_up_if_hopeless(kind)
        return False

    def _give_up_if_hopeless(self, kind: Failure) -> None:
        """Divergence does not count: that rates at the edge of a box diverge is a result."""
        if kind == "diverged":
            return
        ended = [t for t in self.record.trials.values() if t.status != "running"]
        reasons = "; ".join(sorted(set(self._failed_in_a_row)))
        if len(ended) >= FIRST_FAILURES and all(
            t.status == "failed" and t.kind != "diverged" for t in ended
        ):
            raise SearchError(
                f"the first {len(ended)} trials failed, so the others would too: {reasons}"
            )
        if len(self._failed_in_a_row) >= FAILURES_IN_A_ROW:
            raise SearchError(
                f"{len(self._failed_in_a_row)} trials failed one after the other, so the rest "
                f"would too: {reasons}. Mend that; --resume goes on with the next trial."
            )

    def _end(self, trial: TrialRecord, status: str, *, error: str | None = None) -> None:
        self.record.append("end", **_ending(trial, status, error))
        self._live.discard(trial.number)
        if error is None:
            self._failed_in_a_row.clear()
        elif trial.kind != "diverged":
            self._failed_in_a_row.append(error)
        value = None if status == "failed" else trial.epochs[-1][self.study.metric]
        self._samplers.tell(trial.number, status, value)

    def best_of_arms(self) -> dict[str, TrialRecord]:
        """Per arm the completed trial with the best final value; arms without one are absent."""
        best: dict[str, TrialRecord] = {}
        for trial in self.record.trials.values():
            if trial.status == "completed" and (
                trial.arm not in best or self._gain(trial) > self._gain(best[trial.arm])
            ):
                best[trial.arm] = trial
        return best

    def _gain(self, trial: TrialRecord) -> float:
        return self.study.measure.gain(float(trial.epochs[-1][self.study.metric]))


def _ending(trial: TrialRecord, status: str, error: str | None = None) -> dict[str, Any]:
    return {"number": trial.number, "status": status, "error": error, "at": time.time()}


def _is_exhausted(trial: TrialRecord) -> bool:
    """Whether a trial failed so often in a row that it is not tried again."""
    return any(kind == trial.kind and trial.failures_in_a_row > n for kind, n in RETRIES.items())


def _assignment(trial: TrialRecord) -> Assignment:
    return Assignment(
        number=trial.number,
        arm=trial.arm,
        config=trial.config,
        seed=trial.seed,
        epochs_planned=trial.epochs_planned,
        epochs_done=len(trial.epochs),
        root=trial.root,
        fold=trial.fold,
    )
