"""What can go wrong with faces, recipes, weights and training.

AgeclsError
├── DataLayoutError   what stands on disk is not a data set that we read
├── ImageError        one image cannot be used; readers turn it into a quarantine row
├── RecipeError       a field of a recipe is unknown or out of its range
├── WeightsError      pretrained weights are missing, unsafe or do not fit
├── CheckpointError   a checkpoint is damaged or belongs to another run
└── DivergedError     the loss became NaN or infinite

A message is one line and says what was found, where, what was expected and what to do, in one or
two sentences.
Commands turn an AgeclsError into that one line on standard error and its exit status.
"""

from typing import ClassVar


def one_line(message: str) -> str:
    """A message as one line that a terminal shows as it is.

    File names and other libraries' reasons hold newlines and control characters: these are
    written as Python would escape them.
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in message.strip())


class ToldError(Exception):
    """Base of every error whose message is for the user of a command, of any package.

    Attributes:
        status: The exit status of a command that it ends: 2 bad input, 1 failed.
    """

    status: ClassVar[int] = 2

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class AgeclsError(ToldError):
    """Base of every error that the package raises on purpose."""


class DataLayoutError(AgeclsError, ValueError):
    """A data root, CSV or row does not have the layout that a reader expects."""


class ImageError(AgeclsError, ValueError):
    """One image file cannot be decoded or must not be."""


class RecipeError(AgeclsError, ValueError):
    """A recipe's field is unknown, of the wrong type or out of its range."""


class WeightsError(AgeclsError, ValueError):
    """Pretrained weights cannot be had, are not safe to load or do not fit the model."""


class CheckpointError(AgeclsError, ValueError):
    """A checkpoint is damaged or was written by a run with another recipe."""


class DivergedError(AgeclsError, ArithmeticError):
    """Training produced a loss that is NaN or infinite."""

    status = 1
