from study.asked.claims.difference import DifferenceClaim
from study.measure import ACCURACY
from study.report.settle.looks import Course, looks_figure

CLAIM = DifferenceClaim(
    name="better", text="One beats the other", factor="variant", better="bcd", worse="org",
    least=0.5,
)  # fmt: skip


def look(n_trainings):
    return {
        "blocks": 1, "estimate": 1.0, "adjusted_low": -2.0, "adjusted_high": 4.0,
        "verdict": "unresolved", "n_trainings": n_trainings,
    }  # fmt: skip


def test_one_training_is_told_in_the_singular():
    looks = (look(1), look(16))
    figure = looks_figure([Course(claim=CLAIM, looks=looks, verdict="unresolved")], ACCURACY)
    told = [trace.hovertemplate for trace in figure.data if trace.hovertemplate]
    assert [text.split("; ")[1].split("<")[0] for text in told] == ["1 training", "16 trainings"]
