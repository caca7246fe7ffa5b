"""A figure with the words that belong to it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One figure of the page, or the reason why there is none.

    Attributes:
        id: Anchor in the page.
        title: The question that the figure answers.
        reading: One sentence that says what to see.
        note: n, and what is left out.
        alt: What the figure shows, for those who cannot see it.
        figure: None where there is nothing to draw; `reading` then says why.
        min_width: Pixels below which the figure scrolls inside its own frame.
    """

    id: str
    title: str
    reading: str
    note: str = ""
    alt: str = ""
    figure: go.Figure | None = None
    min_width: int = 0


def sample(frame: pd.DataFrame, most: int, *, keep: pd.Series) -> pd.DataFrame:
    """At most `most` rows in their order: those to `keep`, and others drawn at random.

    The draw is the same for the same frame, so that a report written again looks the same.
    """
    if len(frame) <= most:
        return frame
    kept = np.flatnonzero(keep.to_numpy(dtype=bool))[:most]
    others = np.setdiff1d(np.arange(len(frame)), kept)
    drawn = np.random.default_rng(0).choice(others, size=most - len(kept), replace=False)
    return frame.iloc[np.sort(np.concatenate([kept, drawn]))]
