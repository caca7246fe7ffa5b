import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from study.report.panel import sample


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 50))
def test_a_sample_is_small_ordered_and_holds_what_must_be_kept(
    keep: list[bool], most: int
) -> None:
    frame = pd.DataFrame({"row": np.arange(len(keep))})
    wanted = pd.Series(keep, dtype=bool)
    drawn = sample(frame, most, keep=wanted)["row"].tolist()
    assert len(drawn) == min(most, len(keep))
    assert drawn == sorted(set(drawn))
    kept = [i for i, k in enumerate(keep) if k]
    assert set(kept) <= set(drawn) or (len(kept) > most and set(drawn) <= set(kept))
