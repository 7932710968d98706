"""Tables in text and Parquet files, and errors in them."""

import numpy as np
import pandas as pd
import pytest

from xmodal_sklearn.datasets._study import Report
from xmodal_sklearn.datasets._tables import read_table

EXP = pd.DataFrame({"ESR1": [2.5, -1.0, 1.5], "HLA-A": [1.0, 0.0, 2.0]}, index=["01", "2", "P 4"])


def test_sample_names_that_look_like_numbers_stay_names(tmp_path):
    EXP.to_csv(tmp_path / "exp.csv")
    assert list(read_table(tmp_path / "exp.csv").index) == ["01", "2", "P 4"]


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv.xz", ".txt"])
def test_the_file_name_determines_format_and_compression(tmp_path, suffix):
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
        ("sample,A\n\udcff1,1\n", "UTF-8"),
    ],
)
def test_a_malformed_table_raises_by_name(tmp_path, text, message):
    (tmp_path / "exp.csv").write_text(text, encoding="UTF-8", errors="surrogateescape")
    with pytest.raises(ValueError, match=f"(?s)exp.csv.*({message})"):
        read_table(tmp_path / "exp.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sample,A,B\nP1,1,2\nP2,3\n", "a row has 2 fields, but the header has 3 .line 3"),
        ("sample,A,B\n\nP1,1,2\n\nP2,3,4,5\n", "a row has 4 fields.*line 5"),
        ('sample,A,B\n"P\n1",1,2\n', "sample name .* contains an end of line .line 2"),
        ('"sample\nname",A\nP1,1\nP2,x\n', "column 'A' is not numeric: sample 'P2'.*line 4"),
        ('sample,A\nP1,1\n"P2,2\n', "a row has 1 fields.*line 3"),
        ('sample,A\nP1,1\nP2,"2\n', "a quote opens that is never closed .line 3"),
        ('sample,A\n""\nP1,1\n', "it has lines with only quotes and blanks"),
        ("sample,A\nP1,1\nP2,2\nP1 ,3\n", r"'P1' occurs more than once, in lines \[2, 4\]. Merge"),
        ("sample,A,A\nP1,1,2\n", r"in columns \[2, 3\] \(line 1\)\. Merge or rename"),
        ("sample,A\nP1,1\nP2,\udcff\n", r"byte 0xff is not UTF-8 \(line 3\)"),
        ("Expression,,\nsample,A,B\nP1,1,2\n", "names only 0 of 3 columns.*merged cells"),
        (",,Expression,\nsample,age,A,B\nP1,1,2,3\n", "names only 1 of 4 columns"),
        ("Table S1\nsample,A\nP1,1\n", r"header has only one column.*\(line 1\).*no title above"),
        ("sample,A\nP1,1-Mar\nP2,2-Mar\n", "column 'A'.*'1-Mar', into which spreadsheets.*line 2"),
        (
            "sample,born\nP1,2024-03-01\nP2,x\n",
            "'2024-03-01', into which spreadsheets turn.*line 2",
        ),
        ("sample,A\nP1,######\nP2,x\n", "'######', into which spreadsheets turn.*line 2"),
        ("sample,A\nP1,1\u202f234\nP2,2 000\n", "line 2.*decimal point and without other marks"),
        ("sample,A\nP1,1_0\nP2,2_0\n", "line 2.*without other marks"),
        ("sample,A\nP1,\uff11\nP2,\u0663\n", "line 2.*without other marks"),
        ("sample,A\nP1,\u22121.5\nP2,\u22122\n", "line 2.*without other marks"),
        ("sample,A,\nP1,1,\nP2,2,x\n", "column 3 has values.*line 3.*Name it"),
        ("sample,A\nP1,1\nP2,1e999\n", "column 'A' holds infinity.*'P2'.*line 3"),
        (f"sample,A\nP1,1\nP2,{'9' * 400}\n", "column 'A' holds infinity.*'P2'.*line 3"),
        ("sample,\nP1,\n", "names only 0 of 2 columns"),
    ],
)
def test_an_error_names_line_and_remedy(tmp_path, text, message):
    (tmp_path / "exp.csv").write_text(text, encoding="UTF-8", errors="surrogateescape")
    with pytest.raises(ValueError, match=f"(?s)exp.csv: .*{message}"):
        read_table(tmp_path / "exp.csv")


