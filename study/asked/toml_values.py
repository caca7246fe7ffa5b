"""What the values of a study file are made of, and how a message names one of them."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

from study.errors import StudyFileError

Place = tuple[str | int, ...]
"""Where a value stands in the file: table names, positions in lists, key."""


def _level(value: Any) -> Any:
    if not isinstance(value, str | int | float):
        raise PydanticCustomError("level", "expected a text, a number, true or false")
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise PydanticCustomError("level", "expected a finite number")
    return value


def _text(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise PydanticCustomError("text", "expected a text that is not empty")
    if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        raise PydanticCustomError("text", "expected a text that UTF-8 can hold")
    return value


def _side(value: Any) -> Any:
    """A level, or the two ends of a part of a number's range."""
    if not isinstance(value, list):
        return _level(value)
    ends = [_level(end) for end in value]
    is_pair = len(ends) == 2 and not any(isinstance(end, bool | str) for end in ends)
    if not is_pair or not ends[0] < ends[1]:
        raise PydanticCustomError("side", "expected a level, or two numbers, the lower one first")
    return float(ends[0]), float(ends[1])


LevelValue = Annotated[Any, BeforeValidator(_level)]
SideValue = Annotated[Any, BeforeValidator(_side)]
Text = Annotated[str, BeforeValidator(_text)]


class Table(BaseModel):
    """A table of the file; a key that it does not have is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Source:
    """Where the values came from, to word an error about any of them.

    Attributes:
        name: The file or preset, as the user knows it.
        flags: The command-line flag that replaced the value at a place.
    """

    name: str
    flags: Mapping[Place, str] = field(default_factory=dict)

    def error(self, place: Place, problem: str) -> StudyFileError:
        """The error to raise about the value at `place`; `problem` says what and what to do."""
        if place in self.flags:
            return StudyFileError(f"{self.flags[place]} (over {self.name}): {problem}")
        where = _spelled(place)
        return StudyFileError(f"{self.name}{', ' if where else ''}{where}: {problem}")


def shown(value: object) -> str:
    """A value as a message quotes it: short, on one line, spelled as in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    # an integer too long for Python to print has no repr
    too_long = isinstance(value, int) and value.bit_length() > 256
    text = "a huge number" if too_long else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The sentence that helps with an unknown name: its nearest neighbour, else all there are."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"there are {', '.join(names)}" if names else "there are none"


def _spelled(place: Place) -> str:
    """A place as the file spells it, such as `[factors.lr] levels, item 2`."""
    words = [w if isinstance(w, int) or len(w) <= 60 else f"{w[:57]}..." for w in place]
    if not words:
        return ""
    depth = {"factors": 2, "claims": 2}.get(str(words[0]), 1)
    if words[:2] == ["settle", "claims"]:
        depth = 3
    table = ".".join(map(str, words[:depth]))
    rest = words[depth:]
    head = f"[{table}]"
    if words[0] == "include" and rest:
        head, rest = f"[[include]] {int(rest[0]) + 1}", rest[1:]
    elif len(rest) > 1 and (words[0], rest[0]) in (("factors", "range"), ("scout", "declared")):
        head, rest = f"[[{table}.{rest[0]}]] {int(rest[1]) + 1}", rest[2:]
    keys = [f", item {w + 1}" if isinstance(w, int) else f" {w}" for w in rest]
    return head + "".join(keys)
