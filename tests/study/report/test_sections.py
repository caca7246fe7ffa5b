from study.analysis import Analysis, predicted_of
from study.folder.tables import StudyTables
from study.report.confirm.values import confirmed_values
from study.report.sections import sections_data


def test_sections_without_figures_are_left_out(tables: StudyTables) -> None:
    assert [section.id for section in sections_data(tables, analysis=None)] == ["figures"]


def test_fresh_seeds_come_before_everything_of_the_search(
    tables: StudyTables, confirmed_tables: StudyTables, analysis: Analysis
) -> None:
    searched = [section.id for section in sections_data(tables, analysis=analysis)]
    assert searched[0] == "factors"
    found = sections_data(
        confirmed_tables,
        analysis=analysis,
        confirmed=confirmed_values(confirmed_tables),
        predicted=predicted_of(confirmed_tables),
    )
    assert [section.id for section in found] == ["confirm", *searched]
    ids = [panel.id for section in found for panel in section.panels]
    assert len(ids) == len(set(ids))
