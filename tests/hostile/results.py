"""Results folders to be damaged: small, whole, and written without training anything."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from study.asked.study_file import dump_study
from study.folder.parquet import write_table
from tests.study.report.simulated import a_study, provenance, simulate


def write_results(folder: Path, *, n: int = 24, known: dict[str, Any] | None = None) -> Path:
    """The folder of a study with `n` trials in four arms."""
    study = a_study(trials=n, weights="w.safetensors")
    trials, epochs = simulate(study, n)
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(dump_study(study), encoding="utf-8")
    (folder / "study.json").write_text(json.dumps(provenance() if known is None else known))
    path = folder / "trials.parquet"
    write_table(path, trials, "trials", study_name="x", factors=study.factors)
    write_table(folder / "epochs.parquet", epochs, "epochs", study_name="x")
    return folder


def columns_of(path: Path) -> dict[str, list[Any]]:
    """A parquet file's columns as plain lists, times as texts."""
    frame: pd.DataFrame = pq.ParquetFile(path).read().to_pandas()
    frame = frame.astype(object).where(frame.notna(), None)
    return {str(name): frame[name].tolist() for name in frame.columns}


def write_foreign(path: Path, columns: dict[str, list[Any]]) -> bool:
    """Write columns as another tool would, types guessed; False if no parquet can hold them."""
    try:
        pq.write_table(pa.table({name: pa.array(v) for name, v in columns.items()}), path)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        return False
    return True
