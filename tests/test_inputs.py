"""Tables and classes as they come: names, headers, separators and missing values of many kinds."""

import csv
import gzip
import lzma
import os
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xmodal_sklearn._inputs import read_cohort, read_tables
from xmodal_sklearn.datasets._tables import read_table

FUZZ_INPUTS = int(os.environ.get("XMODAL_FUZZ_INPUTS", "200"))
NAMES = ["P1", "P2", "P3", "P4"]
TCGA = [f"TCGA-AA-000{number}" for number in range(1, 5)]


def table(names, columns=("ESR1", "GATA3")):
    rows = [",".join(["sample", *columns])]
    rows += [
        ",".join([name, *(f"{row}.{column}" for column in range(len(columns)))])
        for row, name in enumerate(names)
    ]
    return "\n".join(rows) + "\n"


def classes(names, labels="xxyy"):
    return "sample,class\n" + "".join(f"{n},{c}\n" for n, c in zip(names, labels, strict=False))


@pytest.fixture
def read(tmp_path):
    def read_files(exp, labels, cna=None, **options):
        (tmp_path / "exp.csv").write_text(exp, encoding="utf-8")
        (tmp_path / "classes.csv").write_text(labels, encoding="utf-8")
        tables = [f"exp={tmp_path / 'exp.csv'}"]
        if cna is not None:
            (tmp_path / "cna.csv").write_text(cna, encoding="utf-8")
            tables.append(f"cna={tmp_path / 'cna.csv'}")
        return read_cohort(tables=tables, target_file=tmp_path / "classes.csv", **options)

    return read_files


def reported(cohort, text):
    rows = cohort.report.itertuples(index=False, name=None)
    return sum(count for _, what, count in rows if text in what)


