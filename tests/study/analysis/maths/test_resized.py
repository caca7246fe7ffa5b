import numpy as np
import pytest

from study.analysis import Analysis
from study.analysis.maths.basis import build_basis
from study.analysis.maths.effects import Surface
from study.analysis.maths.resized import Resized, varied
from study.analysis.search.answers import _fit
from study.analysis.search.imputation import Imputed


@pytest.fixture(scope="module")
def surface(planted: Analysis) -> Surface:
    frames = planted.frames
    n = len(frames.trials)
    nothing = Imputed(rows=np.zeros(n, dtype=bool), draws=np.empty((0, 1)))
    return _fit(frames, build_basis(frames.box), nothing, np.random.default_rng(0))


def test_the_whole_range_has_the_variance_of_the_main_effect_and_its_pairs(surface: Surface):
    axis = surface.basis.box.index("lr")
    terms = [t for t in surface.basis.terms if axis in t.axes]
    whole = np.median(sum(surface.variance(t) for t in terms))
    assert varied(surface, axis, 0.0, 1.0) == pytest.approx(whole, rel=0.02)


def test_a_straight_effect_halves_and_doubles_with_its_range(surface: Surface):
    # planted: 6 points over the range, variance 3 and a third of one in the pair with init
    frame = Resized()(surface, 0.8).set_index("part")
    assert set(frame["factor"]) == {"lr"}
    assert frame["effect"].to_dict() == pytest.approx(
        {"as it is": 6.0, "its middle half": 3.0, "twice as wide": 12.0}, rel=0.25
    )
    assert (frame["low"] < [6, 3, 12]).all()
    assert (frame["high"] > [6, 3, 12]).all()
    axis = surface.basis.box.index("lr")
    assert varied(surface, axis, 0.25, 0.75) == pytest.approx((3 + 1 / 3) / 4, rel=0.25)


def test_contrasts_are_narrower_in_a_narrower_box_by_what_the_rate_no_longer_adds(
    surface: Surface,
):
    half = Resized()(surface, 0.8).set_index("part")["half_width"]
    noise = surface.fitted.sigma**2
    expected = 0.8 * np.sqrt((noise + (3 + 1 / 3) / 4) / (noise + 3 + 1 / 3))
    assert half["as it is"] == pytest.approx(0.8)
    assert half["its middle half"] == pytest.approx(expected, rel=0.1)
    assert half["twice as wide"] > 0.8


def test_what_lies_beyond_the_box_is_called_an_extrapolation(surface: Surface):
    advice = Resized()(surface, 0.8).set_index("part")["advice"]
    assert advice["twice as wide"].startswith("extrapolated beyond every trial")
    assert "±0.8 points" in advice["as it is"]
    assert "at best" in advice["its middle half"]
    assert not Resized()(surface, np.nan)["advice"].str.contains("contrast").any()


def test_the_plan_of_a_study_says_what_another_box_would_do(planted: Analysis):
    boxes = planted.power[planted.power["kind"] == "box"]
    assert boxes["name"].tolist() == [
        "of lr, as it is",
        "of lr, its middle half",
        "of lr, twice as wide",
    ]
    widths = planted.contrasts[planted.contrasts["kind"] == "average"]
    today = (widths["high"] - widths["low"]).median() / 2
    assert boxes["half_width"].iloc[0] == pytest.approx(today)
