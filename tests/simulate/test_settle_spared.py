import pytest

from tests.simulate.settle import SETTINGS
from tests.simulate.settle_spared import WAYS, Look, looks_of, spent

LOOKS = [
    Look(trainings=16, settled=0, spoken=1.0, best=0.5),
    Look(trainings=16, settled=2, spoken=0.5, best=0.07),
    Look(trainings=48, settled=3, spoken=0.0, best=0.0),
    Look(trainings=16, settled=3, spoken=0.0, best=0.0),
]


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("now", (80.0, 3)),  # all is settled after the third look
        ("rows", (56.0, 3)),  # half of the rows from the second look to the third
        ("stop below 0.05", (80.0, 3)),
        ("stop below 0.10", (32.0, 2)),
        ("stop below 0.20", (32.0, 2)),
    ],
)
def test_what_each_way_spends_and_settles(way, expected):
    assert spent(LOOKS, WAYS[way]) == expected


def test_a_study_is_looked_at_to_its_end_and_chances_are_chances():
    looks = looks_of(1, SETTINGS["usual"])
    assert sum(look.trainings for look in looks) == 96
    assert all(0 <= look.best <= 1 for look in looks)
    assert looks[0].best > 0.01
