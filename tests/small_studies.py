"""The study file that tests of the search run: two structures as arms, a rate and a length."""

from collections.abc import Iterable
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
