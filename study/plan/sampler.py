"""What Optuna proposes and what it is told: one TPE study per arm, all in one journal file.

The durable record is the truth and the journal its image: `catch_up` brings a journal that is
behind, or missing, to the record's state. The k-th trial that an arm started is the k-th trial of
its Optuna study. A stopped trial is told as PRUNED with its values per epoch, never as COMPLETE
with an early value; a failed one as FAIL.
"""

import logging
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from study.asked.factors import Level
from study.asked.study import Study, in_box
from study.folder.folder import Home
from study.folder.record import TrialRecord
from study.folder.record_lines import drop_torn_tail
from study.plan.optuna_journal import ArmStudy, JournalImage
from study.plan.space import params_of, suggest
from study.plan.streams import proposal_seed
from study.plan.trials import PlannedTrial

_log = logging.getLogger(__name__)

SETTINGS: Final[dict[str, Any]] = {
    "multivariate": True,
    "group": True,
    "constant_liar": True,
    "n_ei_candidates": 24,
    "n_startup_trials": 5,
}
"""TPE's settings, explicit. Grouping lets conditional factors keep their own densities; the
constant liar keeps parallel trials from proposing the same point."""

SAMPLER: Final = {"name": "TPE (Optuna), one per arm", **SETTINGS}
"""What provenance says of it."""

_STATES: Final = {
    "completed": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}


