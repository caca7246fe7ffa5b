import sys
from pathlib import Path

import plotly.graph_objects as go
import pytest

from study.report.images import ImagesError, standalone, write_images
from study.report.panel import Placed


def a_panel() -> Placed:
    figure = go.Figure(layout={"height": 300})
    for arm in ("org", "org", "bcd"):
        figure.add_scatter(x=[1], y=[2], name=arm, meta={"arm": arm})
    figure.add_scatter(x=[1], y=[3], name="all")
    return Placed(id="x", title="Is <b>it</b> so?", reading="", figure=figure)


def test_a_figure_of_its_own_has_its_question_and_each_arm_named_once() -> None:
    figure = standalone(a_panel())
    assert figure.layout.title.text == "Is &lt;b&gt;it&lt;/b&gt; so?"
    assert [trace.showlegend for trace in figure.data] == [True, False, True, False]
    assert figure.layout.showlegend
    assert figure.layout.height > 300


def test_without_kaleido_one_line_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kaleido", None)
    with pytest.raises(ImagesError, match=r"pip install 'agecls-study\[images\]'") as error:
        write_images(folder, "svg")
    assert "\n" not in str(error.value)
    assert not (folder / "figures").exists()


def test_a_missing_browser_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kaleido = pytest.importorskip("kaleido")

    def refuse(**_: object) -> None:
        raise RuntimeError("no Chrome here")

    monkeypatch.setattr(kaleido, "start_sync_server", refuse)
    with pytest.raises(ImagesError, match="no Chrome here; kaleido needs Chrome or Chromium"):
        write_images(folder, "png")


@pytest.mark.slow
def test_every_figure_becomes_an_svg(folder: Path) -> None:
    pytest.importorskip("kaleido")
    path = write_images(folder, "svg")
    drawn = {file.stem: file.read_text() for file in path.glob("*.svg")}
    assert {"lr", "curves", "parallel", "importance"} <= set(drawn)
    assert all(text.startswith("<svg") and "</svg>" in text for text in drawn.values())
