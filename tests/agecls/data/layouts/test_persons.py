import pytest

from agecls.data.layouts.persons import fill_persons_from_names
from agecls.data.rows import make_rows


def rows_of(paths, years=None):
    years = [None] * len(paths) if years is None else years
    return make_rows(paths, where=paths, years=years)


@pytest.mark.parametrize(
    ("names", "persons"),
    [
        (["15/111/638660-0.jpg", "16/111/638660-1.jpg", "15/112/7-0.jpg", "15/112/8-0.jpg"],
         ["638660", "638660", "7", "8"]),
        (["001A02.JPG", "001A28b.JPG", "002A15.JPG", "003A15.JPG"], ["001", "001", "002", "003"]),
        (["009055_1M54.JPG", "009055_2M55.JPG", "01_0F20.JPG", "02_0F20.JPG"],
         ["009055", "009055", "01", "02"]),
        (["0_Maria_Callas_35_f.jpg", "1_GlennClose_40_f.jpg"], ["Maria_Callas", "GlennClose"]),
        (["53_Robin_Williams_0001.jpg", "14_Aaron_Johnson_0001.jpg"],
         ["Robin_Williams", "Aaron_Johnson"]),
        (["00/nm0000100_rm1_1955-1-6_2003.jpg/1,5,11,15", "01/nm01_rm2_1955-1-6_2003.jpg/1,2,9,9"],
         ["nm0000100", "nm01"]),
        (["a/subject_1/x.jpg", "d/Subject 2/x.jpg"], ["subject_1", "Subject 2"]),
    ],
)  # fmt: skip
def test_names_of_known_forms_tell_persons(names, persons):
    rows = rows_of(names)
    assert "persons are told by names" in fill_persons_from_names(rows)
    assert rows["person_id"].tolist() == persons


@pytest.mark.parametrize(
    ("names", "years"),
    [
        (["25/25-1.jpg", "26/26-1.jpg", "25/25-2.jpg", "26/26-2.jpg"], [25, 26, 25, 26]),
        (["1-1.jpg", "1-2.jpg", "1-3.jpg", "2-1.jpg"], None),
        (["7-1.jpg", "7-2.jpg"], None),
        (["1-1.jpg", "2-1.jpg", "holiday.jpg"], None),
        (["00000A02.jpg", "07380A40.jpg"], None),
    ],
)
def test_an_age_one_large_part_and_odd_names_are_no_persons(names, years):
    rows = rows_of(names, years)
    assert fill_persons_from_names(rows) is None
    assert rows["person_id"].isna().all()
