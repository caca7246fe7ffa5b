from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agecls.files import write_whole
from study.asked.factors import Factor, Range
from study.errors import StudyError, TablesError
from study.folder.columns import SCHEMAS, Kind, columns_of, factor_type
from study.folder.parquet import SCHEMA_VERSION, read_table, write_table
from study.folder.tables import configurations, read_study

FACTORS = (
    Factor(name="init", role="arm", levels=("scratch", "pretrained")),
    Factor(name="optimizer", role="tuned", levels=("sgd", "adamw")),
    Factor(name="lr", role="tuned", ranges=(Range(low=1e-4, high=0.1),), log=True),
    Factor(name="batch_size", role="tuned", levels=(32, 64)),
    Factor(name="zero_gamma", role="tuned", levels=(False, True), when={"init": "scratch"}),
    Factor(name="label_smoothing", role="fixed", levels=(0.0,)),
)

STUDY_TOML = """
[study]
metric = "val_accuracy"
trials = 4
epochs = 2
seed = 0
[data]
path = "synthetic"
size = 32
[factors.init]
role = "arm"
levels = ["scratch", "pretrained"]
[factors.optimizer]
role = "tuned"
levels = ["sgd", "adamw"]
[factors.lr]
role = "tuned"
log = true
low = 1e-4
high = 0.1
[factors.batch_size]
role = "tuned"
levels = [32, 64]
[factors.zero_gamma]
role = "tuned"
levels = [false, true]
when = { init = "scratch" }
[factors.label_smoothing]
role = "fixed"
value = 0.0
[pretrain]
data = "synthetic"
epochs = 1
"""


def two_trials() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "trial_id": ["t0", "t1"],
            "number": [0, 1],
            "arm": ["scratch", "pretrained"],
            "status": ["completed", "failed"],
            "collapsed": [True, None],
            "config/init": ["scratch", "pretrained"],
            "config/optimizer": ["sgd", "adamw"],
            "config/lr": [0.1, 1e-3],
            "config/batch_size": [32, 64],
            "config/zero_gamma": [True, None],
            "config/label_smoothing": [0.0, 0.0],
            "epochs_run": [2, np.nan],
            "val_accuracy": [0.25, np.nan],
            "error": [None, "loss is NaN"],
            "started_at": [datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), None],
        }
    )


