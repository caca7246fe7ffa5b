"""Does a ConvNeXt beat a ResNet: nets of timm beside ours in a study, from question to answer."""

import pandas as pd
import pytest

from agecls.faces.face_set import FaceSet, draw_face_set
from agecls.predict import main
from study.asked.study_file import dump_study, load_study
from study.errors import StudyFileError
from tests.small_studies import study_toml
from tests.study import tiny

pytest.importorskip("timm")

SMALL = """
[factors.batch_size]
role = "fixed"
value = 16
"""
DEPTH = """
[factors.depth]
role = "fixed"
value = 18
when = { variant = "org" }
"""
CLAIM = """
[claims.convnext_wins]
text = "A ConvNeXt beats a ResNet"
factor = "variant"
better = "timm:convnext_atto"
worse = "timm:resnet18"
least = 1.0
"""


def study_text(variants, *, data="synthetic", size=32, more=DEPTH, trials=3):
    text = study_toml(
        trials=trials, lengths=(1,), data=data, size=size, design_share=1.0, fixed=SMALL + more
    )
    spelled = ", ".join(f'"{v}"' for v in variants)
    assert 'levels = ["org", "bcd"]' in text
    return text.replace('levels = ["org", "bcd"]', f"levels = [{spelled}]") + CLAIM


THREE = ("org", "timm:resnet18", "timm:convnext_atto")


def loaded(folder, *args, **kwargs):
    path = folder / "nets.toml"
    path.write_text(study_text(*args, **kwargs))
    return load_study(path)


@pytest.mark.ray
def test_a_study_of_our_net_and_two_of_timm_runs_from_question_to_answer(tmp_path):
    faces = tmp_path / "faces"
    draw_face_set(faces, FaceSet(families=4, val_families=2, test_families=0, size=32))
    path = tmp_path / "nets.toml"
    path.write_text(study_text(THREE, data=faces))
    done = tiny.run(tmp_path, path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "results" / "nets"
    trials = pd.read_parquet(folder / "trials.parquet").set_index("config/variant")
    assert set(trials.index) == set(THREE)
    assert set(trials["status"]) == {"completed"}
    claims = pd.read_parquet(folder / "claims.parquet").set_index("claim")
    assert claims.loc["convnext_wins", "verdict"] in ("supported", "refuted", "unresolved")
    page = (folder / "report.html").read_text()
    assert "timm:convnext_atto" in page
    assert "depth" in page

    model = next(p for p in sorted((folder / "models").iterdir()) if "convnext" in p.name)
    pictures = next(p.parent for p in sorted(faces.rglob("*.jpg")))
    out = tmp_path / "predicted.csv"
    assert main([str(model), str(pictures), "--out", str(out)]) == 0
    shares = pd.read_csv(out).filter(regex="^p_[a-h]$")
    assert len(shares) > 0
    assert shares.sum(axis=1).between(0.999, 1.001).all()


def test_what_means_nothing_to_nets_of_timm_exists_only_for_ours(tmp_path):
    study = loaded(tmp_path, THREE)
    assert study.structures == [("org", 18), *((variant, 50) for variant in THREE[1:])]
    exists = {f.name: dict(f.when) for f in study.factors if f.when}
    assert exists == {
        "depth": {"variant": "org"},
        "init_scheme": {"variant": "org"},
        "zero_gamma": {"init": "scratch", "variant": "org"},
    }


def test_a_fixed_factor_may_name_several_nets_and_is_written_so(tmp_path):
    several = DEPTH.replace('"org"', '["org", "bcd"]')
    study = loaded(tmp_path, ("bcd", *THREE), more=several, trials=4)
    assert study.factor("depth").when == {"variant": ("org", "bcd")}
    (tmp_path / "again.toml").write_text(dump_study(study))
    assert load_study(tmp_path / "again.toml").factors == study.factors


def test_a_study_of_timms_nets_alone_has_no_factor_that_means_nothing(tmp_path):
    study = loaded(tmp_path, THREE[1:], more="")
    assert not {"depth", "init_scheme", "zero_gamma"} & {f.name for f in study.factors}


@pytest.mark.parametrize(
    ("variants", "more", "expected"),
    [
        (
            THREE,
            DEPTH.replace('when = { variant = "org" }', ""),
            'means nothing to timm:resnet18; add variant = "org" to its `when`',
        ),
        (
            ("bcd", *THREE),
            DEPTH.replace('when = { variant = "org" }', ""),
            'add variant = ["bcd", "org"] to its `when`',
        ),
        (THREE[1:], DEPTH.replace('when = { variant = "org" }', ""), "drop the factor"),
        (
            ("bcd", *THREE),
            '[factors.zero_gamma]\nrole = "tuned"\nlevels = [false, true]\n',
            r'fix it and add variant = ["bcd", "org"] to its `when`, or drop nets',
        ),
        (
            ("bcd", *THREE),
            '[factors.ema]\nrole = "tuned"\nlevels = [0.0, 0.9]\n'
            'when = { variant = ["bcd", "org"] }\n',
            "name one level, since the factor varies",
        ),
        (("org", "timm:"), "", "bcd_seed, timm:NAME"),
    ],
)
def test_a_factor_that_means_nothing_to_a_net_is_refused_with_what_to_write(
    tmp_path, variants, more, expected
):
    with pytest.raises(StudyFileError) as caught:
        loaded(tmp_path, variants, more=more, trials=8)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("timm:convnext_ato", "did you mean timm:convnext_atto?"),
    ],
)
def test_a_net_that_cannot_be_had_is_one_line_before_anything_is_written(tmp_path, name, expected):
    faces = tmp_path / "faces"
    draw_face_set(faces, FaceSet(families=4, val_families=2, test_families=0, size=32))
    path = tmp_path / "nets.toml"
    text = study_text(("org", name), data=faces, more=DEPTH)
    path.write_text(text.partition("[claims")[0])
    done = tiny.run(tmp_path, path)
    assert done.returncode == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert not (tmp_path / "results").exists()