def test_columns_named_by_dates_are_reported(tmp_path):
    (tmp_path / "exp.csv").write_text("sample,1-Mar,ESR1,Sep-02\nP1,1,2,3\n")
    report = Report()
    assert list(read_table(tmp_path / "exp.csv", report=report)) == ["1-Mar", "ESR1", "Sep-02"]
    reported = {what: count for _, what, count in report.rows if "date" in what}
    assert reported == {
        "columns named by a date, into which spreadsheets turn genes like MARCH1": 2
    }


@pytest.mark.parametrize("error", ["#DIV/0!", "#REF!", "#VALUE!", "#NAME?"])
def test_errors_of_spreadsheets_are_missing_and_reported(tmp_path, error):
    (tmp_path / "exp.csv").write_text(f"sample,A,stage\nP1,{error},II\nP2,2,{error}\n")
    report = Report()
    read = read_table(tmp_path / "exp.csv", report=report)
    assert read.isna().to_numpy().tolist() == [[True, False], [False, True]]
    assert ("exp.csv", f"values {error!r} read as missing", 2) in report.rows


def test_several_trailing_separators_add_no_feature(tmp_path):
    (tmp_path / "exp.csv").write_text("sample,A,B,,\nP1,1,2,,\nP2,3,4,,\n")
    report = Report()
    assert list(read_table(tmp_path / "exp.csv", report=report)) == ["A", "B"]
    assert ("exp.csv", "unnamed columns without values, left out", 2) in report.rows


def test_invisible_spaces_around_numbers_are_ignored(tmp_path):
    text = "sample,A,B\nP1,1.5\u200b,\ufeff2\nP2,\xa03,4\u200b\n"
    (tmp_path / "exp.csv").write_text(text, encoding="UTF-8")
    assert read_table(tmp_path / "exp.csv").to_numpy().tolist() == [[1.5, 2], [3, 4]]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (EXP[:0], "has no sample"),
        (EXP[[]], "has no column of values"),
        (pd.DataFrame({"A": []}), "neither an index.*Save it with the names as index"),
        (EXP.set_axis(["a", "a", "b"]), "samples must be unique, but 'a'"),
        (EXP.set_axis(["a", "", "b"]), "data row 2 has no name"),
        (EXP.set_index("HLA-A", append=True), "several levels"),
    ],
)
def test_a_parquet_file_without_samples_or_values_raises(tmp_path, table, message):
    pytest.importorskip("pyarrow", reason="needs the extra parquet")
    table.to_parquet(tmp_path / "exp.parquet")
    with pytest.raises(ValueError, match=f"exp.parquet: .*{message}"):
        read_table(tmp_path / "exp.parquet")


def test_checksums_of_parquet_pages_are_verified(tmp_path):
    pytest.importorskip("pyarrow", reason="needs the extra parquet")
    path, table = (
        tmp_path / "exp.parquet",
        pd.DataFrame({"A": [1.5] * 50}, list(map(str, range(50)))),
    )
    table.to_parquet(path, write_page_checksum=True, use_dictionary=False, compression="none")
    content = path.read_bytes()
    start = content.index(np.float64([1.5, 1.5]).tobytes())
    path.write_bytes(content[:start] + b"\1" + content[start + 1 :])
    with pytest.raises(
        ValueError, match=r"exp.parquet as table; it may be damaged: .*Download or save"
    ):
        read_table(path)


def test_a_file_of_unknown_format_raises(tmp_path):
    (tmp_path / "README").touch()
    with pytest.raises(ValueError, match=r"format of .*README"):
        read_table(tmp_path / "README")


def test_a_missing_file_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*nowhere\.csv"):
        read_table(tmp_path / "nowhere.csv")
