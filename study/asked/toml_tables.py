"""The tables of a study file as they are spelled: which keys there are and what type each has.

What one value can tell is checked here; what needs several of them, in `study.asked.rules`.
"""

from collections.abc import Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails

from study.asked.claims.forms import ClaimTable
from study.asked.factors import Role
from study.asked.plans import DEFAULT_FOLDS
from study.asked.study import MAX_BAD_SHARE
from study.asked.toml_values import LevelValue, Place, Source, Table, Text, did_you_mean, shown

MAX_TRIALS: Final = 1_000_000
MAX_LEVELS: Final = 100
MAX_CLASSES: Final = 1000


AddedDesign = Annotated[list[int], Field(min_length=2, max_length=2)]
"""First number and how many, of design trials that a resumed run appended."""


class StudyTable(Table):
    """`[study]`."""

    name: Text | None = None
    question: Text | None = None
    metric: Literal["val_accuracy", "val_qwk"] = "val_accuracy"
    trials: int = Field(ge=1, le=MAX_TRIALS)
    added: int = Field(default=0, ge=0, le=MAX_TRIALS)
    added_design: list[AddedDesign] = Field(default_factory=list)
    epochs: int = Field(ge=1, le=1000)
    seed: int = Field(default=0, ge=0, lt=2**32)
    design_share: float = Field(default=0.4, ge=0.0, le=1.0)
    reduction: int = Field(default=3, ge=2, le=100)
    after: Text | None = None


class ConfirmTable(Table):
    """`[confirm]`."""

    seeds: int = Field(default=0, ge=0, le=1000)
    adaptive: bool = False


class DataTable(Table):
    """`[data]`."""

    path: Text
    size: int = Field(ge=16, le=512)
    deduplicate: bool = True
    max_bad_share: float = Field(default=MAX_BAD_SHARE, ge=0.0, le=1.0)


class ClassesTable(Table):
    """`[classes]`; `names`, `years` or both, or `of` the data's own folders."""

    of: Literal["folders"] | None = None
    names: list[Text] | None = Field(default=None, min_length=2, max_length=MAX_CLASSES)
    years: list[list[int]] | None = Field(default=None, min_length=2, max_length=MAX_CLASSES)
    ordered: bool | None = None


class FoldsTable(Table):
    """`[folds]`."""

    k: int = Field(default=DEFAULT_FOLDS, ge=2, le=100)
    search: bool = True


class WeightsTable(Table):
    """`[weights]`."""

    source: Text


class PretrainTable(Table):
    """`[pretrain]`."""

    data: Text
    epochs: int = Field(ge=1, le=1000)
    images: int | None = Field(default=None, ge=1)


class RangeTable(Table):
    """`[[factors.NAME.range]]`, and `[[scout.declared]]`."""

    low: float
    high: float
    when: dict[str, LevelValue] = Field(default_factory=dict)


class ScoutTable(Table):
    """`[scout]`; `declared` is the tool's own, once ranges have been found."""

    trials: int = Field(default=6, ge=2, le=1000)
    epochs: int = Field(default=2, ge=1, le=1000)
    widen: float = Field(default=4.0, ge=1.0, le=1000.0)
    declared: list[RangeTable] | None = None


class SettleTable(Table):
    """`[settle]`."""

    trainings: int = Field(default=96, ge=1, le=MAX_TRIALS)
    time_budget: Text | None = None
    claims: dict[str, ClaimTable] = Field(default_factory=dict)


class AfterTable(Table):
    """`[after]`, the tool's own: what came from the earlier study that `[study] after` names."""

    path: Text
    study: Text
    sha256: Text
    metric: Text
    factors: list[Text] = Field(default_factory=list)
    narrowed: list[Text] = Field(default_factory=list)
    claims: list[Text] = Field(default_factory=list)
    recipe: list[dict[str, LevelValue]] = Field(default_factory=list)


class FactorTable(Table):
    """`[factors.NAME]`."""

    role: Role
    levels: list[LevelValue] | None = Field(default=None, max_length=MAX_LEVELS)
    value: LevelValue = None
    low: float | None = None
    high: float | None = None
    range: list[RangeTable] | None = None
    log: bool = False
    when: dict[str, LevelValue | list[LevelValue]] = Field(default_factory=dict)

    @property
    def has_range(self) -> bool:
        """Whether it says anything of a range."""
        return self.low is not None or self.high is not None or self.range is not None


class FileTables(Table):
    """A whole study file."""

    study: StudyTable
    confirm: ConfirmTable = ConfirmTable()
    data: DataTable
    classes: ClassesTable | None = None
    folds: FoldsTable | None = None
    weights: WeightsTable | None = None
    pretrain: PretrainTable | None = None
    scout: ScoutTable | None = None
    settle: SettleTable | None = None
    factors: dict[str, FactorTable]
    claims: dict[str, ClaimTable] = Field(default_factory=dict)
    include: list[dict[str, LevelValue]] = Field(default_factory=list)
    after: AfterTable | None = None


_Form = TypeVar("_Form", bound=Table)


def parsed(form: type[_Form], raw: Mapping[str, Any], source: Source) -> _Form:
    """The tables of a file of this form, with every key known and every value of its type.

    Raises:
        StudyFileError: The first problem found; a misspelled key comes before a missing one.
    """
    try:
        return form.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False)
    worst = min(details, key=lambda d: d["type"] != "extra_forbidden")
    place = tuple(worst["loc"])
    raise source.error(place, _problem(worst, place, form)) from None


def _problem(error: ErrorDetails, place: Place, form: type[Table]) -> str:
    kind, found, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return f"this key is not known; {did_you_mean(str(place[-1]), _keys_beside(place, form))}"
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
        "too_short": f"at least {context.get('min_length')} items",
        "int_parsing_size": "a smaller whole number",
    }.get(kind)
    if expected is None:
        return f"{shown(found)} cannot be used here: {error['msg']}"
    return f"{shown(found)} is not what belongs here; expected {expected}"


def _keys_beside(place: Sequence[str | int], form: type[Table]) -> list[str]:
    """The keys that the table has in which the unknown key `place[-1]` stands."""
    here: Any = form
    for step in place[:-1]:
        is_table = isinstance(here, type) and issubclass(here, BaseModel)
        # else it is a dictionary or list of tables
        here = here.model_fields[str(step)].annotation if is_table else get_args(here)[-1]
        if isinstance(here, UnionType):
            here = next(part for part in get_args(here) if part is not NoneType)
    return list(here.model_fields)