SPELLINGS = {
    "P1 ": "blanks", "\xa0P1": "blanks", "p1": "spelt otherwise", "P1\u200b": "blanks",
    "\uff301": "spelt otherwise",
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_names_spelt_otherwise_meet_and_are_counted(read, spelling):
    cohort = read(table([spelling, *NAMES[1:]]), classes(NAMES))
    assert cohort.data.index.tolist() == NAMES
    assert reported(cohort, SPELLINGS[spelling]) == 1


@pytest.mark.parametrize(("ours", "theirs"), [("M.1", "M-1"), ("M 1", "M_1"), ("M\u20131", "M-1")])
def test_names_with_other_separators_meet(read, ours, theirs):
    assert read(table([ours, "B"]), classes([theirs, "B"], "xy")).data.index[0] == theirs


def test_look_alike_names_show_in_the_error(read):
    with pytest.raises(ValueError, match=r"'\\u04201'.*P1"):
        read(table(["\u04201", "\u04202"]), classes(NAMES))


def test_an_ambiguous_name_is_refused_with_both_sides(read):
    with pytest.raises(ValueError, match=r"'P.1' may mean several.*P-1, P_1"):
        read(table(["P.1", "P2"]), classes(["P-1", "P_1", "P2"]))


@pytest.mark.parametrize("name", ["NA", "null", "None", "nan", "-"])
def test_a_sample_may_be_called_like_a_missing_value(read, name):
    cohort = read(table([name, *NAMES[1:]]), classes([name, *NAMES[1:]]))
    assert cohort.data.index.tolist() == [name, *NAMES[1:]]


@pytest.mark.parametrize("label", ["NA", "[Not Available]", "unknown", "", "--"])
def test_an_unknown_class_is_none_and_said(read, label):
    cohort = read(table(NAMES), classes(NAMES, ["x", "None", label, "x"]))
    assert cohort.target.to_dict() == {"P1": "x", "P2": "None", "P4": "x"}
    assert reported(cohort, "class unknown") == 1
    assert reported(cohort, f"{label!r} taken for unknown") == bool(label)


LEVELS = ["{}", "{}-01", "{}-01A", "{}-01A-11R-A10Y-07", "{}-01A-21D-A10Y-09"]


@pytest.mark.parametrize("of_table", LEVELS)
@pytest.mark.parametrize("of_classes", LEVELS)
@pytest.mark.parametrize("mark", ["-", "."])
def test_barcodes_meet_at_the_coarsest_level(read, of_table, of_classes, mark):
    names = [of_table.format(name).replace("-", mark) for name in TCGA]
    cohort = read(table(names), classes(list(map(of_classes.format, TCGA))))
    assert len(cohort.data) == 4
    assert cohort.target.tolist() == list("xxyy")
    coarsest = min(of_table, of_classes, key=len)
    if mark == "-" and coarsest in LEVELS[:3]:
        assert cohort.data.index.tolist() == [coarsest.format(name) for name in TCGA]


@pytest.mark.parametrize("normal", ["-11A", "-10", "-12"])
def test_a_normal_sample_never_stands_for_a_patient(read, normal):
    names = [TCGA[0] + normal, TCGA[0] + "-06", TCGA[0] + "-01", *(f"{n}-01" for n in TCGA[1:])]
    cohort = read(table(names), classes(TCGA))
    assert cohort.data.loc[TCGA[0], "exp__ESR1"] == 2.0
    assert reported(cohort, "normal") == 1
    assert reported(cohort, "further samples") == 1


def test_a_patient_of_two_classes_is_refused(read):
    labels = classes([f"{TCGA[0]}-01", f"{TCGA[0]}-06", f"{TCGA[1]}-01"], "xyx")
    with pytest.raises(ValueError, match=rf"'{TCGA[0]}' has the classes \['x', 'y'\]"):
        read(table(TCGA), labels)


def test_new_samples_meet_or_are_refused(tmp_path):
    (tmp_path / "exp.csv").write_text(table([f"{name}-01A-11R" for name in TCGA]))
    (tmp_path / "cna.csv").write_text(table([f"{name}-01" for name in TCGA]))
    (tmp_path / "mut.csv").write_text(table(NAMES))
    paths = [f"{name}={tmp_path / name}.csv" for name in ("exp", "cna", "mut")]
    report = []
    read = read_tables(paths[:2], report)
    assert read["exp"].index.equals(read["cna"].index)
    assert sum(count for *_, count in report) == 4
    with pytest.raises(ValueError, match=r"'mut' \(P1.*TCGA-AA-0001"):
        read_tables(paths, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("P1,1,2\nP2,2,1\n", "header looks like a sample"),
        ("TCGA-AA-0001,0.5\nTCGA-AA-0002,2\n", "header looks like a sample"),
        ("alice,-1,0\nbob,2,1\neve11,2,1\n", "header looks like a sample"),
        ("a,LumA\nb,LumA\nc,Basal\n", "'LumA' is also a value of it .line 2.*header"),
        ("sample,A,B\nP1,1,2\nsample,A,B\nP2,1,2\n", "'A' is also a value.*line 3.*repeated"),
        ("sample\tA\tB\nP1\t1\t2\n", r"tabs \('\\t'\)"),
        ("sample|A|B\nP1|1|2\n", "bars"),
        ("sample;A;B\nP1;1;2\n", "semicolons"),
        ('sample,A\nP1,"1,5"\nP2,"2,5"\n', "'A'.*sample 'P1' has '1,5', a decimal comma"),
        ('sample,A\nP1,"1,234.5"\nP2,"2,000.0"\n', "'A'.*'1,234.5'. Save numbers with"),
        ("sample,A\nP1,50%\nP2,20 %\n", "'A'.*sample 'P1' has '50%'"),
        ("sample,A\nP1,1.5\nP2,<0.1\n", "'A'.*sample 'P2' has '<0.1'"),
        ("sample,A\nunit,mg\nP2,1\n", "'A'.*sample 'unit' has 'mg'"),
        ("sample,A\n", "has no sample"),
        ("sample,A\nP1,1\n ,2\n", "data row 2 has no name"),
    ],
)
def test_a_table_that_would_be_misread_is_refused(tmp_path, text, message):
    (tmp_path / "exp.csv").write_text(text)
    with pytest.raises(ValueError, match=f"(?s)exp.csv.*{message}"):
        read_table(tmp_path / "exp.csv")


