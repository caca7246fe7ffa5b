import json
import re

import pytest

from study.asked.factors import Factor
from study.folder.tables import StudyTables
from study.report.look import DARK, INK, MUTED, RULE, SHADE, SURFACE, arm_marks
from study.report.trials.curves import curves_panel
from study.report.trials.learning_rate import learning_rate_panel
from study.report.trials.parallel import parallel_panel
from tests.study.report.simulated import MAJORITY, a_study


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_text_and_arms_stand_out_from_their_surface_in_light_and_dark() -> None:
    for light, dark in DARK.items():
        least = {SURFACE: 1.0, RULE: 1.0, SHADE: 3.0, INK: 4.5, MUTED: 4.5}.get(light, 4.5)
        assert contrast(light, SURFACE) >= least, light
        assert contrast(dark, DARK[SURFACE]) >= least, dark


def test_the_first_56_arms_look_different() -> None:
    levels = tuple(f"v{i}" for i in range(56))
    marks = arm_marks(a_study((Factor(name="variant", role="arm", levels=levels),)))
    assert list(marks) == list(levels)
    assert len(set(marks.values())) == 56


def test_figures_use_no_colour_without_a_dark_partner(tables: StudyTables) -> None:
    for panel in (
        learning_rate_panel(tables, majority=MAJORITY),
        curves_panel(tables, majority=MAJORITY),
        parallel_panel(tables),
    ):
        assert panel.figure is not None
        found = set(re.findall(r'"(#[0-9a-f]{6}|#[0-9a-f]{3})"', panel.figure.to_json(), re.I))
        assert INK in found
        assert found <= set(DARK)
        assert not json.loads(panel.figure.to_json())["layout"].get("showlegend")
