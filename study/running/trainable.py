"""The trainer as Ray calls it; a worker loads this module and what trains, not the driver's parts.

Ray's class form rather than its function form, because the driver must have an epoch on disk
before the next one starts, and because reused actors save two seconds of imports a trial.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ray import tune

from study.running.steps import Steps


def trained(**shared: Any) -> Steps:
    """A `Trainer` of what trials share; the driver, which trains nothing, does not load it."""
    from study.running.trainer import Trainer

    return Trainer(**shared)


class Stepping(tune.Trainable):
    """`Steps` as Ray calls them; an actor serves one trial after another."""

    def setup(  # type: ignore[override]  # `tune.with_parameters` adds the arguments
        self, config: dict[str, Any], trainer: Callable[..., Steps], shared: Mapping[str, Any]
    ) -> None:
        """Start or continue the trial that `config` describes."""
        self._trainer = trainer(**shared)
        self._trainer.begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial in the same process."""
        self._trainer.begin(new_config)
        return True

    def cleanup(self) -> None:
        """Let the last trial go, before the process ends."""
        self._trainer.end()

    def step(self) -> dict[str, Any]:
        """The next epoch's metrics, or why there is none."""
        return self._trainer.step()