def two_epochs() -> pd.DataFrame:
    return pd.DataFrame({"trial_id": ["t0", "t0"], "epoch": [1, 2], "val_accuracy": [0.2, 0.25]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A results folder as another tool might write it: three files, no metadata."""
    (tmp_path / "study.toml").write_text(STUDY_TOML)
    trials = two_trials()
    pq.write_table(pa.Table.from_pandas(trials), tmp_path / "trials.parquet")
    pq.write_table(pa.Table.from_pandas(two_epochs()), tmp_path / "epochs.parquet")
    return tmp_path


def rewrite(folder: Path, trials: pd.DataFrame) -> None:
    pq.write_table(pa.Table.from_pandas(trials), folder / "trials.parquet")


def test_the_columns_of_trials_are_those_of_the_contract_in_order() -> None:
    assert " ".join(c.name for c in columns_of("trials", FACTORS[:1])) == (
        "trial_id number arm origin status collapsed seed config/init epochs_planned epochs_run "
        "val_accuracy best_val_accuracy best_epoch val_loss val_qwk val_mae error started_at "
        "ended_at train_seconds images_per_second node device peak_memory_mib number_format fold "
        "learned kernels"
    )
    assert " ".join(c.name for c in SCHEMAS["epochs"]) == (
        "trial_id epoch learning_rate train_loss train_accuracy val_loss val_accuracy "
        "val_accuracy_1off val_qwk val_mae val_macro_f1 val_ece seconds val_accuracy_top5"
    )


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        (
            "predictions",
            "model split image cluster true predicted p_a p_b p_c p_d p_e p_f p_g p_h",
        ),
        ("claims", "claim text estimate low high verdict stage n_trials n_seeds"),
        ("importance", "factor share low high verdict"),
        ("interactions", "factor_a factor_b share low high verdict"),
        ("marginals", "factor level estimate low high n_trials extrapolated"),
    ],
)
def test_the_contract_s_columns_come_first_and_others_after_them(kind: Kind, columns: str) -> None:
    wanted = columns.split()
    assert [c.name for c in columns_of(kind)][: len(wanted)] == wanted


def test_a_factor_s_column_has_the_type_that_holds_all_its_levels() -> None:
    def level_type(*levels: str | int | float | bool) -> pa.DataType:
        return factor_type(Factor(name="x", role="tuned", levels=levels))

    batch_size = Factor(name="batch_size", role="tuned", ranges=(Range(low=16, high=128),))
    assert factor_type(FACTORS[2]) == pa.float64()
    assert factor_type(batch_size) == pa.int64()  # a recipe takes no 32.0 there
    assert level_type(False, True) == pa.bool_()
    assert level_type(32, 64) == pa.int64()
    assert level_type(0, 0.5) == pa.float64()
    assert level_type("sgd", "adamw") == pa.string()
    assert level_type(64, "auto") == pa.string()


def test_a_table_comes_back_with_its_values_types_and_nulls(tmp_path: Path) -> None:
    path = tmp_path / "trials.parquet"
    write_table(path, two_trials(), "trials", study_name="demo", factors=FACTORS)
    back = read_table(path, "trials", factors=FACTORS)
    assert list(back.columns) == [c.name for c in columns_of("trials", FACTORS)]
    assert back["config/batch_size"].tolist() == [32, 64]
    assert back["config/batch_size"].dtype == pd.Int64Dtype()
    assert back["config/zero_gamma"].tolist() == [True, pd.NA]
    assert back["collapsed"].dtype == pd.BooleanDtype()
    assert back["val_accuracy"].iloc[0] == 0.25
    assert np.isnan(back["val_accuracy"].iloc[1])
    assert back["epochs_run"].tolist() == [2, pd.NA]
    assert back["started_at"].iloc[0] == pd.Timestamp("2026-01-02T03:04:05Z")
    assert back["origin"].isna().all()
    assert configurations(back)[1] == {
        "init": "pretrained",
        "optimizer": "adamw",
        "lr": 1e-3,
        "batch_size": 64,
        "label_smoothing": 0.0,
    }


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(max_size=8).filter(lambda text: text.isprintable()),
            st.one_of(st.none(), st.floats(0, 1)),
            st.one_of(st.none(), st.booleans()),
            st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
        ),
        max_size=6,
        unique_by=lambda row: row[0],
    )
)
def test_any_rows_survive_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, float | None, bool | None, int | None]],
) -> None:
    path = tmp_path_factory.mktemp("round") / "trials.parquet"
    columns = {"trial_id": "str", "status": "str", "val_accuracy": "float64"}
    frame = pd.DataFrame(
        {
            "trial_id": [r[0] for r in rows],
            "status": ["completed"] * len(rows),
            "val_accuracy": pd.Series([r[1] for r in rows], dtype="float64"),
            "collapsed": pd.Series([r[2] for r in rows], dtype="boolean"),
            "seed": pd.Series([r[3] for r in rows], dtype="Int64"),
        }
    )
    write_table(path, frame, "trials", study_name="x")
    back = read_table(path, "trials")
    pd.testing.assert_frame_equal(
        back[frame.columns].astype(columns), frame.astype(columns), check_index_type=False
    )


def test_the_file_states_its_schema_study_and_kind(tmp_path: Path) -> None:
    path = tmp_path / "trials.parquet"
    write_table(path, two_trials(), "trials", study_name="démo")
    metadata = pq.read_schema(path).metadata
    assert metadata[b"schema_version"] == str(SCHEMA_VERSION).encode()
    assert metadata[b"study"].decode() == "démo"
    assert metadata[b"kind"] == b"trials"


def test_no_trials_at_all_is_a_table_too(tmp_path: Path) -> None:
    path = tmp_path / "trials.parquet"
    write_table(path, pd.DataFrame(), "trials", study_name="x", factors=FACTORS)
    back = read_table(path, "trials", factors=FACTORS)
    assert len(back) == 0
    assert back["config/lr"].dtype == np.float64


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    write_whole(path, b"old")

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_writing_refuses_a_column_that_the_schema_does_not_have(tmp_path: Path) -> None:
    frame = two_trials().rename(columns={"val_accuracy": "val_acc"})
    with pytest.raises(TablesError, match="column `val_acc` is not one of trials: trial_id"):
        write_table(tmp_path / "t.parquet", frame, "trials", study_name="x")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("status", ["completed", "pruned"], r"row 2: column `status` holds 'pruned'; expected on"),
        ("status", ["completed", None], r"row 2: column `status` holds nothing"),
        ("val_accuracy", [0.2, 51.3], r"row 2: column `val_accuracy` holds 51.3; expected a frac"),
        ("val_accuracy", ["20 %", "x"], r"column `val_accuracy` is (large_)?string; expected dou"),
        ("val_accuracy", [True, False], r"column `val_accuracy` is bool; expected double"),
        ("epochs_run", [1.5, 2], r"column `epochs_run` is not int64: .*1.5"),
        ("collapsed", [0, 1], r"column `collapsed` is int64; expected bool"),
        ("started_at", ["noon", None], r"column `started_at` is not timestamp"),
        ("trial_id", ["t0", "t0"], r"row 2: column `trial_id` holds 't0'; expected each trial_id"),
        ("config/lr", ["high", "low"], r"column `config/lr` is (large_)?string; expected double"),
    ],
)
def test_a_wrong_value_is_refused_alike_by_writer_and_reader(
    tmp_path: Path, column: str, values: list[object], message: str
) -> None:
    frame = two_trials()
    frame[column] = values
    path = tmp_path / "trials.parquet"
    with pytest.raises(TablesError, match=message):
        write_table(path, frame, "trials", study_name="x", factors=FACTORS)
    assert not path.exists()
    pq.write_table(pa.Table.from_pandas(frame), path)
    with pytest.raises(TablesError, match=message):
        read_table(path, "trials", factors=FACTORS)


def test_an_epoch_zero_and_an_epoch_told_twice_are_refused(tmp_path: Path) -> None:
    epochs = two_epochs()
    with pytest.raises(TablesError, match=r"row 1: column `epoch` holds 0; .*counted from 1"):
        write_table(tmp_path / "e", epochs.assign(epoch=[0, 1]), "epochs", study_name="x")
    with pytest.raises(TablesError, match=r"row 2: .*expected each trial_id and epoch once"):
        write_table(tmp_path / "e", epochs.assign(epoch=[1, 1]), "epochs", study_name="x")


def test_mixed_values_in_one_column_are_refused(tmp_path: Path) -> None:
    frame = two_trials()
    frame["error"] = pd.Series(["text", 5], dtype=object)
    with pytest.raises(TablesError, match="column `error` mixes types"):
        write_table(tmp_path / "t.parquet", frame, "trials", study_name="x")


def test_a_missing_file_a_cut_file_and_a_foreign_file_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "trials.parquet"
    with pytest.raises(TablesError, match=r"trials.parquet: no such file"):
        read_table(path, "trials")
    write_table(path, two_trials(), "trials", study_name="x")
    whole = path.read_bytes()
    for content in (whole[:200], b"", b"PAR1 and then nothing of use PAR1", whole[40:]):
        path.write_bytes(content)
        with pytest.raises(TablesError, match=r"trials.parquet: not a whole parquet file"):
            read_table(path, "trials")
    path.write_bytes(whole)
    with pytest.raises(TablesError, match="holds the table 'trials'; expected 'epochs'"):
        read_table(path, "epochs")


@settings(max_examples=200, deadline=None)
@given(at=st.floats(0, 1), byte=st.integers(0, 255))
@example(at=0.6053561497764243, byte=0)  # read as an empty table before tables had a checksum
def test_a_damaged_byte_never_changes_a_value_in_silence(
    tmp_path_factory: pytest.TempPathFactory, at: float, byte: int
) -> None:
    path = tmp_path_factory.mktemp("damage") / "epochs.parquet"
    write_table(path, two_epochs(), "epochs", study_name="x")
    content = bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] = byte
    path.write_bytes(content)
    try:
        frame = read_table(path, "epochs")
    except TablesError as error:
        assert str(path) in str(error)  # noqa: PT017 - most damaged bytes must not raise at all
    else:
        assert frame["trial_id"].tolist() == ["t0", "t0"]
        assert frame["epoch"].tolist() == [1, 2]
        assert frame["val_accuracy"].tolist() == [0.2, 0.25]


def test_no_damaged_byte_of_a_file_is_read_as_other_values(tmp_path: Path) -> None:
    path = tmp_path / "epochs.parquet"
    write_table(path, two_epochs(), "epochs", study_name="x")
    expected, whole = read_table(path, "epochs"), path.read_bytes()
    n_refused = 0
    for at in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        try:
            frame = read_table(path, "epochs")
        except TablesError:
            n_refused += 1
        else:
            pd.testing.assert_frame_equal(frame, expected)
    assert n_refused > 500


def test_a_table_that_reads_as_empty_or_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "epochs.parquet"
    write_table(path, two_epochs(), "epochs", study_name="x")
    whole = pq.read_table(path)
    changed = whole.set_column(
        whole.column_names.index("val_accuracy"), "val_accuracy", pa.array([0.2, 0.9])
    )
    for other in (whole.slice(0, 0), whole.slice(0, 1), whole.take([1, 0]), changed):
        pq.write_table(other.replace_schema_metadata(whole.schema.metadata), path)
        with pytest.raises(TablesError, match=r"epochs\.parquet: damaged, or changed after"):
            read_table(path, "epochs")


def test_the_same_values_in_another_encoding_are_the_same_table(tmp_path: Path) -> None:
    path = tmp_path / "epochs.parquet"
    write_table(path, two_epochs(), "epochs", study_name="x")
    expected = read_table(path, "epochs")
    whole = pq.read_table(path)
    pq.write_table(whole, path, row_group_size=1, compression="zstd", use_dictionary=False)
    pd.testing.assert_frame_equal(read_table(path, "epochs"), expected)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (b"2", r"newer agecls-study \(schema 2; this one reads up to 1\); update"),
        (b"one", "schema version 'one' is not a whole number"),
    ],
)
def test_a_newer_or_senseless_schema_is_refused(
    tmp_path: Path, version: bytes, message: str
) -> None:
    path = tmp_path / "epochs.parquet"
    table = pa.Table.from_pandas(two_epochs()).replace_schema_metadata({"schema_version": version})
    pq.write_table(table, path)
    with pytest.raises(TablesError, match=message):
        read_table(path, "epochs")


def test_an_older_schema_reads(tmp_path: Path) -> None:
    path = tmp_path / "epochs.parquet"
    table = pa.Table.from_pandas(two_epochs()).replace_schema_metadata({"schema_version": b"0"})
    pq.write_table(table, path)
    assert read_table(path, "epochs")["epoch"].tolist() == [1, 2]


def test_foreign_types_that_mean_the_same_are_converted(tmp_path: Path) -> None:
    path = tmp_path / "trials.parquet"
    table = pa.table(
        {
            "trial_id": pa.array(["a", "b"], pa.large_string()),
            "status": pa.array(["completed", "stopped"]).dictionary_encode(),
            "val_accuracy": pa.array([0.5, None], pa.float32()),
            "epochs_run": pa.array([3.0, float("nan")]),
            "started_at": pa.array(["2026-01-02T03:04:05Z", None]),
            "ended_at": pa.array([datetime(2026, 1, 2), None], pa.timestamp("ns")),
            "config/batch_size": pa.array([32, 64], pa.int16()),
            "mine": pa.array([1, 2], pa.int8()),
        }
    )
    pq.write_table(table, path)
    back = read_table(path, "trials")
    assert back["status"].tolist() == ["completed", "stopped"]
    assert back["epochs_run"].tolist() == [3, pd.NA]
    assert back["val_accuracy"].dtype == np.float64
    assert back["started_at"].iloc[0] == pd.Timestamp("2026-01-02T03:04:05Z")
    assert back["ended_at"].iloc[0] == pd.Timestamp("2026-01-02T00:00:00Z")
    assert back["mine"].tolist() == [1, 2]


def test_a_needed_column_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "trials.parquet"
    pq.write_table(pa.Table.from_pandas(two_trials().drop(columns="config/lr")), path)
    with pytest.raises(TablesError, match="column `config/lr` is missing; trials needs it"):
        read_table(path, "trials", factors=FACTORS)
    assert "config/lr" not in read_table(path, "trials").columns


def test_a_folder_that_looks_like_a_partition_adds_no_column(tmp_path: Path) -> None:
    inner = tmp_path / "lr=0.1"
    inner.mkdir()
    write_table(inner / "epochs.parquet", two_epochs(), "epochs", study_name="x")
    assert "lr" not in read_table(inner / "epochs.parquet", "epochs").columns


def test_a_study_of_three_files_reads_and_what_it_implies_is_filled_in(folder: Path) -> None:
    trials = two_trials().drop(columns=["arm", "number", "config/label_smoothing"])
    rewrite(folder, trials)
    tables = read_study(folder)
    assert tables.trials["arm"].tolist() == ["scratch", "pretrained"]
    assert tables.trials["number"].tolist() == [0, 1]
    assert tables.trials["config/label_smoothing"].tolist() == [0.0, 0.0]
    assert tables.epochs["val_accuracy"].tolist() == [0.2, 0.25]
    assert tables.provenance is None
    assert tables.claims is None


def test_optional_tables_and_provenance_are_read_where_they_exist(folder: Path) -> None:
    claims = pd.DataFrame({"claim": ["c"], "estimate": [1.5], "verdict": ["unresolved"]})
    write_table(folder / "claims.parquet", claims, "claims", study_name="x")
    (folder / "study.json").write_text('{"machine": "한"}', encoding="utf-8")
    tables = read_study(folder)
    assert tables.claims is not None
    assert tables.claims["estimate"].tolist() == [1.5]
    assert tables.provenance == {"machine": "한"}


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("arm", ["scratch", "scratch"], r"row 2: column `arm` holds 'scratch'; expected the arm"),
        ("config/init", ["scratch", None], r"row 2: column `config/init` holds nothing"),
        ("config/optimizer", ["sgd", "lion"], r"row 2: column `config/optimizer` holds 'lion'; .*"
         r"study.toml: sgd, adamw"),
        ("config/lr", [0.1, 0.0], r"row 2: column `config/lr` holds 0.0; .* above 0"),
        ("config/lr", [0.1, np.inf], r"row 2: column `config/lr` holds inf; expected a finite"),
        ("val_accuracy", [None, None], "column `val_accuracy`, the study's metric, has no value"),
    ],
)  # fmt: skip
def test_trials_that_do_not_fit_the_study_are_refused(
    folder: Path, column: str, values: list[object], message: str
) -> None:
    trials = two_trials()
    trials[column] = values
    rewrite(folder, trials)
    with pytest.raises(TablesError, match=message):
        read_study(folder)


def test_what_is_missing_from_a_folder_is_named(folder: Path) -> None:
    (folder / "epochs.parquet").unlink()
    with pytest.raises(TablesError, match=r"epochs.parquet is missing; a study's folder holds"):
        read_study(folder)
    with pytest.raises(TablesError, match="nowhere: no such folder"):
        read_study(folder / "nowhere")


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[1]"])
def test_a_damaged_provenance_is_refused(folder: Path, content: bytes) -> None:
    (folder / "study.json").write_bytes(content)
    with pytest.raises(StudyError, match=r"study.json: (not valid JSON|holds a list)"):
        read_study(folder)


def test_a_table_of_predictions_has_the_columns_of_its_classes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"model": "m", "split": "val", "image": "x.jpg", "true": ["cat", "dog"]})
    frame = frame.assign(predicted="dog", p_cat=0.4, p_dog=0.6)
    write_table(tmp_path / "p.parquet", frame, "predictions", study_name="x")
    back = read_table(tmp_path / "p.parquet", "predictions")
    assert [c for c in back.columns if c.startswith("p_")] == ["p_cat", "p_dog"]
    with pytest.raises(TablesError, match="`predicted` holds 'emu'; expected one of cat, dog"):
        write_table(tmp_path / "q", frame.assign(predicted="emu"), "predictions", study_name="x")
