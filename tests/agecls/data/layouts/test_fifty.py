import re
from pathlib import Path

import pytest

from agecls.classes import EIGHT
from agecls.data.packing import open_pack
from agecls.data.records import read_records
from agecls.errors import DataLayoutError
from tests.agecls.data.layouts.fifty import FIFTY, Layout, table

PAGE = Path(__file__).parents[4] / "docs" / "layouts.md"


def test_they_are_fifty_and_ten_of_them_were_found_by_reading():
    assert len(FIFTY) == len({layout.name for layout in FIFTY}) == 50
    assert sum(layout.is_found for layout in FIFTY) >= 10


def test_the_page_has_the_table_of_the_fifty():
    assert table() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("layout", FIFTY, ids=lambda layout: layout.name)
def test_a_layout_is_read_rightly_or_refused_in_one_line(layout: Layout, tmp_path: Path) -> None:
    root = layout.draw(tmp_path / "root")
    if layout.layout is None:
        words = ".*".join(re.escape(part) for part in layout.refused)
        with pytest.raises(DataLayoutError, match=words) as refusal:
            open_pack(read_records(root), 8)
        assert "\n" not in str(refusal.value)
        return
    records = read_records(root)
    pack = open_pack(records, 8)
    letters: dict[str, str] = {}
    for split, label in zip(pack.frame["split"], pack.frame["label"], strict=True):
        letters[split or "all"] = letters.get(split or "all", "") + EIGHT.names[label]
    assert records.layout == layout.layout
    assert {split: "".join(sorted(found)) for split, found in letters.items()} == layout.classes
    assert pack.frame["person_id"].nunique() == layout.persons
    n_bad = int(pack.quarantine["is_bad"].sum())
    assert (n_bad, len(pack.quarantine) - n_bad) == (layout.bad, layout.aside)
    assert list(records.notes) == list(layout.notes)
