"""What Optuna proposes and what it is told: one TPE study per arm, all in one journal file.

The durable record is the truth and the journal its image: `catch_up` brings a journal that is
behind, or missing, to the record's state. The k-th trial that an arm started is the k-th trial of
its Optuna study. A stopped trial is told as PRUNED with its values per epoch, never as COMPLETE
with an early value; a failed one as FAIL.
"""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import optuna
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from study.factors import Level, Study, in_box
from study.plan import PlannedTrial
from study.record import TrialRecord, drop_torn_tail
from study.space import params_of, suggest

FILE_NAME = "journal.log"

SETTINGS: Final[dict[str, Any]] = {
    "multivariate": True,
    "group": True,
    "constant_liar": True,
    "n_ei_candidates": 24,
    "n_startup_trials": 5,
}
"""TPE's settings, explicit and written to study.json. Grouping lets conditional factors keep
their own densities; the constant liar keeps parallel trials from proposing the same point."""

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
        """Open or create the journal in a study's folder, whose record the caller has locked."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = study
        path = folder / FILE_NAME
        if path.exists():
            drop_torn_tail(path)
        # A killed driver may leave Optuna's lock; nobody else writes, since we hold the record.
        Path(f"{path}.lock").unlink(missing_ok=True)
        self._storage = JournalStorage(JournalFileBackend(str(path)))
        self._studies: dict[str, optuna.Study] = {}
        self._started: dict[str, int] = {}
        self._optuna_ids: dict[int, int] = {}

    def _of_arm(self, arm: str) -> optuna.Study:
        if arm not in self._studies:
            self._studies[arm] = optuna.create_study(
                study_name=f"{self._study.name}/{arm}",
                storage=self._storage,
                direction="maximize",
                load_if_exists=True,
            )
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
        """Bring the journal to the record's state; `trials` in the order of their starts."""
        for record in trials:
            study = self._of_arm(record.arm)
            existing = study.get_trials(deepcopy=False)
            k = self._started[record.arm]
            cell = {f.name: record.config[f.name] for f in self._study.of_role("arm")}
            if k < len(existing):
                optuna_id = existing[k]._trial_id
            else:
                optuna_id = self._add(record.arm, cell, record.config)
            self._bind(record.number, record.arm, record.origin, record.seed, optuna_id)
            known = self._storage.get_trial(optuna_id)
            self._catch_up_one(record, known, metric)

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
    stream = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
    with warnings.catch_warnings():
        # `group` is marked experimental; its behaviour is pinned by our tests.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(seed=stream, **SETTINGS)
