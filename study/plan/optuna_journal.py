"""Two economies of the Optuna journal, which is an image of the record and never the truth.

Optuna waits for the disk at every line, about twenty lines a trial; and TPE looks at every trial
that there ever was, so that the ten-thousandth proposal takes many times the hundredth's time.
"""

import heapq
import json
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

BEST: Final = 50
"""Trials that TPE always sees: twice as many as it ever counts as good ones (at most 25)."""

LATEST: Final = 450
"""Of the other trials, so many of the latest ones stand for what is not good."""


class JournalImage(JournalFileBackend):
    """A journal file that waits neither for the disk nor for a lock.

    What a power cut takes from it comes back from the record, and whoever holds the record is the
    only writer. A line is one write, so that a dashboard beside us reads whole lines.
    """

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write the lines after those that are there."""
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with Path(self._file_path).open("ab", buffering=0) as file:
            file.write(text.encode())


class ArmStudy(optuna.Study):
    """An arm's Optuna study whose sampler sees its best and its latest trials only."""

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """All trials, for everybody but samplers."""
        return self._storage.get_all_trials(self._study_id, deepcopy=deepcopy, states=states)

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        """What samplers look at, several times a proposal: the remembered trials.

        Read once a proposal, also where Optuna would read them again for the sake of processes
        beside it: the holder of the record is the only one who adds trials.
        """
        if self._thread_local.cached_all_trials is None:
            self._thread_local.cached_all_trials = remembered(self.get_trials(deepcopy=False))
        return super()._get_trials(deepcopy, states, use_cache=True)


def remembered(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that a proposal depends on, in their order: the `BEST` and the `LATEST`."""
    if len(trials) <= BEST + LATEST:
        return list(trials)
    finished = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    best = heapq.nlargest(BEST, finished, key=lambda trial: trial.values[0])
    kept = {trial.number for trial in best}
    rest = [trial for trial in trials if trial.number not in kept]
    kept |= {trial.number for trial in rest[-LATEST:]}
    return [trial for trial in trials if trial.number in kept]
