"""Names of sources of weights, told apart without torch.

A source is a file, whose name may hold `{variant}` and `{depth}`, or `torchvision:NAME` or
`timm:NAME`, which each machine looks up in its own cache.
"""

from pathlib import Path
from string import Formatter
from typing import Final

from agecls.nets.families import family_of

NAMED: Final = ("torchvision", "timm")


def is_named(source: str) -> bool:
    """Whether a source is not a file but something that a library knows by its name."""
    return source.partition(":")[0] in NAMED


def has_other_braces(template: str) -> bool:
    """Whether a file's name holds a brace that is neither `{variant}` nor `{depth}`."""
    try:
        fields = [(f, spec or conv) for _, f, spec, conv in Formatter().parse(template)]
    except ValueError:
        return True
    return any(
        name is not None and (name not in ("variant", "depth") or extra) for name, extra in fields
    )


def file_of(template: str, variant: str, depth: int) -> Path:
    """The file that a template without other braces means for one structure.

    A net whose family has no depths leaves `{depth}` out, with the hyphen before it.
    """
    if "depth" in family_of(variant).lacks:
        template = template.replace("-{depth}", "").replace("{depth}", "")
    return Path(template.format(variant=_in_a_file(variant), depth=depth)).expanduser()


def structure_name(variant: str, depth: int) -> str:
    """One structure in names of files and in the record: `org-50`, `timm-resnet18`."""
    is_whole = "depth" in family_of(variant).lacks
    return _in_a_file(variant) if is_whole else f"{variant}-{depth}"


def _in_a_file(variant: str) -> str:
    # Windows knows no colon in a name
    return variant.replace(":", "-")
