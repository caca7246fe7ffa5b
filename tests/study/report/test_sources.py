from dataclasses import replace
from pathlib import Path

from study.asked.plans import PretrainPlan
from study.folder.tables import StudyTables
from study.report.sources import again, pretrained_start, provenance_rows
from tests.study.report.simulated import LR_ONLY, a_study


def test_provenance_names_command_versions_machine_commit_and_seed(tables: StudyTables) -> None:
    rows = dict(provenance_rows(tables, None))
    assert rows["Command"] == "python -m study.run demo --trials 48"
    assert rows["Versions"] == "python 3.11.9, torch 2.14.1"
    assert rows["Machine"] == "system Linux-6.1, cpu a CPU, cores 2"
    assert rows["Commit"] == "0123456789abcdef0123456789abcdef01234567"
    assert rows["Seed"].startswith("0 ")
    assert rows["Ended"] == "2026-01-02T03:09:05+00:00"


def test_what_another_tool_did_not_record_is_left_out(tables: StudyTables) -> None:
    rows = dict(provenance_rows(replace(tables, provenance=None), None))
    assert list(rows) == ["Seed", "Pretrained arms start from", "Data", "Folder"]


def test_what_pretrained_arms_start_from_is_said_in_words() -> None:
    drawn = a_study(pretrain=PretrainPlan(data="synthetic-source", epochs=1))
    assert pretrained_start(drawn) == (
        "backbones trained first on drawn faces (synthetic-source), 1 epoch"
    )
    named = a_study(weights="torchvision:IMAGENET1K_V1")
    assert pretrained_start(named) == "torchvision:IMAGENET1K_V1"
    assert pretrained_start(a_study(LR_ONLY, claims=())) == ""


def test_the_study_can_be_made_again_from_its_commit_and_file(tables: StudyTables) -> None:
    known = {"git_commit": "abc-dirty"}
    assert again(replace(tables, folder=Path("out/my study"), provenance=known)) == (
        "git checkout abc\n"
        "python -m study.run 'out/my study/study.toml' --name 'my study-again'\n"
        "python -m study.report 'my study-again'"
    )
    assert "git" not in again(replace(tables, provenance=None))


def test_claims_that_changed_after_the_search_began_are_shown(tables: StudyTables) -> None:
    assert "Claims have changed" not in dict(provenance_rows(tables, None))
    claim = replace(tables.study.claims[0], least=0.1)
    changed = replace(tables, study=replace(tables.study, claims=(claim,)))
    assert changed.provenance is not None
    shown = dict(provenance_rows(changed, None))["Claims have changed"]
    assert shown.startswith(f"their hash was {changed.provenance['claims_hash']} before the")
