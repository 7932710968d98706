"""Tables in text and Parquet files, and which are refused."""

import pandas as pd
import pytest

from xmodal_sklearn.datasets._tables import read_table

EXP = pd.DataFrame({"ESR1": [2.5, -1.0, 1.5], "HLA-A": [1.0, 0.0, 2.0]}, index=["01", "2", "P 4"])


def test_sample_names_that_look_like_numbers_stay_names(tmp_path):
    EXP.to_csv(tmp_path / "exp.csv")
    assert list(read_table(tmp_path / "exp.csv").index) == ["01", "2", "P 4"]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv.xz", ".txt"])
def test_the_file_name_tells_format_and_compression(tmp_path, suffix):
    EXP.to_csv(tmp_path / f"exp{suffix}", sep="," if "csv" in suffix else "\t")
    read = read_table(tmp_path / f"exp{suffix}")
    pd.testing.assert_frame_equal(read, EXP, check_index_type=False)


@pytest.mark.parametrize("named_index", [True, False])
def test_parquet_is_read(tmp_path, named_index):
    pytest.importorskip("pyarrow", reason="needs the extra parquet")
    table = EXP if named_index else EXP.rename_axis("sample").reset_index()
    table.to_parquet(tmp_path / "exp.parquet")
    pd.testing.assert_frame_equal(
        read_table(tmp_path / "exp.parquet"), EXP, check_names=False, check_index_type=False
    )


def test_values_can_be_read_as_they_are_written(tmp_path):
    (tmp_path / "classes.csv").write_text("sample,grade\n01,1\n2,\n")
    grades = read_table(tmp_path / "classes.csv", dtype=str)["grade"]
    assert grades.dropna().to_dict() == {"01": "1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "No columns to parse|empty"),
        ("sample;ESR1;TP53\na;1;2\n", "only one column.*separated by ','"),
        ("sample,ESR1,ESR1\n01,1,2\n", "'ESR1' .*more than once"),
        ("sample,ESR1\n01,1,2\n2,1,2\n", "line 2.*col.names=NA"),
        ("sample,ESR1\n01,1\n2,1,2\n", "line 3"),
        ("sample,ESR1\n01,1\n,2\n", "data row 2 has no name"),
        ("sample,A\n\udcff1,1\n", "utf-8"),
    ],
)
def test_a_malformed_table_is_refused_by_name(tmp_path, text, message):
    (tmp_path / "exp.csv").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ValueError, match=f"(?s)exp.csv.*({message})"):
        read_table(tmp_path / "exp.csv")


def test_a_file_of_unknown_format_is_refused(tmp_path):
    (tmp_path / "README").touch()
    with pytest.raises(ValueError, match=r"format of .*README"):
        read_table(tmp_path / "README")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*nowhere\.csv"):
        read_table(tmp_path / "nowhere.csv")
