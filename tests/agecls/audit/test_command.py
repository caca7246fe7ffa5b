import json
import os
import pty
import re
import subprocess
import sys

import pytest

from agecls.audit.__main__ import main
from agecls.audit.findings import LEAK_KINDS
from agecls.audit.fix import write_fix
from agecls.faces.face_set import FaceSet
from tests.agecls.pictures import draw_zoo, family_rows, write_family_set


@pytest.fixture
def root(tmp_path):
    """Train with a conflict and a hostile name; val with a leak and a class above its age."""
    root = tmp_path / "set"
    train = family_rows(2)
    train[5][3] = "<img src=x>&.jpg"
    train[7][1] = "D<b>"
    write_family_set(root, "train", train, seeds=[0, 1, 2, 3, 4, 5, 6, 2])
    val = family_rows(1, first=801)
    val[0][2:] = ["h", "F0801_AGE_D_30_h1.jpg"]
    write_family_set(root, "val", val, seeds=[5, 11, 12, 13])
    (root / "val_images" / val[3][3]).write_bytes(b"broken")
    return root


def run(capsys, *arguments):
    status = main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def test_the_summary_tells_every_finding_in_plain_text(root, tmp_path, capsys):
    status, out, err = run(capsys, root, "--out", tmp_path / "page.html")
    assert (status, err) == (0, "")
    assert "\x1b" not in out
    lines = out.splitlines()
    assert lines[0] == f"{root}: 11 usable images, 1 unusable (family csv)"
    assert (
        "! Unusable files and rows: 1 cannot be used: it is not an image of a known format (1)."
        in lines
    )
    assert (
        "! Identical files: 1 group in train (2 images); 1 group across train and val of "
        "byte-identical files." in lines
    )
    assert "  Near duplicates: No different files of one photograph." in lines
    assert (
        "! Duplicates with different classes: 2 groups of identical files, 4 images in all: some "
        "labels are wrong." in lines
    )
    assert (
        "! Leaks between splits: Val has 1 image with the identical file in train; val has 2 "
        "images with a person linked by shared pictures in train." in lines
    )
    assert any(line.startswith("! Persons under several names: 4 of 4 persons") for line in lines)
    assert (
        "! Classes above the person's age: 1 image of 10 with a known age, by up to 37 years: the "
        "age or the class is wrong." in lines
    )
    assert (
        "~ Sizes: All images have 16 × 16 pixels. 11 images with a side below 32 pixels." in lines
    )
    assert lines[-1] == f"page: {tmp_path / 'page.html'}"
    a_row = next(line for line in lines if line.startswith("  a "))
    assert a_row.split() == ["a", "2", "(25.0", "%)", "0", "(0.0", "%)"]


def test_the_page_needs_no_network_and_escapes_what_it_shows(root, tmp_path, capsys):
    run(capsys, root, "--out", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<img" not in page
    assert "&lt;img src=x&gt;&amp;.jpg" in page
    assert "D&lt;b&gt;" in page
    assert not re.search(r"(src|href)=\"(?!#|data:)|@import|url\(|https?:|<script", page)
    assert "default-src 'none'" in page
    assert "This page contains faces" not in page
    # each table's heading is a target of the navigation, and every id is there once
    targets = re.findall(r'<a href="#([a-z]+)"', page)
    ids = re.findall(r' id="([^"]+)"', page)
    assert set(targets) <= set(ids)
    assert len(ids) == len(set(ids))


def test_pictures_are_shown_only_on_demand_and_with_a_warning(root, tmp_path, capsys):
    run(capsys, root, "--out", tmp_path / "page.html", "--show-faces")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "This page contains faces" in page
    # two groups of two, and one impossible class
    assert (
        len(re.findall(r'<img src="data:image/jpeg;base64,[A-Za-z0-9+/=]+" alt="[^"]+"', page))
        == 5
    )


def test_json_holds_the_findings_by_path(root, tmp_path, capsys):
    target = tmp_path / "audit.json"
    run(capsys, root, "--out", tmp_path / "page.html", "--json", target)
    found = json.loads(target.read_text(encoding="utf-8"))
    assert found["images"] == {"train": 8, "val": 3}
    assert found["classes"]["val"] == dict.fromkeys("adefg", 0) | dict.fromkeys("bch", 1)
    assert found["sizes"] == [{"width": 16, "height": 16, "format": "PNG", "images": 11}]
    assert [group["images"] for group in found["groups"]] == [
        ["train_images/F0001_AGE_D_30_c1.jpg", "train_images/F0002_AGE_D_30_d1.jpg"],
        ["train_images/<img src=x>&.jpg", "val_images/F0801_AGE_D_30_h1.jpg"],
    ]
    assert found["leaks"][0]["same_content"] == 1
    assert found["impossible"] == [
        {
            "image_path": "val_images/F0801_AGE_D_30_h1.jpg",
            "class": "h",
            "collected_age": 30,
            "years_short": 37,
        }
    ]
    assert [row["image_path"] for row in found["quarantine"]] == [
        "val_images/F0801_AGE_D_30_d1.jpg"
    ]


def test_fix_writes_a_set_that_audits_clean(root, tmp_path, capsys):
    out = tmp_path / "fixed"
    status, text, _ = run(capsys, root, "--out", tmp_path / "page.html", "--fix", out)
    assert status == 0
    assert text.splitlines()[-1].endswith(f": {out}")
    found = tmp_path / "found.json"
    status, _, _ = run(capsys, out, "--out", tmp_path / "page.html", "--json", found)
    again = json.loads(found.read_text(encoding="utf-8"))
    assert status == 0
    assert again["groups"] == again["quarantine"] == again["persons"] == []
    assert [sum(row[kind] for kind in LEAK_KINDS) for row in again["leaks"]] == [0]


def test_drawn_faces_are_audited_by_their_name(tmp_path, capsys, monkeypatch):
    faces = FaceSet(families=3, val_families=1, test_families=0, size=16)
    monkeypatch.setattr("agecls.faces.face_set.DEFAULT", faces)
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, "synthetic", "--json", "found.json")
    assert (status, err) == (0, "")
    assert "(family csv)" in out.splitlines()[0]
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert sorted(found["images"]) == ["train", "val"]
    assert found["groups"] == found["quarantine"] == []