class Samplers:
    """The TPE studies of all arms over one journal.

    Every proposal comes from a sampler seeded by the study's seed and the trial's number, so it
    depends only on what the journal holds, and a resumed search proposes what the unbroken one
    would have.
    """

    def __init__(self, study: Study, folder: Path) -> None:
        """Samplers over the journal in a study's folder, whose record the caller has locked.

        `catch_up` comes before everything else.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = study
        self._path = Home(folder).journal
        is_minimised = study.measure.is_minimised
        self._direction = StudyDirection.MINIMIZE if is_minimised else StudyDirection.MAXIMIZE

    def _open(self) -> None:
        if self._path.exists():
            drop_torn_tail(self._path)
        # A killed driver may leave Optuna's lock; nobody else writes, since we hold the record.
        Path(f"{self._path}.lock").unlink(missing_ok=True)
        self._storage = JournalStorage(JournalImage(str(self._path)))
        self._studies: dict[str, optuna.Study] = {}
        self._started: dict[str, int] = {}
        self._optuna_ids: dict[int, int] = {}

    def _of_arm(self, arm: str) -> optuna.Study:
        if arm not in self._studies:
            made = optuna.create_study(
                study_name=f"{self._study.name}/{arm}",
                storage=self._storage,
                direction=self._direction,
                load_if_exists=True,
            )
            self._studies[arm] = ArmStudy(made.study_name, self._storage)
            self._started[arm] = 0
        return self._studies[arm]

    def propose(self, planned: PlannedTrial) -> dict[str, Level]:
        """The configuration of the arm's next trial: as planned, or sampled by TPE."""
        study = self._of_arm(planned.arm)
        trials = study.get_trials(deepcopy=False)
        k = self._started[planned.arm]
        # A driver killed between the proposal and its record leaves one trial ahead: adopt it.
        ahead = trials[k] if k < len(trials) else None
        if planned.config is not None:
            config = dict(planned.config)
            optuna_id = ahead._trial_id if ahead else self._add(planned.arm, planned.cell, config)
        else:
            study.sampler = _sampler(self._study.seed, planned.number)
            trial = optuna.trial.Trial(study, ahead._trial_id) if ahead else study.ask()
            config = suggest(trial, self._study, planned.cell)
            optuna_id = trial._trial_id
        self._bind(planned.number, planned.arm, planned.origin, planned.seed, optuna_id)
        return config

    def report(self, number: int, epoch: int, value: float) -> None:
        """Take a trial's value after an epoch (from 1)."""
        self._storage.set_trial_intermediate_value(self._optuna_ids[number], epoch, value)

    def tell(self, number: int, status: str, value: float | None) -> None:
        """End a trial as `completed`, `stopped` (with its last value) or `failed` (None)."""
        self._storage.set_trial_state_values(
            self._optuna_ids[number],
            _STATES[status],
            None if value is None else [value],
        )

    def catch_up(self, trials: Iterable[TrialRecord], metric: str) -> None:
        """Open the journal, or make it, and bring it to the record's state.

        A journal that is damaged, or says anything else than the record, is made again.

        Args:
            trials: In the order of their starts.
            metric: The study's metric.
        """
        records = list(trials)
        try:
            self._open()
            self._replay(records, metric)
            is_image = self._agrees_with(records, metric)
        except OSError:
            raise
        # Optuna checks little of what it reads: a damaged line ends in any kind of error.
        except Exception as error:
            _log.debug("%s: %r", self._path, error)
            is_image = False
        if not is_image:
            _log.warning("%s was damaged and is made again from the record", self._path)
            self._path.unlink()
            self._open()
            self._replay(records, metric)

    def _replay(self, trials: Iterable[TrialRecord], metric: str) -> None:
        for record in trials:
            study = self._of_arm(record.arm)
            existing = study.get_trials(deepcopy=False)
            k = self._started[record.arm]
            if k < len(existing):
                optuna_id = existing[k]._trial_id
            else:
                optuna_id = self._add(record.arm, self._cell(record), record.config)
            self._bind(record.number, record.arm, record.origin, record.seed, optuna_id)
            known = self._storage.get_trial(optuna_id)
            self._catch_up_one(record, known, metric)

    def _cell(self, record: TrialRecord) -> dict[str, Level]:
        return {f.name: record.config[f.name] for f in self._study.of_role("arm")}

    def _agrees_with(self, trials: list[TrialRecord], metric: str) -> bool:
        """Whether the journal says of each trial what the record says, and of one more at most."""
        n_told = 0
        for told in self._storage.get_all_studies():
            arm = told.study_name.removeprefix(f"{self._study.name}/")
            of_arm = self._storage.get_all_trials(told._study_id, deepcopy=False)
            n_told += len(of_arm)
            ahead = of_arm[self._started.get(arm, 0) :]
            if told.direction != self._direction:
                return False
            if any(trial.state != TrialState.RUNNING for trial in ahead):
                return False
        return n_told <= len(trials) + 1 and all(
            self._is_image(
                self._storage.get_trial(self._optuna_ids[record.number]), record, metric
            )
            for record in trials
        )

    def _is_image(self, known: FrozenTrial, record: TrialRecord, metric: str) -> bool:
        inside = in_box(self._study, record.config)
        params, distributions = (
            params_of(self._study, self._cell(record), record.config) if inside else ({}, {})
        )
        values = {n: epoch[metric] for n, epoch in enumerate(record.epochs, start=1)}
        has_value = record.status in ("completed", "stopped")
        return (
            (known.params, known.distributions) == (params, distributions)
            and known.intermediate_values == values
            and known.state == _STATES.get(record.status, TrialState.RUNNING)
            and known.values == ([values[len(values)]] if has_value else None)
            and known.user_attrs
            == {"origin": record.origin, "seed": record.seed, "number": record.number}
        )

    def _catch_up_one(self, record: TrialRecord, known: FrozenTrial, metric: str) -> None:
        if known.state.is_finished():
            return
        for epoch, values in enumerate(record.epochs, start=1):
            if epoch not in known.intermediate_values:
                self.report(record.number, epoch, values[metric])
        if record.status != "running":
            value = record.epochs[-1][metric] if record.epochs else None
            failed = record.status == "failed"
            self.tell(record.number, record.status, None if failed else value)

    def _add(self, arm: str, cell: dict[str, Level], config: dict[str, Level]) -> int:
        """A running trial with this configuration; outside the box no parameter can stand for it.

        Such an included trial is in the journal without parameters: TPE must not learn from it.
        """
        inside = in_box(self._study, config)
        params, distributions = params_of(self._study, cell, config) if inside else ({}, {})
        template = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions=distributions,
        )
        study = self._of_arm(arm)
        # `Study.add_trial` does not return the identity that the storage gave.
        return self._storage.create_new_trial(study._study_id, template_trial=template)

    def _bind(self, number: int, arm: str, origin: str, seed: int, optuna_id: int) -> None:
        self._optuna_ids[number] = optuna_id
        self._started[arm] += 1
        if "number" not in self._storage.get_trial(optuna_id).user_attrs:
            for key, value in {"origin": origin, "seed": seed, "number": number}.items():
                self._storage.set_trial_user_attr(optuna_id, key, value)


def _sampler(seed: int, number: int) -> TPESampler:
    with warnings.catch_warnings():
        # `group` is marked experimental; its behaviour is pinned by our tests.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(seed=proposal_seed(seed, number), **SETTINGS)
