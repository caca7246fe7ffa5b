import re

import pytest

from study.report.summary import write_summary
from tests.study.imported import TOML, tables, write
from tests.study.report.written import write_report


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    trials, epochs = tables()
    return write(tmp_path_factory.mktemp("out") / "theirs", trials, epochs)


def test_the_summary_says_less_is_better_in_the_metric_s_own_unit(home):
    text = write_summary(home.path).read_text()
    assert "beats ORG by 0.099" in text
    assert "lowest final val loss of a completed trial is 1.9" in text
    assert "\u202fnats" in text
    assert "Trials drawn at random and run to their end would tell them." in text
    assert "2 claims about a search that was over, which is no test: 2 supported" in text
    assert not re.search(r"\bpoints?\b|design\\?_share|accuracy", text)


def test_the_page_tells_nothing_of_faces_weights_or_training(home):
    page = write_report(home.path).read_text()
    words = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page, flags=re.S)
    assert "imported search" in words
    assert "a search by hand" in words
    told = ("pretrained", "agecls.audit", "study.run", "accuracy", "points", "declared before")
    for word in ("faces", *told):
        assert word not in words, word


def test_the_best_trial_stands_first_in_the_table(home):
    trials, _ = tables()
    page = write_report(home.path).read_text()
    first = re.search(r'<tbody>\s*<tr>\s*<th scope="row" class="number">(\d+)</th>', page)
    assert int(first[1]) == trials["val_loss"].idxmin()


def test_a_search_without_curves_is_reported(tmp_path):
    trials, epochs = tables()
    trials[["epochs_run", "epochs_planned"]] = 1
    home = write(tmp_path / "bare", trials, epochs.iloc[:0], TOML)
    assert "No epoch has been measured yet." in write_report(home.path).read_text()
