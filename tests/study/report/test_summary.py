import json
import re
from dataclasses import replace
from pathlib import Path

from study.folder.tables import StudyTables
from study.report.head.digest import digest_of
from study.report.head.earlier import VAL_CLASSES
from study.report.summary import plain, summary, table, write_summary
from tests.study.report.simulated import provenance


def test_the_summary_has_question_answer_tables_caveats_and_provenance(
    confirmed_tables: StudyTables,
) -> None:
    text = summary(digest_of(confirmed_tables), notes=("8 trials collapsed.",))
    assert text.startswith(
        "## Does a loaded backbone or a tweaked structure help on drawn faces?\n\n- ✓ Pretrained "
        "beats scratch by "
    )
    assert "(confirm stage)" in text
    assert "| Transfer learning beats training from scratch | +" in text
    assert "| ✓ supported |" in text
    assert re.search(r"\| org-scratch \| \d\d\.\d.% \[\d\d\.\d, \d\d\.\d\], 5 seeds \|", text)
    assert "- 8 trials collapsed." in text
    # every estimate says what it rests on
    assert re.search(
        r"points \(5 fresh seeds each, test split\) \| .* points \(at least \d+ full-", text
    )
    assert "pretrained: backbones trained first on drawn faces" in text
    assert "- n of the confirmed values: test: 600 images in 100 clusters; val: " in text
    assert "`python -m study.run demo --trials 48` · commit 0123456789 · torch 2.14.1" in text
    assert "Earlier" not in text


def test_an_unfinished_study_says_so(tables: StudyTables) -> None:
    running = replace(tables, provenance=provenance(finished=False))
    assert "**This study is unfinished; all of this may change.**" in summary(digest_of(running))


def test_the_earlier_study_s_figures_stand_beside_arms_on_its_faces(
    confirmed_tables: StudyTables,
) -> None:
    known = json.loads(json.dumps(confirmed_tables.provenance))
    known["data"]["summary"]["classes"]["val"] = dict(VAL_CLASSES)
    text = summary(digest_of(replace(confirmed_tables, provenance=known)))
    assert "| 26.0\u202f% (ORG) |" in text
    assert "one seed, no interval" in text


def test_texts_cannot_become_markup() -> None:
    assert plain("a | *b*\n`c` <img>") == r"a \| \*b\* \`c\` \<img\>"
    assert plain("[click](javascript:x)") == r"[click]\(javascript:x)"
    assert plain("9.1 [7.0, 11.2] (5 seeds)") == "9.1 [7.0, 11.2] (5 seeds)"
    assert table(("A", "B"), [("x|y", "z")]) == "| A | B |\n| --- | --- |\n| x\\|y | z |"


def test_the_file_is_written_beside_the_tables(folder: Path) -> None:
    path = write_summary(folder)
    assert path == folder / "report.md"
    assert path.read_text().startswith("## Does a loaded backbone")
