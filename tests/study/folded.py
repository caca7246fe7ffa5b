"""A study on folds whose confirm stage takes seconds, also as a process that a test can kill.

`python -m tests.study.folded FOLDER HOME` runs it where `draw` left faces and `search` the tables
of a search; it trains small nets for real.
"""

import sys
from pathlib import Path

from agecls.data.loading import FaceData, Reading, load_data
from agecls.faces.face_set import FaceSet, draw_face_set
from study.asked.study import Study
from study.asked.study_file import load_study
from study.stages.confirm import Confirm
from tests.small_studies import BCD_BETTER, study_toml
from tests.study.staged import session_at, write_search
from tests.study.tiny import FIXED

K = 3
SEEDS = 2
EPOCHS = 3
STAGE = f"""
[folds]
k = {K}
[confirm]
seeds = {SEEDS}
{BCD_BETTER}"""


def draw(folder: Path, *, families: int = 9) -> Path:
    """Faces of 16 px in four classes, of train, val and test."""
    faces = folder / "faces"
    draw_face_set(faces, FaceSet(families=families, val_families=4, test_families=2, size=16))
    return faces


def faces_in(folder: Path) -> FaceData:
    """The faces that `draw` left in a folder."""
    return load_data(folder / "faces", Reading(size=16))


def asked(folder: Path, *, stage: str = STAGE) -> Study:
    """The study on the faces of a folder."""
    text = study_toml(trials=4, lengths=[EPOCHS], data=folder / "faces", fixed=FIXED)
    (folder / "folded.toml").write_text(text + stage)
    return load_study(folder / "folded.toml")


def search(folder: Path, home: Path) -> None:
    """Leave a finished search's tables in `home`."""
    write_search(asked(folder), home, lr=0.01)


def confirm(folder: Path, home: Path) -> str:
    """Run the stage, or what is missing of it; what it printed."""
    session, text = session_at(load_study(home / "study.toml"), home, faces_in(folder))
    assert Confirm(n_seeds=SEEDS)(session)
    return text.getvalue()


if __name__ == "__main__":
    sys.stdout.write(confirm(*map(Path, sys.argv[1:])))
