"""The rows of a settling design: a fraction of the claims' levels in which every training speaks.

Each claim about two levels becomes a two-level question. With q two-level columns the rows are a
regular fraction 2^(q-p) of resolution IV or more: no main effect is mixed with another one or with
a pair, and a pair is mixed with other pairs only (Box and Hunter 1961, "The 2^(k-p) fractional
factorial designs"). Among the fractions of a size the one with the fewest mixed pairs is taken
(minimum aberration: Fries and Hunter 1980). A factor of three or four levels takes two columns,
one of the levels standing twice where there are three (Addelman 1962). A factor that exists under
one level of another is asked in those rows alone.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb
from typing import Final

import numpy as np
from numpy.typing import NDArray

from study.asked.claim import Claim
from study.asked.factors import Factor, Level
from study.asked.study import Study

MOST_COLUMNS: Final = 16
"""Two-level columns that 32 rows hold at resolution IV."""

_MOST_BASIC: Final = 5
"""Bits of the number of a row in a block."""

_MOST_LEVELS: Final = 4
"""Of a factor: more would take three columns, whose common product must stay clear as well."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One two-level question of the design.

    Attributes:
        claim: Whose it is.
        factor: What it is about.
        first: The level whose excess over `second` the claim states.
        second: The other one.
    """

    claim: str
    factor: str
    first: Level
    second: Level


@dataclass(frozen=True, kw_only=True)
class SettleDesign:
    """Rows in which the claims' levels are crossed.

    Attributes:
        columns: The questions (Q), in the order of the claims.
        signs: (R, Q): 1 where a row has the question's first level, -1 where it has the second;
            0 where it has another one, or the factor does not exist.
        levels: Of each row (R), the levels of arms, of factors that claims are about and of those
            that are held so that these exist; factors that do not exist are absent.
        aliases: Groups of pairs of factors that cannot be told apart, each pair by name.
        unasked: By claim, why no row asks it.
        turns: 2 where blocks train the first and the second half of the rows in turns; else 1.
    """

    columns: tuple[Column, ...]
    signs: NDArray[np.int64]
    levels: tuple[dict[str, Level], ...]
    aliases: tuple[tuple[tuple[str, str], ...], ...]
    unasked: Mapping[str, str]
    turns: int = 1

    def rows_of(self, block: int) -> range:
        """The rows that a block trains."""
        n = len(self.levels) // self.turns
        return range(n * (block % self.turns), n * (block % self.turns + 1))


@dataclass(frozen=True, kw_only=True)
class _Varied:
    """A factor of the design with the levels that it takes there."""

    factor: Factor
    levels: tuple[Level, ...]

    @property
    def n_columns(self) -> int:
        return (len(self.levels) - 1).bit_length()

    def level(self, code: int) -> Level:
        """The level of a code 0..2^n_columns - 1; the first ones stand twice if any do."""
        return self.levels[code % len(self.levels)]


@dataclass(kw_only=True)
class _Asked:
    """What the rows will cross, gathered claim by claim.

    Attributes:
        study: The study.
        levels: By factor, the levels that arms and claims need.
        held: Levels that other factors keep in every row, so that a claim's factor exists.
    """

    study: Study
    levels: dict[str, set[Level]]
    held: dict[str, Level] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study, named: Collection[str]) -> "_Asked":
        """No claim yet: arms are crossed, whether one of the factors `named` by claims or not.

        Of an arm factor with too many levels only those that claims name; the first two if none.
        """
        levels: dict[str, set[Level]] = {}
        for factor in study.of_role("arm"):
            most = len(factor.levels)
            if most > _MOST_LEVELS:
                most = 0 if factor.name in named else 2
            levels[factor.name] = {*factor.levels[:most]}
        return cls(study=study, levels=levels)

    @property
    def varied(self) -> list[_Varied]:
        """Factors in the order in which their levels are decided."""
        return [
            _Varied(factor=f, levels=tuple(v for v in f.levels if v in self.levels[f.name]))
            for f in self.study.by_dependency
            if f.name in self.levels
        ]

    @property
    def n_columns(self) -> int:
        return sum(v.n_columns for v in self.varied)

    @property
    def words(self) -> list[int] | None:
        """A word per column in the fewest bits that keep the levels of every factor clear.

        What tells three levels apart has a part in the product of their two columns; where that
        is another pair's product, pairs look like main effects. None: 32 rows do not.
        """
        varied = self.varied
        for n_basic in range(_n_basic(self.n_columns), _MOST_BASIC + 1):
            words = _placed(_words(self.n_columns, n_basic), _to_keep_apart(varied))
            if not _mixed(words, _of_one_factor(varied)):
                return words
        return None

    def add(self, factor: Factor, pair: Iterable[Level]) -> str | None:
        """Take a question in; why it cannot be, if so, and nothing is changed then."""
        levels = self.levels | {factor.name: self.levels.get(factor.name, set()) | {*pair}}
        held = dict(self.held)
        waiting = [factor]
        while waiting:
            for name, wanted in waiting.pop().when.items():
                parent = self.study.factor(name)
                if parent.role == "fixed" or name in levels:
                    if wanted not in (parent.levels if parent.role == "fixed" else levels[name]):
                        return f"{factor.name} exists under {name} = {wanted}, which no row has"
                    continue
                assert not isinstance(wanted, tuple)  # fixed factors alone name several
                if held.setdefault(name, wanted) != wanted:
                    return (
                        f"{factor.name} exists under {name} = {wanted}, but another claim needs "
                        f"{name} = {held[name]}"
                    )
                waiting.append(parent)
        if factor.name in held:
            return f"{factor.name} has to be {held[factor.name]} for another claim"
        if len(levels[factor.name]) > _MOST_LEVELS:
            return f"claims name more than {_MOST_LEVELS} levels of {factor.name}"
        found = _Asked(study=self.study, levels=levels, held=held)
        if found.n_columns > MOST_COLUMNS or found.words is None:
            return "32 rows hold no more questions at resolution IV; ask it in a study of its own"
        self.levels, self.held = levels, held
        return None


def settle_design(study: Study, claims: Sequence[Claim]) -> SettleDesign:
    """The smallest design of resolution IV, 2 to 32 rows a block, that asks the claims.

    Args:
        study: Whose arms are crossed in any case.
        claims: Those to be settled; what is not about two levels is named in `unasked`.
    """
    named = {claim.compares[0] for claim in claims if claim.compares}
    asked, columns, unasked = _Asked.of(study, named), [], {}
    for claim in claims:
        if claim.compares is None:
            unasked[claim.name] = "it is not about two levels of a factor"
            continue
        name, first, second = claim.compares
        reason = asked.add(study.factor(name), (first, second))
        if reason is None:
            columns.append(Column(claim=claim.name, factor=name, first=first, second=second))
        else:
            unasked[claim.name] = reason
    varied, words = asked.varied, asked.words
    if words is None:  # of arms that no claim is about
        reason = "the study's arms alone take more than 32 rows at resolution IV"
        unasked |= {column.claim: reason for column in columns}
        asked, columns = _Asked(study=study, levels={}), []
        varied, words = asked.varied, []
    n_basic = max((word.bit_length() for word in words), default=0)
    if folded := _to_fold(varied, words):
        words = [word | (place in folded) << n_basic for place, word in enumerate(words)]
        n_basic += 1
    levels = _rows(asked, varied, words, n_basic)
    signs = np.array(
        [
            [(row.get(c.factor) == c.first) - (row.get(c.factor) == c.second) for c in columns]
            for row in levels
        ],
        dtype=np.int64,
    ).reshape(len(levels), len(columns))
    is_asked = np.array([{1, -1} <= {*of_column} for of_column in signs.T.tolist()], dtype=bool)
    for column, is_there in zip(columns, is_asked, strict=True):
        if not is_there:
            unasked[column.claim] = f"no row has both levels of {column.factor} where it exists"
    return SettleDesign(
        columns=tuple(c for c, is_there in zip(columns, is_asked, strict=True) if is_there),
        signs=signs[:, is_asked],
        levels=levels,
        aliases=_aliases(varied, words),
        unasked=unasked,
        turns=2 if folded else 1,
    )


def _rows(
    asked: _Asked, varied: Sequence[_Varied], words: Sequence[int], n_basic: int
) -> tuple[dict[str, Level], ...]:
    """Levels of each row: a column's value is the parity of the row's bits that its word names."""
    fixed = {f.name: f.levels[0] for f in asked.study.of_role("fixed")}
    rows = []
    for number in range(1 << n_basic):
        bits = iter([(number & word).bit_count() % 2 for word in words])
        codes = {
            v.factor.name: sum(next(bits) << place for place in range(v.n_columns)) for v in varied
        }
        there: dict[str, Level] = dict(asked.held)
        for one in varied:
            if one.factor.exists(fixed | there):
                there[one.factor.name] = one.level(codes[one.factor.name])
        rows.append({f.name: there[f.name] for f in asked.study.factors if f.name in there})
    return tuple(rows)


def _n_basic(n_columns: int) -> int:
    """Bits of a row's number: 2^n rows hold up to 2^(n-1) columns at resolution IV."""
    return n_columns if n_columns < 3 else 1 + (n_columns - 1).bit_length()


