"""What a checkpoint of a function's trial gives back."""

import numpy as np
import pytest

from study.trainables.kept import Checkpoint


@pytest.mark.parametrize(
    "array",
    [
        np.array(3.0),
        np.arange(6).reshape(2, 3).T,
        np.broadcast_to(np.float32(2), (2, 2)),
        np.frombuffer(b"\x01\x02", np.uint8),
    ],
    ids=["one number", "transposed", "repeated", "not to be written to"],
)
def test_an_array_comes_back_as_it_was(array, tmp_path):
    with Checkpoint(str(tmp_path), "t00000") as kept:
        kept.save([], {"net": {"x": array}})
        _, states = kept.load()
    back = states["net"]["x"]
    assert (back.shape, back.dtype) == (array.shape, array.dtype)
    assert (back == array).all()
