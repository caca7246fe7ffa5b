"""Findings -> one HTML page that needs no network, and holds no picture unless it is asked to."""

import datetime
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import jinja2
import markupsafe
import pandas as pd

from agecls.audit.checks import Level, checks
from agecls.audit.findings import Findings
from agecls.audit.listings import listings
from agecls.audit.near_duplicates import LEAST_CORRELATION, RADIUS
from agecls.audit.wording import class_counts, counted, place_name, share, totals
from agecls.data.decoding import quiet_pillow

_WORDS: Final[dict[Level, str]] = {
    "problem": "problem",
    "note": "note",
    "fine": "fine",
    "unknown": "cannot tell",
}


def audit_page(findings: Findings, *, show_faces: bool) -> str:
    """The whole page; with `show_faces` pictures lie in it, from the files as they are now."""
    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (folder / "page.css").read_text(encoding="utf-8")
    found = checks(findings)
    n_problems = sum(check.level == "problem" for check in found)
    counts = class_counts(findings)
    # surrogates stand for bytes of a path that is not Unicode; a page cannot hold them
    root = str(findings.root.resolve()).encode("utf-8", "backslashreplace").decode()
    with quiet_pillow():
        tables = [table for table in listings(findings, show_faces=show_faces) if table.total]
    return environment.get_template("page.html.jinja").render(
        name=Path(root).name or root,
        root=root,
        layout=findings.layout,
        made=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        lead=f"{counted(len(findings.images), 'image')}; "
        f"{counted(n_problems, 'check') if n_problems else 'no check'} found a problem.",
        shows_faces=show_faces,
        checks=found,
        words=_WORDS,
        splits=[place_name(split) for split in counts],
        classes=_class_rows(counts, findings.classes.captions),
        what="class" if findings.classes.years is None else "age class",
        totals=list(totals(findings)),
        tables=tables,
        radius=RADIUS,
        correlation=LEAST_CORRELATION,
        version=version("agecls-study"),
        # ours, and the only thing that is not escaped
        style=markupsafe.Markup(style),
    )


def _class_rows(counts: pd.DataFrame, captions: Sequence[str]) -> list[dict[str, Any]]:
    whole = counts.sum()
    largest = (counts / whole).to_numpy().max()
    return [
        {
            "name": caption,
            "cells": [
                {
                    "text": f"{row[split]:,} ({share(row[split] / whole[split])})",
                    "width": round(100 * row[split] / whole[split] / largest, 1),
                }
                for split in counts
            ],
        }
        for caption, (_, row) in zip(captions, counts.iterrows(), strict=True)
    ]
