"""The study files that tests of several rooms run: structures as arms, a rate and a length."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from agecls.classes import Classes

ONE_RANGE = """\
[factors.lr]
role = "tuned"
log = true
low = 0.001
high = 0.1
"""

RANGE_BY_OPTIMIZER = """\
[factors.optimizer]
role = "tuned"
levels = ["sgd", "adamw"]
[factors.lr]
role = "tuned"
log = true
[[factors.lr.range]]
when = { optimizer = "sgd" }
low = 0.01
high = 0.3
[[factors.lr.range]]
when = { optimizer = "adamw" }
low = 0.0003
high = 0.01
"""

BCD_BETTER = """\
[claims.bcd_better]
text = "BCD beats ORG"
factor = "variant"
better = "bcd"
worse = "org"
least = 1.0
"""


def to_settle(trainings: int, *, lengths: tuple[int, int]) -> str:
    """Three claims, of which the last is not about two levels, and the budget to settle them."""
    return f"""\
{BCD_BETTER}[claims.longer_equal]
text = "The longer do as well as the shorter"
factor = "epochs"
equal = {list(lengths)}
within = 2.0
[claims.rate_matters]
text = "The rate matters more than the structure"
factor = "lr"
more_than = "variant"
[settle]
trainings = {trainings}
"""


def plain_toml(
    *,
    trials: int,
    epochs: int = 2,
    size: int = 16,
    arms: Sequence[str] = ("org", "bcd"),
    of_study: str = "",
) -> str:
    """A study file that says no more than it must: structures as arms and one rate.

    Args:
        trials: Of all arms together.
        epochs: Of every trial.
        size: In pixels.
        arms: Structures.
        of_study: Further lines of `[study]`.
    """
    levels = ", ".join(f'"{arm}"' for arm in arms)
    return f"""\
[study]
trials = {trials}
epochs = {epochs}
{of_study}[data]
path = "synthetic"
size = {size}
[factors.variant]
role = "arm"
levels = [{levels}]
{ONE_RANGE}"""


def study_toml(
    *,
    trials: int,
    lengths: Iterable[int],
    data: str | Path = "synthetic",
    size: int = 16,
    design_share: float = 0.4,
    reduction: int = 3,
    rates: str = ONE_RANGE,
    fixed: str = "",
) -> str:
    """The text of a study file; `lengths` are the levels of `epochs`, the longest is the study's.

    Args:
        trials: Of all arms together.
        lengths: Epochs.
        data: Path of the faces.
        size: In pixels.
        design_share: As in study files.
        reduction: Of ASHA.
        rates: The tables of the learning rate and what its ranges depend on.
        fixed: Tables of further factors.
    """
    levels = list(lengths)
    length = f'tuned"\nlevels = {levels}' if len(levels) > 1 else f'fixed"\nvalue = {levels[0]}'
    return f"""\
[study]
question = "Does it work?"
metric = "val_accuracy"
trials = {trials}
epochs = {max(levels)}
design_share = {design_share}
reduction = {reduction}
[data]
path = "{data}"
size = {size}
[factors.variant]
role = "arm"
levels = ["org", "bcd"]
{rates}[factors.epochs]
role = "{length}
{fixed}"""


def some_folders(data: str) -> Classes:
    """The classes of any data, for presets that read them off the data's folders."""
    return Classes(("cat", "dog", "emu"), None, is_ordered=False)
