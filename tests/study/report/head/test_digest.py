from dataclasses import replace

from study.folder.tables import StudyTables
from study.report.head.digest import digest_of


def test_a_digest_names_the_study_s_folder_and_question(tables: StudyTables) -> None:
    digest = digest_of(tables)
    assert (digest.name, len(digest.arms), len(digest.claims)) == ("demo", 4, 1)
    assert digest.confirmed is None
    silent = replace(tables, study=replace(tables.study, question=""))
    assert digest_of(silent).question == "Study demo"
