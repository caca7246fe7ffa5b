"""Whether less of a metric is better, where only its name can tell."""

import re
from typing import Final, Literal

from study.errors import StudyError

Direction = Literal["minimize", "maximize"]

_LESS: Final = re.compile(r"loss|err|rmse|mse|mae|perplexity|ppl|nll|regret|cost|bpc|brier|crps")
_MORE: Final = re.compile(r"acc|auc|f1|score|reward|precision|recall|iou|dice|r2|bleu|kappa")
_SHARES: Final = re.compile(r"acc|auc|f1|precision|recall|iou|dice|err(or)?_?rate")


def is_minimised(metric: str, direction: Direction | None) -> bool:
    """Whether less is better: as it is said or, where nothing is, as the name has it.

    Raises:
        StudyError: Neither tells.
    """
    if direction is not None:
        return direction == "minimize"
    less, more = (bool(words.search(metric.lower())) for words in (_LESS, _MORE))
    if less == more:
        raise StudyError(
            f"nothing says whether less of `{metric}` is better; "
            "add --direction minimize or --direction maximize"
        )
    return less


def guessed(metric: str, direction: Direction | None) -> tuple[str, ...]:
    """What a reader must know of a direction that only the name told; else nothing.

    Raises:
        StudyError: As `is_minimised`.
    """
    if direction is not None:
        return ()
    which = "less" if is_minimised(metric, direction) else "more"
    return (f"That {which} of {metric} is better was told from its name.",)


def sounds_like_a_share(metric: str) -> bool:
    """Whether a metric of this name is a share, if its values lie in 0..1."""
    return bool(_SHARES.search(metric.lower()))
