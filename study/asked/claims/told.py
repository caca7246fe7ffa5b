"""What a claim's table tells the form that reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from study.asked.factors import Factor, Level, exact_level
from study.asked.toml_values import Place, Source, did_you_mean, shown
from study.errors import StudyFileError

_OF_ANY: Final = frozenset({"text", "needs", "metric"})
"""Keys that make no form, and that every claim has a place for."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A claim's table with the factors that it may be about.

    Attributes:
        name: Its key in the study file.
        values: What the table states, by key; what it does not say is absent.
        factors: The study's, by name.
        source: For errors.
        place: Where the table stands.
    """

    name: str
    values: Mapping[str, Any]
    factors: Mapping[str, Factor]
    source: Source
    place: Place

    @property
    def said(self) -> dict[str, Any]:
        """What every claim has."""
        return {key: self.values[key] for key in _OF_ANY if key in self.values} | {
            "name": self.name
        }

    @property
    def form(self) -> frozenset[str]:
        """The keys that make it a claim of one form."""
        return frozenset(self.values) - _OF_ANY

    def error(self, problem: str, *keys: str | int) -> StudyFileError:
        """The error to raise about the table, or about the value that stands at `keys` in it."""
        return self.source.error((*self.place, *keys), problem)

    def varied(self, name: str, *keys: str | int) -> Factor:
        """The factor of this name, which trials vary.

        Raises:
            StudyFileError: There is none, or it is fixed.
        """
        if name not in self.factors:
            problem = f"`{name}` is no factor of this study; {did_you_mean(name, self.factors)}"
            raise self.error(problem, *keys)
        if self.factors[name].role == "fixed":
            problem = (
                f"`{name}` is fixed, so nothing can be learned about it; vary it or drop this"
            )
            raise self.error(problem, *keys)
        return self.factors[name]

    def level(self, value: Any, factor: Factor, *keys: str | int) -> Level:
        """The factor's level that a value means.

        Raises:
            StudyFileError: No trial has it.
        """
        level = exact_level(value, factor.levels)
        if level is None:
            there = ", ".join(map(shown, factor.levels)) or "none, it has a range"
            problem = f"no trial has {factor.name} = {shown(value)}; its levels are {there}"
            raise self.error(problem, *keys)
        return level
