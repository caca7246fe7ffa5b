"""Hostile results folders: what is read is what the files hold, or one line says why not."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import strategies as st

from study.errors import StudyError, TablesError
from study.folder.parquet import read_table
from study.folder.tables import StudyTables, read_study
from study.report.__main__ import main
from study.report.page import render
from study.report.panel import Panel
from tests.hostile.cases import EDITS, JSON, NAMES, Edit, cases, damaged, is_one_line, try_out
from tests.hostile.results import columns_of, write_foreign, write_results

NUMBERS = st.one_of(
    st.floats(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 0.0, 1.0, 1.5, 61.2, 1e308, 5e-324]),
)
CELLS = st.one_of(NUMBERS, st.none(), st.booleans(), NAMES)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_results(tmp_path_factory.mktemp("results") / "whole")


def copy_of(folder: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    return Path(shutil.copytree(folder, target))


def read_or_line(folder: Path) -> StudyTables | None:
    """The folder's tables, of which a page can be made, or None if refused in one line."""
    try:
        tables = read_study(folder)
        render(tables)
    except StudyError as error:
        assert is_one_line(str(error))  # noqa: PT017 - the change may be harmless
        return None
    return tables


@cases(12, 120)
def test_any_cell_of_a_table_is_reported_as_it_stands_or_refused(
    n: int, whole: Path, tmp_path: Path
) -> None:
    kinds = {kind: columns_of(whole / f"{kind}.parquet") for kind in ("trials", "epochs")}

    def check(kind: str, column: int, rows: list[int], cells: list[Any], is_column: bool) -> None:
        columns = {name: list(values) for name, values in kinds[kind].items()}
        name = list(columns)[column % len(columns)]
        size = len(columns[name])
        if is_column:  # of one type, so that more of it can be written
            columns[name] = [cells[0]] * size
        for row, cell in zip(rows, cells, strict=False):
            columns[name][row % size] = cell
        folder = copy_of(whole, tmp_path / "changed")
        if not write_foreign(folder / f"{kind}.parquet", columns):
            return
        tables = read_or_line(folder)
        if tables is None or kind != "trials":
            return
        assert tables.trials["trial_id"].tolist() == columns["trial_id"]
        if name == "val_accuracy":
            found = tables.trials[name].tolist()
            for was, now in zip(columns[name], found, strict=True):
                # null and NaN are one thing to a reader of the table
                assert (was is None or was != was) == math.isnan(now)
                assert math.isnan(now) or -1e-6 <= now == was <= 1 + 1e-6

    try_out(
        n,
        check,
        kind=st.sampled_from(["trials", "trials", "epochs"]),
        column=st.integers(0, 60),
        rows=st.lists(st.integers(0, 99), max_size=4),
        cells=st.one_of(*(st.lists(c, min_size=1, max_size=4) for c in (NUMBERS, CELLS, NAMES))),
        is_column=st.booleans(),
    )


