#!/usr/bin/env bash
# safetensors saves NumPy arrays in the order of their memory: transposed ones come back scrambled.
#
# Versions    safetensors 0.8.0, numpy 2.4.6, scikit-learn 1.9.1 (2026-11-28).
# Behaviour   `safetensors.numpy.save_file` of an array in Fortran's order (a transpose, a result
#             of LAPACK) writes its memory as it lies beside the shape of the array: `x.T` of 2 x 3
#             comes back as the numbers of `x`, reshaped. Every second element of an array comes
#             back as its first half. Shape, kind and the sum of a full array are right, nothing
#             warns. 0.7.0 saves these arrays right. torch's `save_file` refuses such tensors with
#             a message.
# Guessed     The same array, as in 0.7.0 and from `numpy.save`; or the refusal that torch gives.
# Why         Components of a PCA, solutions of least squares, and weights that were transposed for
#             another library lie so. A model is saved by a script that has not changed since the
#             upgrade, and predicts as if it had not been trained.
# Known       Open: https://github.com/safetensors/safetensors/issues/825 (Fortran's order; mends
#             are proposed there).
#
# Exit status: 0 as described, 1 otherwise, 2 where the packages cannot be installed. Under a
# minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q safetensors==0.8.0 numpy==2.4.6 scikit-learn==1.9.1 || exit 2
cat > "$work/finding.py" <<'PYTHON'
import sys
import warnings

import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file
from sklearn.decomposition import PCA

warnings.simplefilter("error")  # it says nothing
x = np.arange(6.0).reshape(2, 3)
numbers = np.random.default_rng(0).normal(size=(200, 4)) * [4, 3, 2, 1]
pca = PCA(2, svd_solver="full").fit(numbers)
ARRAYS = {
    "contiguous": x,
    "transposed": x.T,
    "every second": np.arange(6.0)[::2],
    "components": pca.components_,
}


def there_and_back(arrays):
    save_file(arrays, "arrays.safetensors")
    return load_file("arrays.safetensors")


print(f"versions: safetensors {safetensors.__version__}, numpy {np.__version__}")
back = there_and_back(ARRAYS)
copied = there_and_back({name: np.ascontiguousarray(array) for name, array in ARRAYS.items()})
print(f"seen: the transpose {x.T.tolist()} comes back as {back['transposed'].tolist()}")
print(f"seen: {ARRAYS['every second'].tolist()} comes back as {back['every second'].tolist()}")
print(f"seen: a PCA's components {ARRAYS['components'][0].round(2).tolist()}, …")
print(f"      come back as {back['components'][0].round(2).tolist()}, …")
same = {name: bool((back[name] == array).all()) for name, array in ARRAYS.items()}
print(f"seen: the same: {same}")
shapes = all(back[name].shape == array.shape for name, array in ARRAYS.items())
right = all((copied[name] == array).all() for name, array in ARRAYS.items())
print(f"guessed: the same, as of copies made by `numpy.ascontiguousarray`: {right}")
print("why: a model that was saved and loaded is another one, of the same shape")

as_described = (
    same == {"contiguous": True, "transposed": False, "every second": False, "components": False}
    and (back["transposed"] == x.reshape(3, 2)).all()
    and back["every second"].tolist() == [0, 1, 2]
    and shapes
    and right
)
print("as described" if as_described else "CHANGED: the behaviour is not as described")
sys.exit(not as_described)
PYTHON
cd "$work"
"$work/venv/bin/python" finding.py
