"""A study of a function: a quadratic that learns, in numpy, within milliseconds."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from study.asked.study_file import load_study
from study.folder.folder import Folder
from study.running.in_process import InProcess
from study.running.ray_session import Resources
from study.stages.jobs import Outcome, main_job
from study.stages.session import Means
from study.trainables.found import located

SOURCE = """\
import numpy as np


def train(config, *, seed, fold, report):
    rng = np.random.default_rng(seed)
    x = np.array([3.0, 1.0])
    best = 0.1 if config["net"] == "deep" else 0.3
    speed = config["rate"] * (1 + config.get("momentum", 0.0))
    for epoch in range(1, config["epochs"] + 1):
        x -= speed * x
        loss = best + float(x @ x) / config["width"] + 0.01 * rng.standard_normal()
        report(epoch, {"loss": loss, "norm": np.linalg.norm(x)})


def labels():
    return [n % 3 for n in range(60)], [n // 2 for n in range(60)]
"""

TOML = """\
[study]
question = "Which setting of the quadratic matters?"
trainable = "quadratic:train"
metric = "loss"
direction = "minimize"
unit = "nats"
smallest = 0.01
trials = 8
epochs = 4
design_share = 0.5
[factors.net]
role = "arm"
levels = ["deep", "wide"]
[factors.rate]
role = "tuned"
log = true
low = 0.01
high = 1.0
[factors.width]
role = "tuned"
whole = true
low = 2
high = 8
[factors.momentum]
role = "tuned"
levels = [0.0, 0.9]
when = { net = "deep" }
[claims.deep_wins]
text = "Deep nets lose less"
factor = "net"
better = "deep"
worse = "wide"
least = 0.02
"""


def write(folder: Path, *, text: str = TOML, source: str = SOURCE) -> Path:
    """The study file, and beside it the module that it names."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "quadratic.py").write_text(source)
    (folder / "it.toml").write_text(text)
    return folder / "it.toml"


@contextmanager
def forgotten(name: str = "quadratic") -> Iterator[None]:
    """Modules and folders that are imported within the block, as if by another process."""
    path = list(sys.path)
    try:
        yield
    finally:
        sys.modules.pop(name, None)
        sys.path[:] = path


def run(file: Path, home: Path, **means: Any) -> tuple[Outcome, str]:
    """The main job in this process on what is there, and what it said."""
    text = StringIO()
    values: dict[str, Any] = {"executor": InProcess(), "command": ["study.run", file.name]}
    console = Console(file=text, width=300)
    study = Folder(home).read_study() if Folder(home).study_file.exists() else load_study(file)
    # as the command does
    study = replace(study, trainable=located(study.trainable, near=file.parent))
    with forgotten():
        with_all = Means(resources=Resources(), console=console, **values | means)
        outcome = main_job(study, Folder(home), with_all)
    return outcome, text.getvalue()
