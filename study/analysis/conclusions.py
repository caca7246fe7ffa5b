"""What follows from a study's facts: the one writer of every table that says so.

Stages write facts: trials, epochs, confirmed models, predictions. From these alone come, here,
`importance`, `interactions`, `marginals`, `contrasts`, `simplest`, `claims`, `checks`,
`confirmed`, `external` and the scores in `confirm`. What the search says is worked out anew each
time. What fresh seeds and other faces say stands as it was first written, for people have quoted
it: it is worked out where it is missing, and a stage that is about to change its facts calls
`forget`.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Self

import pandas as pd

from study.analysis.checks.check import Checked
from study.analysis.checks.recorded import naming_the_provenance
from study.analysis.checks.table import run_checks
from study.analysis.confirm.decisions import Decisions
from study.analysis.confirm.drops import judge_drops
from study.analysis.confirm.external import external_frame, score_elsewhere
from study.analysis.confirm.predicted import Predicted, describe_predictions
from study.analysis.confirm.scored import is_folded
from study.analysis.confirm.trained import TrainingTables, describe_trainings, fragile, influence
from study.analysis.recipes.simplest import Simplest
from study.analysis.scores import apart, source_of
from study.analysis.search.answers import Analysis, analyse
from study.analysis.settled import bring, is_scored
from study.analysis.untested import untested
from study.folder.columns import Kind, classes_of, names_of
from study.folder.folder import Folder
from study.folder.other_faces import read_other_faces
from study.folder.tables import StudyTables, as_table_of, read_study
from study.plan.streams import Stream, stream_seed

_Frames = dict[Kind, pd.DataFrame]
_Rows = list[dict[str, Any]]

_OF_SEARCH: Final[tuple[Kind, ...]] = ("importance", "interactions", "marginals", "contrasts")


@dataclass(frozen=True, kw_only=True)
class Conclusions:
    """What a study's folder says.

    Attributes:
        tables: All of its tables, as they now lie on disk.
        analysis: What the search says, which holds more than the tables do.
        checked: What the checks say of both; rows of `checks`.
    """

    tables: StudyTables
    analysis: Analysis
    checked: tuple[Checked, ...]

    def known_as(self, provenance: dict[str, Any] | None) -> Self:
        """The same of a study whose `study.json` has grown, of which checks tell too."""
        tables = self.tables.having(provenance=provenance)
        with naming_the_provenance(tables):
            return replace(self, tables=tables, checked=run_checks(tables, self.analysis))


def conclude(folder: Path) -> Conclusions:
    """Write what follows from the facts in a study's folder; each table is read once.

    Concluding again changes nothing, nor does it if the concluded tables are deleted before.

    Raises:
        StudyError: The folder is not a study's, or a file in it is damaged.
        OSError: The folder cannot be written.
    """
    return conclude_from(read_study(folder))


def conclude_from(tables: StudyTables) -> Conclusions:
    """What `conclude` writes, from tables that hold what lies in their folder.

    Raises:
        StudyError: A file in the folder is damaged.
        OSError: The folder cannot be written.
    """
    analysis = analyse(tables.study, tables.trials, tables.epochs, seed=tables.study.seed)
    of_confirm, of_arms = _confirmed(tables, analysis)
    tables = _having(tables, of_confirm)
    of_external, of_drops = _elsewhere(tables)
    of_settle, of_open = _settled(tables)
    rows = [*_searched(tables, analysis), *of_arms, *of_drops, *of_open]
    claims: _Frames = {"claims": pd.DataFrame(rows, columns=names_of("claims"))}
    of_search: _Frames = {kind: analysis.table(kind) for kind in _OF_SEARCH}
    of_search["simplest"] = _simplest(tables, analysis)
    # claims first: a process killed in between leaves nothing that says their rows are there
    frames = claims | of_confirm | of_external | of_settle | of_search
    tables = _having(tables, frames)
    with naming_the_provenance(tables):
        checked = run_checks(tables, analysis)
    rows = [asdict(one) for one in checked]
    checks: _Frames = {"checks": pd.DataFrame(rows, columns=names_of("checks"))}
    for kind, frame in (frames | checks).items():
        Folder(tables.folder).write_table(kind, frame, tables.study)
    return Conclusions(tables=_having(tables, checks), analysis=analysis, checked=checked)


def forget(tables: StudyTables, kind: Literal["confirmed", "external"]) -> StudyTables:
    """The tables without conclusions whose facts are about to change, which are deleted.

    Predictions are read again where they were read.

    Raises:
        OSError: The folder cannot be written.
    """
    Folder(tables.folder).table(kind).unlink(missing_ok=True)
    deleted: dict[str, Any] = {kind: None}
    return replace(tables, **deleted)


def predicted_of(tables: StudyTables) -> Predicted | None:
    """What the confirmed models of a study say image by image; None without their predictions.

    Raises:
        TablesError: The table of predictions is damaged.
    """
    predictions = tables.predictions
    if tables.confirm is None or predictions is None:
        return None
    models = tables.confirm[tables.confirm["model"].notna()]
    classes = classes_of(tables.study.classes, predictions)
    return describe_predictions(models, predictions, classes=classes, seed=tables.study.seed)


def trained_of(tables: StudyTables) -> TrainingTables | None:
    """What each training of a confirm stage has a part in.

    None where trainings count as they are: without folds, of images.

    Raises:
        TablesError: The table of predictions is damaged.
    """
    models = source_of(tables.study).models(tables)
    if models.empty or not (is_folded(models) or tables.study.is_free):
        return None
    found = apart(source_of(tables.study).confirmed(tables, models).judged_on())
    return None if found is None else describe_trainings(tables.study, found)


def _searched(tables: StudyTables, analysis: Analysis) -> _Rows:
    """Rows of claims after the search; commands find the study where it lies."""
    rows = _records(analysis.table("claims"))
    for row, claim in zip(rows, tables.study.claims, strict=True):
        lacking = untested(tables.study, claim, tables.folder)
        row["command"] = None if lacking is None else lacking.command
    return rows


def _confirmed(tables: StudyTables, analysis: Analysis) -> tuple[_Frames, _Rows]:
    """Scores, arms and pairs of arms on fresh seeds; rows of the claims that they decide."""
    source = source_of(tables.study)
    models = source.models(tables)
    if tables.confirm is None or models.empty:
        return {}, _kept(tables, of_drops=False)
    is_there = tables.confirmed is not None and tables.claims is not None
    if is_there and source.are_scored(models):
        return {}, _kept(tables, of_drops=False)
    found = source.confirmed(tables, models)
    judged_on = found.judged_on()
    decided = Decisions()(tables.study, judged_on, analysis.claims)
    if (taken_apart := apart(judged_on)) is not None:
        by_claim = fragile(influence(tables.study, taken_apart))
        decided["fragile"] = decided["claim"].map(by_claim).astype("boolean")
    frames: _Frames = {"confirmed": found.estimates}
    if len(found.models.columns) > 1:
        is_fact = [c == "model" or c not in found.models for c in names_of("confirm")]
        facts = tables.confirm[names_of("confirm")].loc[:, is_fact]
        frames["confirm"] = facts.merge(found.models, on="model", how="left")
    return frames, _records(decided)


def _simplest(tables: StudyTables, analysis: Analysis) -> pd.DataFrame:
    """The simplest recipe of each arm that is as good as its confirmed one, or its best."""
    confirm = tables.confirm
    chosen = [] if confirm is None else confirm["trial_id"].dropna().unique().tolist()
    return Simplest()(analysis.frames, analysis.surface, analysis.support, chosen=chosen)


def _elsewhere(tables: StudyTables) -> tuple[_Frames, _Rows]:
    """Scores on other faces and their change; rows of the claims about these."""
    models = source_of(tables.study).models(tables)
    if (tables.external is not None and tables.claims is not None) or models.empty:
        return {}, _kept(tables, of_drops=True)
    faces = read_other_faces(tables.folder, models["model"])
    if not faces:
        return {}, _kept(tables, of_drops=True)
    seed = stream_seed(tables.study, Stream.EXTERNAL)
    classes = classes_of(tables.study.classes, tables.predictions)
    found = score_elsewhere(models, tables.predictions, faces, classes=classes, seed=seed)
    judged = judge_drops(tables.study, found)
    return {"external": external_frame(found)}, _records(judged)


def _kept(tables: StudyTables, *, of_drops: bool) -> _Rows:
    """Rows of claims that were judged after the search, about other faces or not."""
    if tables.claims is None:
        return []
    drops = {claim.name for claim in tables.study.claims if claim.is_of_other_faces}
    is_kept = tables.claims["claim"].isin(drops) == of_drops
    return _records(tables.claims[is_kept & (tables.claims["stage"] == "confirm")])


def _settled(tables: StudyTables) -> tuple[_Frames, _Rows]:
    """Trainings that settle what is open, and each look at them; rows of the claims asked."""
    found = None if tables.settle is None or is_scored(tables) else bring(tables)
    if found is not None:
        # scores last: what a process killed in between leaves is made again
        return found.frames, found.claims
    if tables.claims is None or tables.settle is None:
        return {}, []
    return {}, _records(tables.claims[tables.claims["stage"] == "settle"])


def _records(frame: pd.DataFrame) -> _Rows:
    rows: _Rows = frame.to_dict("records")
    return rows


def _having(tables: StudyTables, frames: _Frames) -> StudyTables:
    """The tables with these among them, as they are read from disk."""
    return tables.having(
        **{kind: as_table_of(tables.study, kind, frame) for kind, frame in frames.items()}
    )