def _words(n_columns: int, n: int) -> list[int]:
    """A word of `n` bits per column, of resolution IV, with the fewest mixed pairs."""
    basic = [1 << bit for bit in range(n)][:n_columns]
    extra = n_columns - len(basic)
    others = [word for word in range(1, 1 << n) if word.bit_count() > 1]
    if comb(len(others), extra) > 1000:
        # the product of two odd words is even, so that no pair meets a main effect
        others = [word for word in others if word.bit_count() % 2]
    return min(
        ([*basic, *more] for more in combinations(others, extra)), key=_aberration, default=basic
    )


def _aberration(words: Sequence[int]) -> tuple[int, int]:
    """How many main effects are mixed with pairs, and how many pairs with pairs; least is best."""
    products = Counter(a ^ b for a, b in combinations(words, 2))
    mixed = sum(products[word] for word in words)
    return mixed, sum(comb(n, 2) for n in products.values())


def _to_keep_apart(varied: Sequence[_Varied]) -> list[tuple[int, int]]:
    """Pairs of columns whose product should be no other pair's, by their places.

    The columns of one factor, and a factor with the one under which it exists: other pairs mixed
    with these would be mixed with what a claim asks.
    """
    places, pairs = _places(varied), _of_one_factor(varied)
    for one in varied:
        for parent in one.factor.when:
            pairs += [(a, b) for a in places[one.factor.name] for b in places.get(parent, ())]
    return pairs


