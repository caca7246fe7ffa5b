"""The tables of a study file as they are spelled: which keys there are and what type each has.

What one value can tell is checked here; what needs several of them, in `study.asked.rules`.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from study.asked.factors import Role
from study.errors import StudyFileError

Place = tuple[str | int, ...]
"""Where a value stands in the file: table names, positions in lists, key."""

MAX_TRIALS: Final = 1_000_000
MAX_LEVELS: Final = 100


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


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class StudyTable(_Table):
    """`[study]`."""

    name: Text | None = None
    question: Text = "Which factors of training matter on these faces?"
    metric: Literal["val_accuracy", "val_qwk"] = "val_accuracy"
    trials: int = Field(ge=1, le=MAX_TRIALS)
    added: int = Field(default=0, ge=0, le=MAX_TRIALS)
    epochs: int = Field(ge=1, le=1000)
    seed: int = Field(default=0, ge=0, lt=2**32)
    design_share: float = Field(default=0.4, ge=0.0, le=1.0)
    reduction: int = Field(default=3, ge=2, le=100)


class ConfirmTable(_Table):
    """`[confirm]`."""

    seeds: int = Field(default=0, ge=0, le=1000)


class DataTable(_Table):
    """`[data]`."""

    path: Text
    size: int = Field(ge=16, le=512)
    deduplicate: bool = True


class WeightsTable(_Table):
    """`[weights]`."""

    source: Text


class PretrainTable(_Table):
    """`[pretrain]`."""

    data: Text
    epochs: int = Field(ge=1, le=1000)
    images: int | None = Field(default=None, ge=1)


class RangeTable(_Table):
    """`[[factors.NAME.range]]`, and `[[scout.declared]]`."""

    low: float
    high: float
    when: dict[str, LevelValue] = Field(default_factory=dict)


class ScoutTable(_Table):
    """`[scout]`; `declared` is the tool's own, once ranges have been found."""

    trials: int = Field(default=6, ge=2, le=1000)
    epochs: int = Field(default=2, ge=1, le=1000)
    widen: float = Field(default=4.0, ge=1.0, le=1000.0)
    declared: list[RangeTable] | None = None


class FactorTable(_Table):
    """`[factors.NAME]`."""

    role: Role
    levels: list[LevelValue] | None = Field(default=None, max_length=MAX_LEVELS)
    value: LevelValue = None
    low: float | None = None
    high: float | None = None
    range: list[RangeTable] | None = None
    log: bool = False
    when: dict[str, LevelValue] = Field(default_factory=dict)


class ClaimTable(_Table):
    """`[claims.NAME]`, in any of its five forms."""

    text: Text
    needs: Text | None = None
    factor: Text | None = None
    better: SideValue = None
    worse: SideValue = None
    when: dict[str, LevelValue] = Field(default_factory=dict)
    least: float | None = Field(default=None, ge=0.0, le=100.0)
    equal: list[LevelValue] | None = None
    within: float | None = Field(default=None, gt=0.0, le=100.0)
    more_than: Text | None = None
    drop_at_most: float | None = Field(default=None, ge=0.0, le=100.0)


class FileTables(_Table):
    """A whole study file."""

    study: StudyTable
    confirm: ConfirmTable = ConfirmTable()
    data: DataTable
    weights: WeightsTable | None = None
    pretrain: PretrainTable | None = None
    scout: ScoutTable | None = None
    factors: dict[str, FactorTable]
    claims: dict[str, ClaimTable] = Field(default_factory=dict)
    include: list[dict[str, LevelValue]] = Field(default_factory=list)


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


def parse_tables(raw: Mapping[str, Any], source: Source) -> FileTables:
    """The file's tables with every key known and every value of its type.

    Raises:
        StudyFileError: The first problem found; a misspelled key comes before a missing one.
    """
    try:
        return FileTables.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False)
    worst = min(details, key=lambda d: d["type"] != "extra_forbidden")
    place = tuple(worst["loc"])
    raise source.error(place, _problem(worst, place)) from None


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
    table = ".".join(map(str, words[:depth]))
    rest = words[depth:]
    head = f"[{table}]"
    if words[0] == "include" and rest:
        head, rest = f"[[include]] {int(rest[0]) + 1}", rest[1:]
    elif len(rest) > 1 and (words[0], rest[0]) in (("factors", "range"), ("scout", "declared")):
        head, rest = f"[[{table}.{rest[0]}]] {int(rest[1]) + 1}", rest[2:]
    keys = [f", item {w + 1}" if isinstance(w, int) else f" {w}" for w in rest]
    return head + "".join(keys)


def _problem(error: ErrorDetails, place: Place) -> str:
    kind, found, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"this key is not known; {did_you_mean(str(place[-1]), _keys_beside(place))}"
    if kind == "missing":
        return "this is missing; add it"
    expected = {
        "int_type": "a whole number",
        "float_type": "a number",
        "string_type": "a text in quotes",
        "bool_type": "true or false",
        "list_type": "a list",
        "dict_type": "a table",
        "model_type": "a table",
        "model_attributes_type": "a table",
        "finite_number": "a finite number",
        "literal_error": f"{context.get('expected', '')}",
        "greater_than_equal": f"{context.get('ge')} or more",
        "greater_than": f"more than {context.get('gt')}",
        "less_than_equal": f"at most {context.get('le'):,}" if "le" in context else "",
        "less_than": f"less than {context.get('lt')}",
        "too_long": f"at most {context.get('max_length')} items",
        "int_parsing_size": "a smaller whole number",
    }.get(kind)
    if expected is None:
        return f"{shown(found)} cannot be used here: {error['msg']}"
    return f"{shown(found)} is not what belongs here; expected {expected}"


def _keys_beside(place: Sequence[str | int]) -> list[str]:
    """The keys that the table has in which the unknown key `place[-1]` stands."""
    tables: dict[str, type[BaseModel]] = {
        "study": StudyTable,
        "confirm": ConfirmTable,
        "data": DataTable,
        "weights": WeightsTable,
        "pretrain": PretrainTable,
        "scout": RangeTable if "declared" in place[:-1] else ScoutTable,
        "factors": RangeTable if "range" in place[:-1] else FactorTable,
        "claims": ClaimTable,
    }
    table = tables.get(str(place[0]), FileTables) if len(place) > 1 else FileTables
    return list(table.model_fields)
