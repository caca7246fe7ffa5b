"""What the classes of a data set are: a value that enters with the data and rides on them.

A class is handled as its index 0..N-1 everywhere in the code and as its name in files. Code that
has an array takes N from its last axis; code that needs names or years is given `Classes`. `EIGHT`
stands only where a default enters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

Years = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Classes:
    """The classes that a model tells apart.

    Attributes:
        names: As files and tables write them, by index.
        years: Youngest and oldest age of each class, both included, each class above the one
            before; ages between two classes belong to none. None where classes are no ages.
        is_ordered: Whether the distance between two indices means something.
    """

    names: tuple[str, ...]
    years: Years | None
    is_ordered: bool

    def __post_init__(self) -> None:
        """Reject what no data can have.

        Raises:
            ValueError: There are fewer than two classes, two have one name, or the years do not
                fit the names, do not rise or are of classes without an order.
        """
        if len(self.names) < 2 or len(set(self.names)) < len(self.names):
            raise ValueError(f"classes are {list(self.names)}; expected two or more, each once")
        if self.years is None:
            return
        bounds = [age for pair in self.years for age in pair]
        is_rising = all(a <= b for a, b in pairwise(bounds))
        is_apart = all(a[1] < b[0] for a, b in pairwise(self.years))
        if len(self.years) != len(self.names) or not (is_rising and is_apart):
            raise ValueError(
                f"years are {list(self.years)}; expected youngest and oldest of {len(self.names)} "
                "classes, each above the one before"
            )
        if not self.is_ordered:
            raise ValueError("classes with years are ordered; expected `is_ordered`")

    @classmethod
    def from_names(cls, names: Sequence[str]) -> "Classes":
        """The classes that a file lists by name: the eight, with their years, or others.

        Raises:
            ValueError: No data can have such classes.
        """
        return EIGHT if tuple(names) == EIGHT.names else cls(tuple(names), None, False)

    @classmethod
    def from_years(cls, years: Years) -> "Classes":
        """Classes of ages that are named by their years, as in "10-19".

        Raises:
            ValueError: No data can have such classes.
        """
        return cls(tuple(f"{low}-{high}" for low, high in years), years, True)

    @classmethod
    def asked(
        cls, names: Sequence[str] | None, years: Years | None, ordered: bool | None
    ) -> "Classes":
        """Those of a table `[classes]`: by names, by years or by both.

        Raises:
            ValueError: No data can have such classes, or neither is there.
        """
        if years is not None:
            if ordered is False:
                raise ValueError("ages have an order; drop `ordered`")
            return cls.from_years(years) if names is None else cls(tuple(names), years, True)
        if names is None:
            raise ValueError("it says nothing; add `names`, or `years` of each class")
        # the names of the eight mean the eight, with their years
        return EIGHT if tuple(names) == EIGHT.names else cls(tuple(names), None, bool(ordered))

    @property
    def table(self) -> dict[str, Any]:
        """As a table `[classes]` has them, and as `asked` takes them."""
        return {"names": self.names, "years": self.years, "ordered": self.is_ordered}

    @classmethod
    def from_columns(cls, columns: Iterable[str]) -> "Classes":
        """The classes whose probabilities a table has, as `from_names`."""
        return cls.from_names([c.removeprefix("p_") for c in columns if c.startswith("p_")])

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.names)

    @property
    def subject(self) -> str:
        """What pictures of ages are, for people: faces; of other classes just pictures."""
        return "pictures" if self.years is None else "faces"

    @property
    def gap(self) -> str:
        """What an image has that is set aside, for people."""
        return "a label without a class" if self.years is None else "an age without a class"

    @cached_property
    def ranges(self) -> tuple[str, ...]:
        """Years of each class as text, as in "20-30"; empty texts where classes are no ages."""
        if self.years is None:
            return ("",) * len(self)
        return tuple(f"{low}-{high}" for low, high in self.years)

    @cached_property
    def captions(self) -> tuple[str, ...]:
        """Each class for people: its name and years, as in "d 20-30"."""
        return tuple(
            name if name == years else f"{name} {years}".rstrip()
            for name, years in zip(self.names, self.ranges, strict=True)
        )

    @cached_property
    def midpoints(self) -> tuple[float, ...] | None:
        """Middle of each class in years, for an expected age; None where there are no years."""
        if self.years is None:
            return None
        return tuple((low + high) / 2 for low, high in self.years)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns of their probabilities in tables: `p_a`, …."""
        return tuple(f"p_{name}" for name in self.names)

    def of_name(self, text: str) -> int | None:
        """Index of the class of this name, else of it in another case; None if there is none."""
        stripped = text.strip()
        if stripped in self.names:
            return self.names.index(stripped)
        cleaned = stripped.lower()
        return next((k for k, name in enumerate(self.names) if name.lower() == cleaned), None)

    def of_years(self, years: int) -> int | None:
        """Index of the class that contains an age in years, or None if none does."""
        bounds = enumerate(self.years or ())
        return next((k for k, (low, high) in bounds if low <= years <= high), None)

    def counted(self, counts: Sequence[int]) -> dict[str, int]:
        """Numbers by class, by its name."""
        return dict(zip(self.names, counts, strict=True))


EIGHT: Final = Classes(
    names=("a", "b", "c", "d", "e", "f", "g", "h"),
    years=((0, 6), (7, 12), (13, 19), (20, 30), (31, 45), (46, 55), (56, 66), (67, 80)),
    is_ordered=True,
)
"""The age classes of faces, unless others are asked for."""

DECADES: Final = Classes.from_years(
    ((0, 9), (13, 19), (20, 29), (30, 39), (40, 49), (50, 59), (60, 69), (70, 120))
)
"""Those that the earlier study's text names: 0-9, 13-19, 20-29, ..., 70 and above."""

NAMED: Final = {"eight": EIGHT, "decades": DECADES}
"""What commands call classes that need no file."""

FOLDERS: Final = "folders"
"""What they call classes that the data name themselves."""
