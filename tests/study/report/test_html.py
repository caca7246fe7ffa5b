import json
import re

import plotly.graph_objects as go

from study.report.html import embedded, render_page
from study.report.panel import Placed

EVIL = "</script><!--<b>&"


def test_embedded_json_cannot_end_its_element_and_reads_back_the_same() -> None:
    text = embedded(json.dumps({"x": EVIL}))
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"x": EVIL}


def test_a_page_carries_each_figure_once_and_escapes_its_words() -> None:
    figure = go.Figure(layout={"height": 200, "title": EVIL})
    panel = Placed(id="one", title=EVIL, reading="r", note="n = 1", alt="alt", figure=figure)

    class Nothing:
        together, lead, caveats, moves, claims, changes, facts = "", "", (), (), (), {}, ()

    page = render_page(
        "comparison.html.jinja", [panel], comparison=Nothing, names=["a", "b"], panels=[panel],
        stages={},
    )  # fmt: skip
    assert page.count('id="one-json"') == 1
    assert EVIL not in re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    assert "plotly.js v" in page
