"""Where scores of trainings come from: what these say of images, or a metric on record.

Trainings of our recipe leave probabilities on images, from which every score is made, with who
learned and how far each cluster of images moves it. A function of the user's leaves one number,
its metric after the last epoch. All that follows from a source is the same for both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, Protocol

import numpy as np
import pandas as pd

from agecls.classes import Classes
from agecls.intervals import Array, Clusters
from study.analysis.confirm.confirmed import Confirmed, score_confirmed
from study.analysis.confirm.folded import FoldedSet
from study.analysis.confirm.learned import Gain, gain, which_learned
from study.analysis.confirm.measured import MeasuredSet, measured_confirmed
from study.analysis.confirm.scored import Apart, Scored
from study.analysis.confirm.scoring import cluster_sums, metrics_of, renamed, scores
from study.analysis.settle.measured import Measured, measured_trainings
from study.analysis.settle.trained import Accrued, One, Trained, Trainings
from study.asked.study import Study, arm_name
from study.errors import TablesError
from study.folder.columns import classes_of
from study.folder.folder import Folder
from study.folder.parquet import read_table
from study.folder.tables import StudyTables
from study.measure import metric_of
from study.plan.settle_plan import Settling
from study.plan.streams import Stream, stream_seed


@dataclass(frozen=True, kw_only=True)
class SettledScores(Generic[One]):
    """What trainings of a settling design that have ended scored.

    Attributes:
        table: All of them, as `settle`, with their scores.
        accrued: Those that are judged.
    """

    table: pd.DataFrame
    accrued: Accrued[One]


class Source(Protocol):
    """Where scores come from."""

    def models(self, tables: StudyTables) -> pd.DataFrame:
        """Rows of `confirm` that can be scored, arms in reading order; empty: nothing can."""

    def are_scored(self, models: pd.DataFrame) -> bool:
        """Whether these rows say already what `confirmed` would write into them."""

    def confirmed(self, tables: StudyTables, models: pd.DataFrame) -> Confirmed:
        """What trainings on fresh seeds say.

        Raises:
            TablesError: What they said is damaged.
        """

    def is_settled(self, settle: pd.DataFrame) -> bool:
        """Whether the table says already what follows from its trainings, looks too."""

    def settled(self, tables: StudyTables, settling: Settling) -> SettledScores[Any] | None:
        """What trainings of a design scored; None where what tells it is gone.

        Raises:
            TablesError: What they said is damaged.
        """


class Probabilities(Source):
    """Of trainings that say of every image how probable each class is."""

    def models(self, tables: StudyTables) -> pd.DataFrame:
        """Those trained to their end, whose predictions say which images belong together."""
        table, predictions = tables.confirm, tables.predictions
        if table is None or predictions is None:
            return _NO_MODELS
        done = table[(table["status"] == "completed") & table["model"].isin(predictions["model"])]
        if done.empty or predictions[["cluster", "is_duplicate"]].isna().any(axis=None):
            return _NO_MODELS
        return _in_order(done, tables.study)

    def are_scored(self, models: pd.DataFrame) -> bool:
        """Whether there is a temperature, and who learned."""
        return bool(models[["temperature", "learned"]].notna().all(axis=None))

    def confirmed(self, tables: StudyTables, models: pd.DataFrame) -> Confirmed:
        """Every score with intervals over seeds and clusters of images."""
        try:
            return score_confirmed(
                models,
                tables.predictions,
                classes=classes_of(tables.study.classes, tables.predictions),
                seed=stream_seed(tables.study, Stream.CONFIRMED),
            )
        except ValueError as error:
            raise TablesError(
                f"{Folder(tables.folder).table('predictions')}: {error}; restore it from a copy"
            ) from error

    def is_settled(self, settle: pd.DataFrame) -> bool:
        """Where it says of every training whether it learned, which is written last."""
        return bool(settle.loc[settle["status"] == "completed", "learned"].notna().all())

    def settled(self, tables: StudyTables, settling: Settling) -> SettledScores[Trained] | None:
        """Every score, and what each cluster of images has a part in."""
        assert tables.settle is not None
        home, classes = Folder(tables.folder).settle, tables.study.classes
        table = tables.settle.copy()
        done = table.index[table["status"] == "completed"]
        paths = {i: home.predictions(str(table["trial_id"][i])) for i in done}
        if not all(path.is_file() for path in paths.values()):
            return None
        each = {
            i: _scored(table.loc[i], read_table(path, "predictions"), classes)
            for i, path in paths.items()
        }
        gains = {(one.row, one.block): gained for one, gained, _ in each.values()}
        trained = _with_who_learned([one for one, _, _ in each.values()], gains)
        found = {
            i: told | {"learned": one.learned}
            for (i, (_, _, told)), one in zip(each.items(), trained, strict=True)
        }
        for name in next(iter(found.values()), {}):
            table[name] = pd.Series({i: values[name] for i, values in found.items()}, dtype=object)

        def by(metric: str, sums: Array) -> Array:
            return scores(sums, classes)[metric_of(metric)]

        own = {claim.metric for claim in tables.study.every_claim if claim.metric is not None}
        gather = partial(
            Trainings.of,
            score=partial(by, tables.study.metric),
            n_folds=settling.folds,
            others={metric: partial(by, metric) for metric in sorted(own)},
        )
        who_learned = partial(_with_who_learned, gains=gains)
        return SettledScores(
            table=table, accrued=Accrued(trained=trained, gather=gather, who_learned=who_learned)
        )


class OnRecord(Source):
    """Of trainings of which the study's metric is all that is known."""

    def models(self, tables: StudyTables) -> pd.DataFrame:
        """Those that have ended, some of them without a score."""
        table = tables.confirm
        if table is None or table[tables.study.metric].isna().all():
            return _NO_MODELS
        return _in_order(table[table["status"] != "interrupted"], tables.study)

    def are_scored(self, _: pd.DataFrame) -> bool:
        """Nothing is to be written into them."""
        return True

    def confirmed(self, tables: StudyTables, models: pd.DataFrame) -> Confirmed:
        """The metric with intervals over seeds and, where there are some, folds."""
        return measured_confirmed(models, tables.study.measure)

    def is_settled(self, _: pd.DataFrame) -> bool:
        """Never: it is worked out each time, which takes no longer than to look."""
        return False

    def settled(self, tables: StudyTables, settling: Settling) -> SettledScores[Measured]:
        """The metric of each; those that failed have none."""
        assert tables.settle is not None
        measure, table = tables.study.measure, tables.settle
        ended = table[table["status"] != "interrupted"]
        trained = [
            Measured(
                row=int(row["row"]),
                block=int(row["block"]),
                fold=0 if pd.isna(row["fold"]) else int(row["fold"]),
                score=measure.per_claim * float(row[measure.score]),
            )
            for row in ended.to_dict("records")
        ]
        gather = partial(measured_trainings, n_folds=settling.folds, turns=settling.design.turns)
        return SettledScores(table=table, accrued=Accrued(trained=trained, gather=gather))