@pytest.mark.parametrize("header", ["sample,7157,1956", ",0.5,1.5", "id,301.22,302.5", "x,A1,B2"])
def test_a_header_of_numbers_is_one(tmp_path, header):
    (tmp_path / "exp.csv").write_text(f"{header}\nP1,1,2\nP2,2,1\n")
    assert list(read_table(tmp_path / "exp.csv").index) == ["P1", "P2"]


@pytest.mark.parametrize("value", ["-", "[Not Available]", "NA", "null", "n/a", "?"])
def test_a_placeholder_in_a_column_of_numbers_is_missing_and_said(tmp_path, value):
    (tmp_path / "exp.csv").write_text(f"sample,A\nP1,{value}\nP2,2\n")
    report = []
    read = read_table(tmp_path / "exp.csv", report=report)["A"]
    np.testing.assert_array_equal(read.to_numpy(float), [np.nan, 2])
    assert sum(count for _, what, count in report if "missing" in what) == 1


def test_words_stay_words(tmp_path):
    (tmp_path / "clinical.csv").write_text("sample,stage\nP1,II\nP2, None\nP3,NA\n")
    stage = read_table(tmp_path / "clinical.csv")["stage"]
    assert stage.dropna().to_dict() == {"P1": "II", "P2": "None"}


def test_flags_with_gaps_are_numbers(tmp_path):
    (tmp_path / "mut.csv").write_text("sample,TP53\nP1,TRUE\nP2,FALSE\nP3,NA\n")
    flags = read_table(tmp_path / "mut.csv")["TP53"]
    np.testing.assert_array_equal(flags.to_numpy(), [1, 0, np.nan])


def test_separators_at_the_ends_of_lines_make_no_feature(tmp_path):
    (tmp_path / "exp.csv").write_text("sample,A,\nP1,1,\nP2,2,\n")
    report = []
    assert list(read_table(tmp_path / "exp.csv", report=report)) == ["A"]
    assert ("exp.csv", "unnamed columns without values, left out", 1) in report
    (tmp_path / "exp.csv").write_text("sample,A,\nP1,1,3\nP2,2,\n")
    with pytest.raises(ValueError, match="column 3 has values, but no name"):
        read_table(tmp_path / "exp.csv")


SOME = st.lists(st.sampled_from(NAMES + TCGA[:0]), min_size=1, unique=True)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(SOME, SOME, SOME, st.sampled_from(["inner", "outer"]), st.sampled_from(["x", "NA"]))
def test_every_sample_is_read_or_reported(read, exp, cna, labelled, join, last):
    labels = ["x"] * (len(labelled) - 1) + [last]
    try:
        cohort = read(table(exp), classes(labelled, labels), table(cna), join=join)
    except ValueError as error:
        assert "No sample" in str(error) or "no sample" in str(error)
        return
    lost = cohort.report.loc[cohort.report["where"] == "samples", "count"].sum()
    assert len(cohort.data) + lost == len({*exp, *cna, *labelled})


TEXT = table([f"P{n}" for n in range(200)]).encode()
FORMATS = {".csv.gz": gzip.compress(TEXT, mtime=0), ".csv.xz": lzma.compress(TEXT), ".csv": TEXT}


def damaged(content, data):
    position = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "insert"]))
    if kind == "cut":
        return content[:position]
    if kind == "insert":
        return (
            content[:position] + data.draw(st.binary(min_size=1, max_size=4)) + content[position:]
        )
    flipped = content[position] ^ data.draw(st.integers(1, 255))
    return content[:position] + bytes([flipped]) + content[position + 1 :]


TOKENS = [
    b",", b";", b"\t", b'"', b"\n", b"\r", b"\r\n", b"\xc2\xa0", b"\xff", b"\0", b"NA", b" ",
    b"1,5", b"\xef\xbb\xbf", b"1-Mar", b"1e999", b"#", b"\xe2\x80\x8b", b"-", b"P1", b"TRUE",
]  # fmt: skip


