"""The examples that a user's function is trained on, and folds of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agecls.data.folds import By, Clustered, Folds, counted, draw_folds, from_to
from study.errors import StudyFileError
from study.trainables.found import line_of, load


@dataclass(frozen=True, eq=False)
class Examples:
    """What `[study] examples` returns.

    Attributes:
        labels: (N,) a number for each example's label, 0 up.
        names: The labels, in the order of their numbers.
        groups: (N,) numbers of groups that no fold parts; None: each example is its own.
    """

    labels: npt.NDArray[np.int64]
    names: Sequence[str]
    groups: npt.NDArray[np.int64] | None


def read_examples(function: str, folder: str) -> Examples:
    """Call the function that says what there is.

    Raises:
        StudyFileError: It cannot be called, or returns no labels.
    """
    call = load(function, folder)
    try:
        returned = call()
    except Exception as error:
        problem = f"{function} failed ({line_of(error, folder)})"
        raise StudyFileError(f"{problem}; it is called without arguments") from error
    labels, groups = returned if isinstance(returned, tuple) else (returned, None)
    names, codes = _numbered(labels, function, "labels")
    if groups is None:
        return Examples(codes, names, None)
    _, of_groups = _numbered(groups, function, "groups")
    if len(of_groups) != len(codes):
        raise StudyFileError(
            f"{function} returned {len(codes)} labels and {len(of_groups)} groups; give one of "
            "each for every example"
        )
    return Examples(codes, names, of_groups)


def _numbered(values: Any, function: str, what: str) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Different values in their order, and the number of each value."""
    try:
        array = np.asarray(values)
        is_list = array.ndim == 1 and len(array) > 0 and array.dtype.kind in "biufUS"
        if not is_list or (array.dtype.kind == "f" and np.isnan(array).any()):
            raise TypeError
        names, codes = np.unique(array, return_inverse=True)
    except (TypeError, ValueError):
        raise StudyFileError(
            f"{function} returned no {what}; expected one number or text for each example, or "
            "(labels, groups)"
        ) from None
    return [str(name) for name in names.tolist()], codes.astype(np.int64)


def fold_examples(
    examples: Examples, k: int, *, seed: int, function: str
) -> tuple[Folds, dict[str, Any]]:
    """Whole groups in `k` folds, near to each other in size and in examples of each label.

    Args:
        examples: What there is.
        k: How many folds.
        seed: Root of the order in which groups are dealt.
        function: For messages.

    Returns:
        The folds, and what they hold: as `agecls.data.folds.counted`, with `digest` (of who is
        where) and `how` (a sentence). `images` counts examples, `by` an image is by example.

    Raises:
        StudyFileError: There are fewer groups than folds, or a label lies in fewer.
    """
    labels = examples.labels
    groups = np.arange(len(labels)) if examples.groups is None else examples.groups
    unit = "examples" if examples.groups is None else "groups"
    for label, name in enumerate(examples.names):
        n = len(np.unique(groups[labels == label]))
        if n < k:
            raise StudyFileError(
                f"{function}: label {name} lies in {n} {unit}, fewer than the {k} folds; ask for "
                "fewer ([folds] k), or return coarser labels, such as zeros where there are none"
            )
    by: By = "image" if examples.groups is None else "cluster"
    clustered = Clustered(labels, groups, examples.names, by)
    folds = draw_folds(clustered, k, seed=seed)
    summary = counted(folds, clustered)
    return folds, {**summary, "digest": folds.digest, "how": _how(summary, function)}


def _how(summary: Mapping[str, Any], function: str) -> str:
    n, each = sum(summary["images"]), from_to(summary["images"])
    together = "groups stay together" if summary["by"] == "cluster" else "by example"
    return f"{summary['k']} folds of {n:,} examples of {function}, {each} each ({together})"
