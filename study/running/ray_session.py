"""Ray for as long as a stage needs it, and what the stage may use of it."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import ray

from agecls.machine import cores
from study.errors import SearchError, StudyError
from study.running.steps import Place

_log = logging.getLogger(__name__)

WARM: Final = ["torch", "ray.tune", "study.running.trainer"]
"""What the workers of a Ray of our own load while it starts, before a trial asks for it."""

IDLE: Final = 4
"""Ray has a worker ready for each core. Where only one of so many would train they load nothing
ahead: it takes 2 CPU seconds and 150 MiB each."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a study may use and what one trial takes; `concurrency` None: what fits."""

    cpus_per_trial: float = 1.0
    gpus_per_trial: float = 0.0
    concurrency: int | None = None
    address: str | None = None

    @property
    def place(self) -> Place:
        """What one trial finds where it runs."""
        return Place(threads=max(1, int(self.cpus_per_trial)), wants_gpu=self.gpus_per_trial > 0)

    def at_a_time(self, *, cpus: float, gpus: float) -> int:
        """Trials at a time on so much: as many as fit, or fewer where that is asked.

        A cluster may grow, so there it is what is asked.
        """
        if self.concurrency is not None and self.address is not None:
            return self.concurrency
        there = ((cpus, self.cpus_per_trial), (gpus, self.gpus_per_trial))
        fits = [has / wanted for has, wanted in there if wanted > 0]
        most = max(1, int(min(fits, default=1.0)))
        return most if self.concurrency is None else min(self.concurrency, most)

    def at_a_time_here(self) -> int:
        """Trials at a time before Ray says what there is: on this machine, if nothing is asked."""
        return self.at_a_time(cpus=cores(), gpus=_gpus() if self.gpus_per_trial > 0 else 0)


def _gpus() -> int:
    import torch  # a second, and only a study on GPUs needs it here

    return torch.cuda.device_count()


def check_resources(resources: Resources) -> None:
    """Refuse a trial that no node can hold, for which Ray would wait for ever.

    Raises:
        StudyError: Says what the nodes have.
    """
    wanted = {"CPU": resources.cpus_per_trial, "GPU": resources.gpus_per_trial}
    alive = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    nodes = [node["Resources"] for node in alive]
    if not any(all(node.get(k, 0.0) >= n for k, n in wanted.items()) for node in nodes):
        has = "; ".join(f"{n.get('CPU', 0):g} CPUs, {n.get('GPU', 0):g} GPUs" for n in nodes)
        raise StudyError(
            f"no node can hold a trial of {wanted['CPU']:g} CPUs and {wanted['GPU']:g} GPUs "
            f"(there are: {has}); lower --cpus-per-trial or --gpus-per-trial"
        )


def concurrency(resources: Resources) -> int:
    """Trials at a time on what Ray has."""
    cluster = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources.at_a_time(cpus=cluster.get("CPU", 0.0), gpus=cluster.get("GPU", 0.0))


@contextmanager
def ray_session(resources: Resources) -> Iterator[None]:
    """A quiet Ray: the cluster at `address`, or a local one on loopback for this block.

    Raises:
        SearchError: Ray does not start, or there is no cluster at the address.
        StudyError: No node can hold a trial.
    """
    # Ray logs a traceback for each worker that dies; the record has the reason.
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    settings: dict[str, Any] = {"logging_level": logging.CRITICAL, "log_to_driver": False}
    if resources.address is not None:
        settings["address"] = resources.address
    else:
        # "local", since without it Ray joins whatever cluster runs on this machine.
        settings["address"] = "local"
        settings |= {"include_dashboard": False, "num_cpus": cores()}
        if resources.at_a_time_here() * IDLE >= cores():
            settings["_system_config"] = {"preload_python_modules": WARM}
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(**settings)
    except SystemExit as error:  # Ray's own answer to SIGTERM
        raise KeyboardInterrupt from error
    except Exception as error:  # Ray raises many kinds, also plain Exception after a time-out
        where = f" at {resources.address}" if resources.address else ""
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SearchError(
            f"Ray cannot be used{where}: {first} "
            "(nothing is lost; try again when the machine is less busy, or mend --address; a "
            "cluster with a token asks for RAY_AUTH_MODE=token and that token)"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, on_sigterm)
    # A cluster that has a token would have refused us.
    if resources.address is not None and os.environ.get("RAY_AUTH_MODE", "") in ("", "disabled"):
        _log.warning(
            "the cluster at %s lets everybody in who reaches its ports, to run any code as you; "
            "start it with RAY_AUTH_MODE=token and a token, as study/examples/slurm.sh does",
            resources.address,
        )
    try:
        check_resources(resources)
        yield
    finally:
        ray.shutdown()
