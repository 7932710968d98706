"""Tables and classes as they come: names, headers, separators and missing values of many kinds."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xmodal_sklearn.datasets import read_tables
from xmodal_sklearn.datasets._study import Report
from xmodal_sklearn.datasets._tables import read_table

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
        tables = {"exp": tmp_path / "exp.csv"}
        if cna is not None:
            (tmp_path / "cna.csv").write_text(cna, encoding="utf-8")
            tables["cna"] = tmp_path / "cna.csv"
        return read_tables(tables, target_file=tmp_path / "classes.csv", **options)

    return read_files


def reported(cohort, text):
    rows = cohort.report.itertuples(index=False, name=None)
    return sum(count for _, what, count in rows if text in what)


SPELLINGS = {
    "P1 ": "blanks", "\xa0P1": "blanks", "p1": "spelled differently", "P1\u200b": "blanks",
    "\uff301": "spelled differently",
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_names_spelled_differently_match_and_are_counted(read, spelling):
    cohort = read(table([spelling, *NAMES[1:]]), classes(NAMES))
    assert cohort.data.index.tolist() == NAMES
    assert reported(cohort, SPELLINGS[spelling]) == 1


@pytest.mark.parametrize(("ours", "theirs"), [("M.1", "M-1"), ("M 1", "M_1"), ("M\u20131", "M-1")])
def test_names_with_other_separators_match(read, ours, theirs):
    assert read(table([ours, "B"]), classes([theirs, "B"], "xy")).data.index[0] == theirs


def test_look_alike_names_show_in_the_error(read):
    with pytest.raises(ValueError, match=r"'\\u04201'.*P1"):
        read(table(["\u04201", "\u04202"]), classes(NAMES))


def test_an_ambiguous_name_raises_with_all_candidates(read):
    with pytest.raises(ValueError, match=r"'P.1' may mean several.*P-1, P_1"):
        read(table(["P.1", "P2"]), classes(["P-1", "P_1", "P2"]))


@pytest.mark.parametrize("name", ["NA", "null", "None", "nan", "-"])
def test_a_sample_may_be_called_like_a_missing_value(read, name):
    cohort = read(table([name, *NAMES[1:]]), classes([name, *NAMES[1:]]))
    assert cohort.data.index.tolist() == [name, *NAMES[1:]]


@pytest.mark.parametrize("label", ["NA", "[Not Available]", "unknown", "", "--"])
def test_an_unknown_class_is_none_and_reported(read, label):
    cohort = read(table(NAMES), classes(NAMES, ["x", "None", label, "x"]))
    assert cohort.target.to_dict() == {"P1": "x", "P2": "None", "P4": "x"}
    assert reported(cohort, "class unknown") == 1
    assert reported(cohort, f"{label!r} read as unknown") == bool(label)


LEVELS = ["{}", "{}-01", "{}-01A", "{}-01A-11R-A10Y-07", "{}-01A-21D-A10Y-09"]


@pytest.mark.parametrize("table_level", LEVELS)
@pytest.mark.parametrize("class_level", LEVELS)
@pytest.mark.parametrize("mark", ["-", "."])
def test_barcodes_match_at_the_coarsest_level(read, table_level, class_level, mark):
    names = [table_level.format(name).replace("-", mark) for name in TCGA]
    cohort = read(table(names), classes(list(map(class_level.format, TCGA))))
    assert len(cohort.data) == 4
    assert cohort.target.tolist() == list("xxyy")
    coarsest = min(table_level, class_level, key=len)
    if mark == "-" and coarsest in LEVELS[:3]:
        assert cohort.data.index.tolist() == [coarsest.format(name) for name in TCGA]


@pytest.mark.parametrize("normal", ["-11A", "-10", "-12"])
def test_a_normal_sample_never_represents_a_patient(read, normal):
    names = [TCGA[0] + normal, TCGA[0] + "-06", TCGA[0] + "-01", *(f"{n}-01" for n in TCGA[1:])]
    cohort = read(table(names), classes(TCGA))
    assert cohort.data.loc[TCGA[0], "exp__ESR1"] == 2.0
    assert reported(cohort, "normal") == 1
    assert reported(cohort, "additional samples") == 1


def test_a_patient_of_two_classes_raises(read):
    labels = classes([f"{TCGA[0]}-01", f"{TCGA[0]}-06", f"{TCGA[1]}-01"], "xyx")
    with pytest.raises(ValueError, match=rf"'{TCGA[0]}' has the classes \['x', 'y'\]"):
        read(table(TCGA), labels)


def test_new_samples_are_matched_or_an_error(tmp_path):
    (tmp_path / "exp.csv").write_text(table([f"{name}-01A-11R" for name in TCGA]))
    (tmp_path / "cna.csv").write_text(table([f"{name}-01" for name in reversed(TCGA)]))
    (tmp_path / "mut.csv").write_text(table(NAMES))
    paths = {name: str(tmp_path / f"{name}.csv") for name in ("exp", "cna", "mut")}
    cohort = read_tables({"exp": paths["exp"], "cna": paths["cna"]})
    assert cohort.data.index.tolist() == [f"{name}-01" for name in TCGA]
    assert cohort.data.notna().all(axis=None)
    assert cohort.target is cohort.target_names is None
    assert cohort.report["count"].sum() == 4
    with pytest.raises(ValueError, match=r"'mut' \(P1.*TCGA-AA-0001"):
        read_tables(paths)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tables": {}}, "tables must map modalities to files"),
        ({"tables": ["exp.csv"]}, "tables must map modalities to files"),
        ({"tables": {"exp": "exp.csv"}, "target": "subtype"}, "Pass target_file"),
    ],
)
def test_invalid_arguments_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        read_tables(**arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("P1,1,2\nP2,2,1\n", "header looks like a sample"),
        ("TCGA-AA-0001,0.5\nTCGA-AA-0002,2\n", "header looks like a sample"),
        ("alice,-1,0\nbob,2,1\neve11,2,1\n", "header looks like a sample"),
        ("a,LumA\nb,LumA\nc,Basal\n", "'LumA' is also one of its values.*header.*line 2"),
        (
            "sample,A,B\nP1,1,2\nsample,A,B\nP2,1,2\n",
            "'A' is also one of its values.*repeated .line 3",
        ),
        ("sample\tA\tB\nP1\t1\t2\n", r"tabs \('\\t'\)"),
        ("sample|A|B\nP1|1|2\n", "bars"),
        ("sample;A;B\nP1;1;2\n", "semicolons"),
        ('sample,A\nP1,"1,5"\nP2,"2,5"\n', "'A'.*sample 'P1' has '1,5', a decimal comma"),
        ('sample,A\nP1,"1,234.5"\nP2,"2,000.0"\n', "'A'.*'1,234.5'.*Save numbers with"),
        ("sample,A\nP1,50%\nP2,20 %\n", "'A'.*sample 'P1' has '50%'"),
        ("sample,A\nP1,1.5\nP2,<0.1\n", "'A'.*sample 'P2' has '<0.1'"),
        ("sample,A\nunit,mg\nP2,1\n", "'A'.*sample 'unit' has 'mg'"),
        ("sample,A\n", "has no sample"),
        ("sample,A\nP1,1\n ,2\n", "data row 2 has no name"),
    ],
)
def test_a_table_that_would_be_misread_raises(tmp_path, text, message):
    (tmp_path / "exp.csv").write_text(text)
    with pytest.raises(ValueError, match=f"(?s)exp.csv.*{message}"):
        read_table(tmp_path / "exp.csv")


@pytest.mark.parametrize("header", ["sample,7157,1956", ",0.5,1.5", "id,301.22,302.5", "x,A1,B2"])
def test_a_header_of_numbers_is_one(tmp_path, header):
    (tmp_path / "exp.csv").write_text(f"{header}\nP1,1,2\nP2,2,1\n")
    assert list(read_table(tmp_path / "exp.csv").index) == ["P1", "P2"]


@pytest.mark.parametrize("value", ["-", "[Not Available]", "NA", "null", "n/a", "?"])
def test_a_placeholder_in_a_column_of_numbers_is_missing_and_reported(tmp_path, value):
    (tmp_path / "exp.csv").write_text(f"sample,A\nP1,{value}\nP2,2\n")
    report = Report()
    read = read_table(tmp_path / "exp.csv", report=report)["A"]
    np.testing.assert_array_equal(read.to_numpy(float), [np.nan, 2])
    assert sum(count for _, what, count in report.rows if "missing" in what) == 1


def test_categories_stay_categories(tmp_path):
    (tmp_path / "clinical.csv").write_text("sample,stage\nP1,II\nP2, None\nP3,NA\n")
    stage = read_table(tmp_path / "clinical.csv")["stage"]
    assert stage.dropna().to_dict() == {"P1": "II", "P2": "None"}


def test_flags_with_gaps_are_numbers(tmp_path):
    (tmp_path / "mut.csv").write_text("sample,TP53\nP1,TRUE\nP2,FALSE\nP3,NA\n")
    flags = read_table(tmp_path / "mut.csv")["TP53"]
    np.testing.assert_array_equal(flags.to_numpy(), [1, 0, np.nan])


def test_trailing_separators_add_no_feature(tmp_path):
    (tmp_path / "exp.csv").write_text("sample,A,\nP1,1,\nP2,2,\n")
    report = Report()
    assert list(read_table(tmp_path / "exp.csv", report=report)) == ["A"]
    assert ("exp.csv", "unnamed columns without values, left out", 1) in report.rows
    (tmp_path / "exp.csv").write_text("sample,A,\nP1,1,3\nP2,2,\n")
    with pytest.raises(ValueError, match="column 3 has values, but no name"):
        read_table(tmp_path / "exp.csv")


SOME = st.lists(st.sampled_from(NAMES + TCGA[:0]), min_size=1, unique=True)


@pytest.mark.filterwarnings("ignore:No sample of modality")
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(SOME, SOME, SOME, st.sampled_from(["inner", "outer"]), st.sampled_from(["x", "NA"]))
def test_every_sample_is_read_or_reported(read, exp, cna, labeled, join, last):
    labels = ["x"] * (len(labeled) - 1) + [last]
    try:
        cohort = read(table(exp), classes(labeled, labels), table(cna), join=join)
    except ValueError as error:
        assert "No sample" in str(error) or "no sample" in str(error)
        return
    lost = cohort.report.loc[cohort.report["where"] == "samples", "count"].sum()
    assert len(cohort.data) + lost == len({*exp, *cna, *labeled})
