"""What `study.json` records, read without trust: a folder may be another tool's, or damaged."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd

from study.errors import TablesError
from study.folder.folder import Folder
from study.folder.provenance import Known, claims_hash
from study.folder.tables import StudyTables


@contextmanager
def naming_the_provenance(tables: StudyTables) -> Iterator[None]:
    """Name the file where a value in it is of another type than the run writes.

    Raises:
        TablesError: That is so.
    """
    try:
        yield
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise TablesError(
            f"{Folder(tables.folder).provenance}: not as study.run writes it ({error}); "
            "restore it, or remove it for a report without what it says"
        ) from error


def audit_summary(tables: StudyTables) -> Known:
    """What `agecls.data.loading.load_data` said of the data; empty where that is unknown."""
    return tables.known.table("data", "summary")


def majority_share(tables: StudyTables, *, split: str = "val") -> float | None:
    """Share of the commonest class among the images of a split, if it was recorded.

    Where the study has folds, all images in them are what its models are validated on.
    """
    if split == "val" and tables.study.folds is not None:
        return _share(tables.known.table("folds").get("majority"))
    return _split_share(tables, split)


def search_majority(tables: StudyTables) -> float | None:
    """The same among the images that the search's trials are validated on."""
    folds = tables.study.folds
    if folds is not None and folds.search:
        return majority_share(tables)
    return _split_share(tables, "val")


def _split_share(tables: StudyTables, split: str) -> float | None:
    return _share(audit_summary(tables).table("majority").get(split))


def _share(found: Any) -> float | None:
    # not int, which True is
    return found if isinstance(found, float) and 0 < found <= 1 else None


def are_claims_changed(tables: StudyTables) -> bool | None:
    """Whether the claims are not those on record when the search began; None: no record."""
    declared = tables.known.get("claims_hash")
    return declared != claims_hash(tables.study) if declared else None


def looks_at_test(tables: StudyTables) -> list[dict[str, str]]:
    """Each time that results on the test split were looked at: when, and by which command."""
    return [
        {"at": str(look.get("started_at")), "command": str(look.get("command"))}
        for look in tables.known.tables("test_reads")
    ]


def fragile_claims(tables: StudyTables) -> list[str]:
    """Claims whose verdict of fresh seeds one training would turn."""
    claims = tables.claims
    if claims is None or "fragile" not in claims:
        return []
    hang = (claims["stage"] == "confirm") & claims["fragile"].fillna(False).astype(bool)
    return [str(name) for name in claims.loc[hang, "claim"]]


def idle_models(tables: StudyTables) -> tuple[pd.DataFrame, int]:
    """Rows of `confirm` that hardly learned, and of how many that is known."""
    if tables.confirm is None or "learned" not in tables.confirm:
        return pd.DataFrame(), 0
    known = tables.confirm[tables.confirm["learned"].notna()]
    return known[~known["learned"].astype(bool)], len(known)


def judged_split(confirmed: pd.DataFrame) -> str:
    """The split that claims are judged on: test, or val where there is no test, or folds."""
    return "test" if not has_folds(confirmed) and (confirmed["split"] == "test").any() else "val"


def has_folds(confirmed: pd.DataFrame) -> bool:
    """Whether models were tested out of fold; claims are then judged on that."""
    return "n_trainings" in confirmed and bool(confirmed["n_trainings"].notna().any())
