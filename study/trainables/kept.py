"""The checkpoint of a function's trial: states of what it keeps, whole or not at all.

It is torch's archive of tensors and plain values. Reading runs no code that stands in it.
"""

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np

from agecls.files import whole_file
from study.folder.storage import Storage

FORMAT: Final = "agecls-study trainable 1"

_ARRAY: Final = "__array__"
"""Key of a dictionary that stands for an array, which torch's archive cannot hold itself."""

_log = logging.getLogger(__name__)


class Checkpoint:
    """One trial's, wherever the study keeps its checkpoints; see `study.trainables.report.Kept`.

    A file is copied from and to a far storage; torch is loaded once something is kept.
    """

    def __init__(self, storage: str, trial_id: str) -> None:
        """Of the trial; nothing is read yet.

        Args:
            storage: URI of the checkpoints.
            trial_id: The trial's.
        """
        self._storage, self._trial_id = Storage(storage), trial_id
        self._open = ExitStack()
        self._path: Path | None = None

    def __enter__(self) -> "Checkpoint":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def path(self) -> Path:
        """Where it lies on this node."""
        if self._path is None:
            self._path = self._open.enter_context(self._storage.local_copy(self._trial_id))
        return self._path

    def load(self) -> tuple[list[dict[str, Any]], dict[str, Any]] | None:
        """Metrics of the epochs that it holds, and states by name; None: there is none to use."""
        import torch

        if not self.path.exists():
            return None
        try:
            found = torch.load(self.path, weights_only=True, map_location="cpu")
            if found["format"] != FORMAT:
                raise ValueError(f"format {found['format']!r}")
            return list(found["history"]), {n: _arrays(s) for n, s in found["states"].items()}
        # a damaged archive ends in any kind of error
        except Exception as error:
            reason = str(error).split("\n")[0]
            _log.warning("%s cannot be read (%s): the trial begins again", self.path, reason)
            return None

    def save(self, history: list[dict[str, Any]], states: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace it, whole or not at all.

        Raises:
            TypeError: A state holds what could not be read again.
            OSError: The disk is full.
        """
        import torch

        plain = {name: _plain(state, name) for name, state in states.items()}
        content = {"format": FORMAT, "history": history, "states": plain}
        try:
            with whole_file(self.path) as file:
                torch.save(content, file)
        except RuntimeError as error:
            # torch turns a full disk into a RuntimeError of its own
            if isinstance(error.__context__, OSError):
                cause = error.__context__
                raise OSError(cause.errno, cause.strerror, str(self.path)) from error
            raise
        self._storage.publish(self.path)


def _plain(value: Any, place: str) -> Any:
    """A state as the archive can hold it.

    Raises:
        TypeError: It cannot.
    """
    import torch

    if value is None or isinstance(value, str | bool | int | float | torch.Tensor):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        # a copy: torch warns of an array that must not be written to
        return {_ARRAY: torch.from_numpy(np.array(value, order="C"))}
    if isinstance(value, Mapping):
        return {key: _plain(inner, f"{place}[{key!r}]") for key, inner in value.items()}
    if isinstance(value, list | tuple):
        inner = [_plain(one, f"{place}[{n}]") for n, one in enumerate(value)]
        return inner if isinstance(value, list) else tuple(inner)
    raise TypeError(
        f"the state of {place} is a {type(value).__name__}, which a checkpoint cannot hold; give "
        "tensors, arrays of numbers, numbers, texts, lists and dictionaries"
    )


def _arrays(value: Any) -> Any:
    """A state with its arrays again."""
    if isinstance(value, dict):
        if value.keys() == {_ARRAY}:
            return value[_ARRAY].numpy()
        return {key: _arrays(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_arrays(one) for one in value)
    return value
