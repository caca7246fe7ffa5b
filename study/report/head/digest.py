"""What every form of the report says first: answer, claims and arms of one study."""

from dataclasses import dataclass

from study.analysis.recipes.told import SimplestRecipe, simplest_recipes
from study.folder.folder import Folder
from study.folder.tables import StudyTables
from study.locks.verify import Locked, lock_of
from study.report.confirm.values import ConfirmedValues, confirmed_values
from study.report.head.answer import Answer, answer_data, best_arm, recipe_of, recipe_to_use
from study.report.head.ledger import Entry, ledger_data
from study.report.head.overview import ArmRow, arms_data
from study.report.wording import Measure


@dataclass(frozen=True, kw_only=True)
class Digest:
    """One study in short.

    Attributes:
        name: Its folder's name.
        tables: What its folder holds.
        confirmed: What fresh seeds gave, or None.
        claims: The ledger.
        arms: A row per arm.
        recipes: Each arm's simplest recipe that is as good; none without an analysis.
        lock: What was fixed before the first trial, and how the study differs from it.
        answer: The first screen's sentences.
    """

    name: str
    tables: StudyTables
    confirmed: ConfirmedValues | None
    claims: list[Entry]
    arms: list[ArmRow]
    recipes: list[SimplestRecipe]
    lock: Locked
    answer: Answer

    @property
    def question(self) -> str:
        """What was asked."""
        return self.tables.study.question or f"Study {self.tables.study.name}"

    @property
    def recipe(self) -> SimplestRecipe | None:
        """The best arm's recipe to use; None where nothing can be told of it."""
        found = recipe_of(best_arm(self.arms, self.measure), self.recipes)
        return found if found is not None and found.recipe else None

    @property
    def measure(self) -> Measure:
        """The metric, on val."""
        return self.tables.study.measure


def recipe_line_of(tables: StudyTables) -> str:
    """The recipe to use alone, for a terminal: what `answer.recipe` of a digest says."""
    arms = arms_data(tables, confirmed=confirmed_values(tables))
    return recipe_to_use(tables.study, arms, simplest_recipes(tables))


def digest_of(tables: StudyTables) -> Digest:
    """A study that has been analysed, in short."""
    confirmed, claims = confirmed_values(tables), ledger_data(tables)
    arms, recipes = arms_data(tables, confirmed=confirmed), simplest_recipes(tables)
    lock = lock_of(Folder(tables.folder))
    return Digest(
        name=tables.folder.resolve().name,
        tables=tables,
        confirmed=confirmed,
        claims=claims,
        arms=arms,
        recipes=recipes,
        lock=lock,
        answer=answer_data(
            tables, arms, claims, recipes, confirmed=confirmed, problems=lock.problems
        ),
    )