def _of_one_factor(varied: Sequence[_Varied]) -> list[tuple[int, int]]:
    """Pairs of columns that tell one factor's levels, by their places."""
    return [pair for place in _places(varied).values() for pair in combinations(place, 2)]


def _places(varied: Sequence[_Varied]) -> dict[str, range]:
    """The columns of each factor."""
    first, places = 0, {}
    for one in varied:
        places[one.factor.name] = range(first, first + one.n_columns)
        first += one.n_columns
    return places


def _to_fold(varied: Sequence[_Varied], words: Sequence[int]) -> set[int]:
    """Columns of factors whose pair with one that exists under them is mixed with others."""
    places, folded = _places(varied), set[int]()
    products = Counter(a ^ b for a, b in combinations(words, 2))
    for one in varied:
        for parent in one.factor.when:
            under = places.get(parent, range(0))
            pairs = [words[a] ^ words[b] for a in places[one.factor.name] for b in under]
            if any(products[product] > 1 for product in pairs):
                folded |= {*under}
    return folded


def _placed(words: Sequence[int], apart: Sequence[tuple[int, int]]) -> list[int]:
    """The words, given to columns so that few pairs are mixed with those to be kept apart."""
    return _improved(list(words), lambda order: _mixed(order, apart))


def _mixed(words: Sequence[int], apart: Sequence[tuple[int, int]]) -> int:
    """How many other pairs have the products of these pairs of columns."""
    products = Counter(a ^ b for a, b in combinations(words, 2))
    return sum(products[words[a] ^ words[b]] - 1 for a, b in apart)


def _improved(order: list[int], cost: Callable[[Sequence[int]], int]) -> list[int]:
    """An order that no exchange of two makes cheaper."""
    best = cost(order)
    swaps = list(combinations(range(len(order)), 2))
    is_better = True
    while is_better and best:
        is_better = False
        for a, b in swaps:
            other = list(order)
            other[a], other[b] = other[b], other[a]
            if (found := cost(other)) < best:
                order, best, is_better = other, found, True
    return order


def _aliases(
    varied: Sequence[_Varied], words: Sequence[int]
) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Pairs of factors by the product of their columns, where several have the same."""
    names = [v.factor.name for v in varied for _ in range(v.n_columns)]
    groups: dict[int, list[tuple[str, str]]] = {}
    for (a, first), (b, second) in combinations(zip(names, words, strict=True), 2):
        if a != b:
            groups.setdefault(first ^ second, []).append((a, b))
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
