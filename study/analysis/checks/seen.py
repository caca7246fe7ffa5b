"""What every check looks at: one study's tables and what the analysis found in them."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from study.analysis.checks.recorded import audit_summary, judged_split, search_majority
from study.analysis.search.answers import Analysis
from study.folder.columns import names_of
from study.folder.provenance import Known
from study.folder.tables import StudyTables, reached_end


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One study, as the checks see it.

    Attributes:
        tables: What its folder holds.
        analysis: What the analysis found in them; None: nothing was analysed.
    """

    tables: StudyTables
    analysis: Analysis | None

    @property
    def is_of_accuracy(self) -> bool:
        """Whether the study's metric is the accuracy, beside which naming one class stands."""
        return self.tables.study.metric == "val_accuracy"

    @property
    def metric(self) -> str:
        """The study's metric without its split, such as `accuracy`."""
        return self.tables.study.measure.score

    @property
    def confirmed_column(self) -> str:
        """The metric's column in `confirm`, on the split that claims are judged on."""
        study = self.tables.study
        return study.metric if study.is_free else f"{self.split}_{self.metric}"

    @property
    def is_minimised(self) -> bool:
        """Whether less of the metric is better."""
        return self.tables.study.measure.is_minimised

    def difference(self, points: float) -> str:
        """A difference of the analysis in words, such as `2.6 points`."""
        return self.tables.study.measure.difference(points)

    @cached_property
    def summary(self) -> Known:
        """What the audit of the data recorded; empty where that is unknown."""
        return audit_summary(self.tables)

    @cached_property
    def majority(self) -> float | None:
        """What naming the commonest class scores where the search is validated, if it is known."""
        return search_majority(self.tables) if self.is_of_accuracy else None

    @cached_property
    def best(self) -> pd.DataFrame:
        """A row of `trials` per arm: the completed trial with the best final value."""
        trials, metric = self.tables.trials, self.tables.study.metric
        done = trials[reached_end(trials, metric)]
        return done.loc[self.tables.study.measure.best_of_arms(done)].sort_index()

    @cached_property
    def models(self) -> pd.DataFrame:
        """Rows of `confirm` that ran to their end; empty without any."""
        models = self.tables.confirm
        if models is None:
            return pd.DataFrame(columns=names_of("confirm"))
        return models[models["status"] == "completed"]

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Rows of `confirmed` of single arms and all images on the split that claims are on."""
        frame = self.tables.confirmed
        if frame is None or frame.empty:
            return pd.DataFrame(columns=names_of("confirmed"))
        is_own = frame["against"].isna() & (frame["images"] == "all")
        return frame[is_own & (frame["split"] == judged_split(frame)) & frame["estimate"].notna()]

    @property
    def split(self) -> str:
        """The split that claims are judged on where something was confirmed; else val."""
        return str(self.scores["split"].iloc[0]) if len(self.scores) else "val"
