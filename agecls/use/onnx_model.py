"""A kept model as ONNX: bytes of pictures in, calibrated probabilities out, checked on pictures.

Normalisation and temperature are in the graph, so that no caller can get them wrong; what remains
for the caller (decoding, cropping, resizing) stands in the file's metadata.
"""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from agecls.classes import EIGHT
from agecls.errors import AgeclsError
from agecls.faces.drawing import draw_face
from agecls.faces.people import POPULATIONS, draw_person
from agecls.files import write_whole
from agecls.machine import cores
from agecls.training.losses import Corn
from agecls.use.inference import Inference
from agecls.use.predictions import pixels_of
from agecls.use.saved import Member

PACKAGES: Final = ("onnx", "onnxruntime", "onnxscript")
OPSET: Final = 18
TOLERANCE: Final = 1e-4
INPUT: Final = "images"
OUTPUT: Final = "probabilities"


@dataclass(frozen=True)
class OnnxCheck:
    """How far the exported model is from PyTorch's.

    Attributes:
        largest: Largest difference of a probability.
        n_images: Noise and drawn faces compared.
        runtime: Version of onnxruntime.
    """

    largest: float
    n_images: int
    runtime: str


class _CornByLogs(Corn):
    """The same probabilities by a sum of logarithms: ONNX has no cumulative product."""

    def probabilities(self, outputs: Tensor) -> Tensor:
        above = F.logsigmoid(outputs).cumsum(dim=1).exp()
        certain = torch.ones_like(above[:, :1])
        return torch.cat([certain, above], 1) * torch.cat([torch.sigmoid(-outputs), certain], 1)


def require_packages() -> None:
    """Raise if a package that exporting needs is missing.

    Raises:
        AgeclsError: It names the command that installs them.
    """
    for name in PACKAGES:
        try:
            import_module(name)
        except ImportError as error:
            raise AgeclsError(
                f"exporting needs {name}, which is not installed; run "
                f"`pip install {' '.join(PACKAGES)}`, or write the card alone with --card-only"
            ) from error


def export_onnx(member: Member, out: Path) -> OnnxCheck:
    """Write the model as ONNX if it predicts as PyTorch does, and say how close it is.

    Input `images`: (N, S, S, 3) uint8 RGB with any N; output `probabilities`: (N, classes)
    float32.

    Raises:
        AgeclsError: A package is missing, or a probability differs by more than `TOLERANCE`.
    """
    require_packages()
    model = _converted(member)
    _strip_traces(model)
    check = _compared(member, model.SerializeToString())
    if not check.largest <= TOLERANCE:
        raise AgeclsError(
            f"{member.path}: a probability of the ONNX model differs from PyTorch's by "
            f"{check.largest:.2g}, more than {TOLERANCE:g}; nothing was written. Please report it "
            f"with the versions of torch ({torch.__version__}) and onnxruntime ({check.runtime})"
        )
    for key, value in _metadata(member, check).items():
        model.metadata_props.add(key=key, value=value)
    import_module("onnx").checker.check_model(model)
    write_whole(out, model.SerializeToString())
    return check


def _converted(member: Member) -> Any:
    inference = member.inference
    if isinstance(inference.objective, Corn):
        inference = Inference(
            inference.network,
            _CornByLogs(len(member.classes)),
            mean=member.mean,
            std=member.std,
            temperature=member.temperature,
        ).eval()
    # two images: an example of one would fix the batch axis at one
    example = torch.zeros(2, member.size, member.size, 3, dtype=torch.uint8)
    with _quiet_exporter(), torch.no_grad():
        program = torch.onnx.export(
            inference,
            (example,),
            dynamo=True,
            external_data=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes={INPUT: {0: torch.export.Dim("n")}},
            opset_version=OPSET,
            verbose=False,
        )
    if program is None:
        raise AgeclsError(f"{member.path}: torch.onnx gave no program; update torch")
    return program.model_proto


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Without the exporter's advice to install what is not needed here."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _strip_traces(model: Any) -> None:
    """Remove the exporter's stack traces, which hold paths of this machine."""
    graph = model.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]
    for node in graph.node:
        node.ClearField("doc_string")
    for tensor in graph.initializer:
        del tensor.metadata_props[:]


def _compared(member: Member, content: bytes) -> OnnxCheck:
    runtime = import_module("onnxruntime")
    options = runtime.SessionOptions()
    # its own choice is a thread per core of the machine, bound to cores that may not be ours
    options.intra_op_num_threads = cores()
    session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    images = check_images(member.size)
    with torch.inference_mode():
        expected = member.inference(torch.from_numpy(images)).numpy()
    # a batch of one and one of many: the axis must be free
    parts = [session.run([OUTPUT], {INPUT: some})[0] for some in (images[:1], images[1:])]
    largest = float(np.abs(np.concatenate(parts) - expected).max())
    return OnnxCheck(largest, len(images), str(runtime.__version__))


def check_images(size: int) -> NDArray[np.uint8]:
    """Noise, black, white and drawn faces of eight ages, (18, size, size, 3) uint8."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (8, size, size, 3), dtype=np.uint8)
    plain = np.stack([np.full((size, size, 3), v, np.uint8) for v in (0, 255)])
    population = POPULATIONS["home"]
    files = [
        draw_face(
            draw_person(Random(k), Random(k), population, male=k % 2 == 0),
            years,
            population,
            Random(k),
            size=max(size, 16),
        )
        for k, years in enumerate(EIGHT.midpoints or ())
    ]
    faces, _ = pixels_of([Image.open(io.BytesIO(file)) for file in files], size)
    return np.concatenate([noise, plain, faces])


def _metadata(member: Member, check: OnnxCheck) -> dict[str, str]:
    described, classes = member.described, member.classes
    lists = {
        "classes": list(classes.names),
        "class_names": list(classes.captions),
        **({"class_midpoints_years": list(classes.midpoints)} if classes.midpoints else {}),
        "mean": list(member.mean),
        "std": list(member.std),
    }
    return {
        **{key: json.dumps(value) for key, value in lists.items()},
        "made_by": f"agecls {version('agecls-study')}, torch {torch.__version__}",
        "size": str(member.size),
        "colour": "RGB",
        "layout": "NHWC",
        "range": "0..255, uint8",
        "normalisation": "in the graph: (image / 255 - mean) / std",
        "picture": ("one face; " if classes.years is not None else "")
        + "upright (EXIF), central square, bicubic with antialiasing to size",
        "temperature": "none" if member.temperature is None else repr(member.temperature),
        "output": "class probabilities that sum to 1, after the temperature",
        "weights_sha256": member.sha256,
        "data_fingerprint": str(described.get("data_fingerprint", "unknown")),
        "licence": str(described.get("licence", "unknown")),
        "check": f"at most {check.largest:.1e} from PyTorch on {check.n_images} images, "
        f"onnxruntime {check.runtime}",
    }
