"""Reports of a study of a function whose trainings are one score each."""

import re

import pytest

from study.report.programs.answer import answer_json
from study.report.summary import write_summary
from tests.study.measured import FOLDED, SHARE, write
from tests.study.report.programs.test_answer import read
from tests.study.report.written import write_report


def words_of(page):
    text = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page.read_text(), flags=re.S)
    return re.sub(r"\s+", " ", text)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return write(tmp_path_factory.mktemp("out") / "mine")


def test_fresh_seeds_are_told_in_the_metric_s_own_unit_less_being_better(home):
    text = write_summary(home.path).read_text()
    assert re.search(
        r"deep reaches 0\.7\d\d\u202fnats \[.*\] loss on fresh seeds \(4 seeds\)", text
    )
    assert "the lowest of 2 arms. Next is wide; the difference is -0.2" in text
    assert re.search(r"Deep beats wide by 0\.2\d\d\u202fnats .*\(4 fresh seeds each\)", text)
    assert not re.search(r"\bpoints?\b|accuracy|images|cluster|hardly", text)


def test_the_page_says_what_its_intervals_do_not_cover_and_draws_no_image_figure(home):
    text = words_of(write_report(home.path))
    assert "Intervals are over seeds alone: what another training or test set" in text
    assert "How much of the result is the seed?" in text
    assert "Does a verdict hang on one training?" in text
    assert "95 % intervals over seeds alone (4 seeds)" in text
    for what in ("each class named", "other metrics", "hardly learned, and how", "faces"):
        assert what not in text


def test_folds_are_allowed_for_and_failed_trainings_counted(tmp_path):
    home = write(tmp_path / "mine", FOLDED, failed=2)
    text = words_of(write_report(home.path))
    assert "Intervals are over seeds and 5 folds" in text
    assert "Nadeau and Bengio (2003)" in text
    assert "2 of 40 trainings failed or diverged" in text
    assert "how often trainings end with a score" in text
    assert (
        "2 trainings of 40 on fresh seeds failed or diverged: wide with seed 0 on fold 0" in text
    )


def test_a_share_is_told_in_points_and_per_cent(tmp_path):
    text = write_summary(write(tmp_path / "mine", SHARE).path).read_text()
    assert re.search(r"Deep beats wide by \d\d\.\d\d points", text)
    assert re.search(r"reaches 7\d\.\d\d\u202f% \[.*\] accuracy on fresh seeds", text)


def test_one_seed_has_a_score_and_no_interval(tmp_path):
    home = write(tmp_path / "mine", seeds=1)
    text = write_summary(home.path).read_text()
    assert "| deep | 0.7" in text
    assert "one seed tells nothing of what another would do" in text
    assert not re.search(r"\bnan\b", words_of(write_report(home.path)))


def test_programs_get_scores_without_images_in_the_metric_s_own_unit(home):
    found = read(answer_json(home.path))
    (deep,) = [arm for arm in found["arms"] if arm["arm"] == "deep"]
    assert deep["confirmed"]["n"] == {"seeds": 4, "images": None, "clusters": None}
    assert found["best"]["arm"] == "deep"
    claim = found["claims"][0]
    # nobody knows what a function scores itself on: no split of ours
    assert (deep["confirmed"]["split"], claim["split"]) == (None, None)
    assert (claim["verdict"], claim["unit"], claim["stage"]) == ("supported", "metric", "confirm")
