"""Age classes from faces: data, models and training. Imports nothing heavy by itself."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from agecls.use.saved import Classifier

__all__ = ["load"]


def load(*paths: str | Path, device: "str | torch.device" = "cpu") -> "Classifier":
    """The model that a study kept in a folder, or the average of several: `load(P).predict(X)`.

    See `agecls.use.saved.load`, which this defers so that the package itself stays light.
    """
    from agecls.use import saved

    return saved.load(*paths, device=device)
