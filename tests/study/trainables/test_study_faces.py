import pytest
from rich.console import Console

from agecls.errors import DataLayoutError
from study.asked.study_file import load_study
from study.cost.estimate import describe_plan
from study.trainables.study_faces import study_faces
from tests.agecls.pictures import write_picture
from tests.study.tiny import study_text


@pytest.fixture
def faces(tmp_path):
    """Two splits of folders named by ages, with a file that cannot be opened and one beside."""
    root = tmp_path / "faces"
    for number in range(30):
        write_picture(root / "Training" / ("5", "30", "99")[number % 3] / f"{number}.png", number)
    for number in range(30, 40):
        write_picture(root / "dev" / ("5", "30")[number % 2] / f"{number}.png", number)
    (root / "dev" / "30" / "broken.heic").write_bytes(b"")
    (root / "readme.txt").write_text("faces")
    return root


def study_of(folder, data, share):
    path = folder / "study.toml"
    path.write_text(study_text(data).replace("[data]", f"[data]\nmax_bad_share = {share}"))
    return load_study(path)


def test_a_dry_run_says_what_was_read_and_what_was_not(tmp_path, faces):
    console = Console(record=True, width=400)
    describe_plan(study_of(tmp_path, faces / "{age}", 0.05), console, at_a_time=1)
    told = console.export_text()
    assert "read as class folders: 2 classes (a, d); images: 20 train, 10 val" in told
    assert "1 unusable, 10 set aside for an age without a class" in told
    assert "1 file is not read: 1 .txt" in told


def test_more_bad_files_than_asked_for_are_refused_with_the_share_to_ask_for(tmp_path, faces):
    with pytest.raises(DataLayoutError, match=r"broken\.heic: a \.heic .*max_bad_share = 0\.04`"):
        study_faces(study_of(tmp_path, faces / "{age}", 0.02), Console())
