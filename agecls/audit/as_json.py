"""All findings as plain values, for JSON and other programs."""

from typing import Any

import pandas as pd

from agecls.audit.checks import checks
from agecls.audit.findings import Findings, duplicates_by_place, sizes
from agecls.audit.wording import class_counts


def findings_dict(findings: Findings) -> dict[str, Any]:
    """Findings without limits on their number, JSON-able.

    Keys: `root`, `layout`, `images` (by split), `classes` (by split and letter), `sizes`, `checks`
    (`title`, `level`, `text`), `duplicates` (counts by kind and place), `groups`, `near` (pairs
    with hash distance and correlation), `persons`, `leaks`, `impossible`, `drift`, `quarantine`.
    Images are named by their paths.
    """
    images = findings.images
    paths = images["image_path"]
    counts = class_counts(findings)
    impossible = findings.impossible
    rows = impossible["row"]
    return {
        "root": str(findings.root.resolve()).encode("utf-8", "backslashreplace").decode(),
        "layout": findings.layout,
        "images": {split: int(n) for split, n in counts.sum().items()},
        "classes": {split: counts[split].to_dict() for split in counts},
        "sizes": _records(sizes(images)),
        "checks": [vars(check) for check in checks(findings)],
        "duplicates": _records(duplicates_by_place(findings.groups, images)),
        "groups": [
            {
                "kind": group.kind,
                "images": [paths.iat[row] for row in group.rows],
                "splits": list(group.splits),
                "classes": list(group.classes),
            }
            for group in findings.groups.itertuples()
        ],
        "near": _records(
            findings.near.assign(
                first=paths.iloc[findings.near["first"]].to_numpy(object),
                second=paths.iloc[findings.near["second"]].to_numpy(object),
            )
        ),
        "persons": _records(findings.persons.assign(splits=findings.persons["splits"].map(list))),
        "leaks": _records(findings.leaks),
        "impossible": [
            {
                "image_path": paths.iat[row],
                "class": findings.classes.names[images["label"].iat[row]],
                "collected_age": int(images["collected_age"].iat[row]),
                "years_short": int(years),
            }
            for row, years in zip(rows, impossible["years_short"], strict=True)
        ],
        "drift": _records(findings.drift),
        "quarantine": _records(findings.quarantine),
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts of Python's own numbers and texts."""
    return [
        {name: value.item() if hasattr(value, "item") else value for name, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]