def test_bad_input_is_one_line_and_status_2(root, tmp_path, capsys):
    page = tmp_path / "page.html"
    for arguments, message in [
        ([tmp_path / "nowhere"], "does not exist"),
        ([root, "--fix", tmp_path], "not an empty folder"),
        ([root, "--fix", root / "fixed"], "inside"),
    ]:
        status, out, err = run(capsys, *arguments, "--out", page)
        assert (status, out) == (2, "")
        assert err.startswith("agecls.audit: ")
        assert message in err
        assert err.count("\n") == 1
    assert not page.exists()


def test_wrong_usage_is_one_line_and_status_2(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["set", "--what"])
    assert capsys.readouterr().err.count("\n") == 1


def test_a_page_that_cannot_be_written_is_status_1(root, tmp_path, capsys):
    (tmp_path / "file").touch()
    status, _, err = run(capsys, root, "--out", tmp_path / "file" / "page.html")
    assert status == 1
    assert err.count("\n") == 1


def test_an_interrupt_is_status_130_and_leaves_no_half_set(root, tmp_path, capsys, monkeypatch):
    def interrupted(*arguments):
        monkeypatch.setattr("agecls.audit.fix._write_csv", interrupt)
        write_fix(*arguments)

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("agecls.audit.fix.write_fix", interrupted)
    out = tmp_path / "fixed"
    status, _, err = run(capsys, root, "--out", tmp_path / "page.html", "--fix", out)
    assert status == 130
    assert err == "agecls.audit: interrupted; what was written by then is whole\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "set"]


def test_help_and_version_answer_without_pandas():
    code = (
        "import sys\n"
        "from agecls.audit.__main__ import main\n"
        "try:\n    main([sys.argv[1]])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "assert not {'pandas', 'numpy', 'scipy', 'torch', 'rich'} & set(sys.modules)\n"
    )
    for flag, word in (("--help", "--show-faces"), ("--version", "agecls ")):
        command = [sys.executable, "-c", code, flag]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert word in done.stdout


def test_an_ascii_terminal_gets_escapes_instead_of_a_crash(root, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "agecls.audit", root, "--out", tmp_path / "page.html"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert r"16 \xd7 16 pixels" in done.stdout


def test_a_terminal_gets_colour(root, tmp_path):
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "agecls.audit", root, "--out", tmp_path / "page.html"],
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"},
    )
    os.close(slave)
    text = b""
    try:
        while chunk := os.read(master, 4096):
            text += chunk
    except OSError:  # Linux says so that the other end is closed
        pass
    os.close(master)
    assert process.wait(60) == 0
    assert b"\x1b[31m! Identical files" in text


def test_pictures_of_nobody_are_audited_without_a_word_of_persons(tmp_path, capsys):
    draw_zoo(tmp_path / "zoo", n=4)
    page = tmp_path / "page.html"
    status, out, _ = run(capsys, tmp_path / "zoo", "--classes", "folders", "--out", page)
    assert status == 0
    assert "  cat               " in out
    words = re.sub(r"<style.*?</style>|<[^>]+>", " ", page.read_text(), flags=re.DOTALL)
    unfit = r"\b(?:ages?|years?|faces?|persons?|famil(?:y|ies))\b"
    assert re.findall(unfit, out + words, flags=re.IGNORECASE) == []