def source_of(study: Study) -> Source:
    """The source of a study's scores."""
    return OnRecord() if study.is_free else Probabilities()


def apart(scored: Scored) -> Apart | None:
    """What is judged, so that each training can be taken out; None where none can."""
    return scored if isinstance(scored, FoldedSet | MeasuredSet) else None


_NO_MODELS = pd.DataFrame(columns=["model", "arm", "seed"])


def _in_order(models: pd.DataFrame, study: Study) -> pd.DataFrame:
    order = {arm_name(study, cell): n for n, cell in enumerate(study.arms)}
    return models.sort_values("arm", key=lambda arm: arm.map(order), kind="stable")


def _with_who_learned(
    trained: Sequence[Trained], gains: Mapping[tuple[int, int], Gain]
) -> list[Trained]:
    """The trainings, each held beside the others of its row, which have its recipe.

    Args:
        trained: Any of them.
        gains: Of every training, by row and block.
    """
    learned = np.zeros(len(trained), dtype=bool)
    rows = np.array([one.row for one in trained])
    for row in np.unique(rows):
        here = np.flatnonzero(rows == row).tolist()
        learned[here] = which_learned([gains[row, trained[i].block] for i in here])
    return [replace(one, learned=bool(k)) for one, k in zip(trained, learned, strict=True)]


def _scored(
    row: Mapping[str, Any], predictions: pd.DataFrame, classes: Classes
) -> tuple[Trained, Gain, dict[str, Any]]:
    """A training for the judge, what it gained, and what its row of `settle` says of it."""
    codes = {name: code for code, name in enumerate(classes.names)}
    labels = predictions["true"].map(codes).to_numpy(dtype=np.int64)
    p: Array = predictions[list(classes.columns)].to_numpy(dtype=np.float64)
    clusters = Clusters.of(predictions["cluster"].to_numpy(dtype=np.int64))
    # no temperature: the images that would fit it are those that are scored
    sums = cluster_sums(labels, p, 1.0, clusters)
    one = Trained(
        row=int(row["row"]),
        block=int(row["block"]),
        fold=int(row["fold"]),
        learned=True,  # until the others of its row are known
        sums=sums,
    )
    found = {name: values[None] for name, values in scores(sums.sum(axis=0), classes).items()}
    told = {"n_images": len(labels), "n_clusters": clusters.n}
    return one, gain(labels, p), told | renamed(found, "val", metrics_of(classes), 0)
