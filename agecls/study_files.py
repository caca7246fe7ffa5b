"""The files of a study's folder that a model's card quotes, if the model still lies in one.

The package `study` owns that folder and takes these names from here, since this package, which
the card belongs to, does not know it.
"""

from typing import Final

STUDY: Final = "study.toml"
PROVENANCE: Final = "study.json"
PRETRAINED: Final = "pretrained"


def table_file(kind: str) -> str:
    """The parquet file of a table, such as `trials`."""
    return f"{kind}.parquet"