def misspelt(content, data):
    """Change a table as programs and people do."""
    kind = data.draw(st.sampled_from(["token", "cut out", "separator", "line ends", "encoding"]))
    position = data.draw(st.integers(0, len(content)))
    if kind == "token":
        return content[:position] + data.draw(st.sampled_from(TOKENS)) + content[position:]
    if kind == "cut out":
        return content[:position] + content[position + data.draw(st.integers(1, 6)) :]
    if kind == "separator":
        return content.replace(b",", data.draw(st.sampled_from([b";", b"\t", b"|", b", "])))
    if kind == "line ends":
        return content.replace(b"\n", data.draw(st.sampled_from([b"\r\n", b"\r", b"\n\n"])))
    return content.decode(errors="ignore").encode(data.draw(st.sampled_from(["utf-16", "cp1252"])),
                                                  errors="ignore")  # fmt: skip


def naive_value(field):
    try:
        return float(field)
    except ValueError:
        return {"true": 1.0, "false": 0.0}.get(field.strip().casefold(), np.nan)


@settings(max_examples=FUZZ_INPUTS, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_misspelt_table_is_read_as_the_csv_module_reads_it_or_refused_by_name(tmp_path, data):
    path, content = Path(tmp_path, "exp.csv"), table(NAMES, ["A", "B-1", "C.2"]).encode()
    for _ in range(data.draw(st.integers(1, 3))):
        content = misspelt(content, data)
    path.write_bytes(content)
    try:
        read = read_table(path)
    except ValueError as error:
        assert path.name in str(error)
        assert not isinstance(error, UnicodeError)
        return
    text = StringIO(content.decode("utf-8-sig"), newline="")
    rows = [row for row in csv.reader(text) if any(field.strip() for field in row)]
    assert len(read) == len(rows) - 1
    for (_, values), row in zip(read.iterrows(), rows[1:], strict=True):
        for value, field in zip(values, row[1:], strict=False):
            if isinstance(value, str):
                assert value == field.strip()
            else:
                np.testing.assert_allclose(float(value), naive_value(field), rtol=1e-12)


def check_refused_or_read(path):
    try:
        read = read_table(path)
    except ValueError as error:
        assert path.name in str(error)
        assert not isinstance(error, UnicodeError)
    else:
        assert read.index.is_unique or path.suffix != ".gz"


@settings(max_examples=FUZZ_INPUTS, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([".csv.gz", ".csv.xz"]), st.data())
def test_a_damaged_file_is_read_as_it_was_or_refused_by_name(tmp_path, suffix, data):
    path = Path(tmp_path, f"exp{suffix}")
    path.write_bytes(FORMATS[suffix])
    expected = read_table(path)
    path.write_bytes(damaged(FORMATS[suffix], data))
    try:
        read = read_table(path)
    except ValueError as error:
        assert path.name in str(error)
    else:
        pd.testing.assert_frame_equal(read, expected)


@settings(max_examples=FUZZ_INPUTS, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_damaged_parquet_file_is_refused_by_name_or_read(tmp_path, data):
    pytest.importorskip("pyarrow", reason="needs the extra parquet")
    path = Path(tmp_path, "exp.parquet")
    pd.DataFrame({"A": np.arange(50.0)}, index=[f"P{n}" for n in range(50)]).to_parquet(path)
    path.write_bytes(damaged(path.read_bytes(), data))
    check_refused_or_read(path)


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"\xfd7zXZ\x00", b"PAR1PAR1", b"no"])
@pytest.mark.parametrize("name", ["exp.csv.gz", "exp.csv.xz", "exp.csv.bz2", "exp.parquet"])
def test_what_only_claims_to_be_of_a_format_is_refused_by_name(tmp_path, name, content):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="needs the extra parquet")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        read_table(tmp_path / name)