@cases(5, 60)
def test_the_report_command_on_any_cells_writes_a_page_or_one_line(
    n: int, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = {kind: columns_of(whole / f"{kind}.parquet") for kind in ("trials", "epochs")}

    def check(kind: str, column: int, rows: list[int], cells: list[Any]) -> None:
        columns = {name: list(values) for name, values in kinds[kind].items()}
        values = columns[list(columns)[column % len(columns)]]
        for row, cell in zip(rows, cells, strict=False):
            values[row % len(values)] = cell
        folder = copy_of(whole, tmp_path / "changed")
        if not write_foreign(folder / f"{kind}.parquet", columns):
            return
        capsys.readouterr()
        status = main([str(folder)])
        complaint = capsys.readouterr().err
        assert status in (0, 2)
        assert (folder / "report.html").exists() == (status == 0)
        if status:
            assert is_one_line(complaint[:-1])
        else:  # what the report says in short
            assert complaint.count("\n") <= 2
            assert "Traceback" not in complaint

    try_out(
        n,
        check,
        kind=st.sampled_from(["trials", "trials", "epochs"]),
        column=st.integers(0, 60),
        rows=st.lists(st.integers(0, 99), min_size=1, max_size=4),
        cells=st.one_of(*(st.lists(c, min_size=1, max_size=4) for c in (NUMBERS, CELLS))),
    )


@cases(10, 150)
def test_missing_repeated_and_reordered_rows_and_columns_are_read_or_refused(
    n: int, whole: Path, tmp_path: Path
) -> None:
    columns = columns_of(whole / "trials.parquet")
    size = len(columns["trial_id"])

    def check(gone: set[str], rows: list[int], extra: dict[str, Any]) -> None:
        kept = {k: [v[row] for row in rows] for k, v in columns.items() if k not in gone}
        kept |= {name: [cell] * len(rows) for name, cell in extra.items()}
        folder = copy_of(whole, tmp_path / "changed")
        if not write_foreign(folder / "trials.parquet", kept):
            return
        tables = read_or_line(folder)
        if tables is not None:
            assert tables.trials["trial_id"].tolist() == kept["trial_id"]
            assert tables.trials["trial_id"].is_unique

    try_out(
        n,
        check,
        gone=st.sets(st.sampled_from(sorted(columns)), max_size=8),
        rows=st.lists(st.integers(0, size - 1), max_size=size),
        extra=st.dictionaries(NAMES, st.one_of(CELLS, st.binary(), st.dates()), max_size=2),
    )


@cases(10, 250)
def test_a_damaged_file_of_a_results_folder_is_refused_in_one_line_or_read(
    n: int, whole: Path, tmp_path: Path
) -> None:
    files = ["study.toml", "study.json", "trials.parquet", "epochs.parquet"]
    expected = read_study(whole)

    def check(name: str, edits: list[Edit]) -> None:
        folder = copy_of(whole, tmp_path / "damaged")
        (folder / name).write_bytes(damaged((whole / name).read_bytes(), edits))
        tables = read_or_line(folder)
        if tables is not None and name.endswith(".parquet"):
            # checksums guard the pages; what is read in spite of damage is what was written
            for found, was in ((tables.trials, expected.trials), (tables.epochs, expected.epochs)):
                shared = [c for c in was.columns if c in found.columns and found[c].notna().any()]
                pd.testing.assert_frame_equal(found[shared], was[shared])

    try_out(n, check, name=st.sampled_from(files), edits=EDITS)


def no_panel(*_: Any, **__: Any) -> Panel:
    return Panel(reading="none")


def places_in(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested tables and lists."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [place, *(p for key, v in inner for p in places_in(v, (*place, key)))]


@cases(15, 300)
def test_any_value_anywhere_in_the_provenance_makes_a_report_or_one_line(
    n: int, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("learning_rate_panel", "curves_panel", "parallel_panel"):
        # figures know nothing of the provenance and take most of the time
        monkeypatch.setattr(f"study.report.sections.{name}", no_panel)
    known = json.loads((whole / "study.json").read_text())
    places = places_in(known)

    def check(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
        content: Any = json.loads(json.dumps(known))
        for place, value in changes:
            *path, last = place or (None,)
            table = content
            for key in path:
                is_there = key in table if isinstance(table, dict) else isinstance(table, list)
                table = table[key] if is_there and table else {}
            if last is None:
                content = value
            elif isinstance(table, dict):
                table[last] = value
        folder = copy_of(whole, tmp_path / "provenance")
        (folder / "study.json").write_text(json.dumps(content))
        read_or_line(folder)

    change = st.tuples(st.sampled_from(places), JSON)
    try_out(n, check, changes=st.lists(change, min_size=1, max_size=3))


def test_provenance_nested_beyond_reason_is_refused_in_one_line(
    whole: Path, tmp_path: Path
) -> None:
    folder = copy_of(whole, tmp_path / "deep")
    (folder / "study.json").write_text("[" * 100_000)
    with pytest.raises(TablesError, match=r"study\.json: not valid JSON"):
        read_study(folder)


@pytest.mark.parametrize("column", ["val_accuracy", "best_val_accuracy"])
def test_per_cent_is_refused_even_where_one_row_alone_shows_it(
    whole: Path, tmp_path: Path, column: str
) -> None:
    columns = columns_of(whole / "trials.parquet")
    columns[column] = [None if v is None else 100 * v for v in columns[column]]
    folder = copy_of(whole, tmp_path / "percent")
    write_foreign(folder / "trials.parquet", columns)
    with pytest.raises(TablesError, match=f"`{column}` holds .*; expected a fraction"):
        read_study(folder)
    columns[column] = [None if v is None else v / 100 for v in columns[column]]
    columns[column][-1] = 50.0
    write_foreign(folder / "trials.parquet", columns)
    with pytest.raises(TablesError, match=f"row 24: column `{column}` holds 50.0"):
        read_study(folder)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("claims", {"claim": ["x"], "verdict": ["proved"]}),
        ("claims", {"claim": [1.5], "verdict": ["supported"]}),
        ("importance", {"factor": ["lr"], "share": [61.0]}),
        ("importance", {"factor": [None], "share": [0.5]}),
        ("marginals", {"factor": ["lr"], "level": ["x"], "estimate": ["much"]}),
        ("confirm", {"arm": ["org"], "seed": [0.5], "val_accuracy": [0.5]}),
        ("confirm", {"arm": ["org"], "seed": [1], "test_accuracy": [99.0]}),
        ("interactions", {"factor_a": ["lr"], "share": [0.5]}),
    ],
)
def test_a_lying_table_of_the_analysis_is_refused_by_its_column(
    tmp_path: Path, kind: Any, columns: dict[str, list[Any]]
) -> None:
    path = tmp_path / f"{kind}.parquet"
    assert write_foreign(path, columns)
    with pytest.raises(TablesError, match=rf"{kind}\.parquet.*column `") as caught:
        read_table(path, kind)
    assert is_one_line(str(caught.value))
