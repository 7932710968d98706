"""Malformed tables raise with name, line and remedy, or are read as the csv module reads them."""

import bz2
import csv
import gzip
import lzma
import warnings
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fuzzing import (
    ANY_TEXT,
    N_INPUTS,
    check_message,
    flip,
    fuzz,
    huge_line,
    insert,
    other_delimiter,
    repeat_column,
    swap_fields,
    truncate,
)

from xmodal_sklearn.datasets._names import PLACEHOLDERS
from xmodal_sklearn.datasets._study import Report
from xmodal_sklearn.datasets._tables import read_table

TABLES = [
    "sample,ESR1,GATA3,HLA-A\nP1,1.5,-2,3e2\nP2,0,.5,7\nP3,12,8,9.25\nP4,1,2,3\n",
    ',TP53,PIK3CA\n"P 1",1,0\n"P 2",0,0\n"P 3",1,NA\n',
    'id,stage,grade,age\nTCGA-AA-0001,"II, b",3,51\nTCGA-AA-0002,I,,62\nTCGA-AA-0003,NA,1,43\n',
    "sample,7157,2099\nS1,TRUE,0.25\nS2,FALSE,1.75\nS3,TRUE,-3\n",
    "sample,été,MYC\nS1,1.5,2\nS2,2.5,3\n",
]


def decimal_commas(rng, content):
    return content.replace(b".", rng.choice([b",", b"\xc2\xb7", b"'"]))


def quoted_decimal_commas(rng, content):
    return b"\n".join(
        b",".join(
            b'"' + field.replace(b".", b",") + b'"' if b"." in field else field
            for field in line.split(b",")
        )
        for line in content.split(b"\n")
    )


def quote_all(rng, content):
    mark = rng.choice([b'"', b"'", b'""'])
    return b"\n".join(
        b",".join(mark + field + mark for field in line.split(b",")) if line else line
        for line in content.split(b"\n")
    )


def pad_fields(rng, content):
    pad = rng.choice([b" ", b"\xc2\xa0", b"\t", b"\xe2\x80\xaf", b"\xe2\x80\x8b", b"  "])
    side, share = rng.random(), rng.choice([0.2, 1])
    return b"\n".join(
        b",".join(
            field if rng.random() > share else field + pad if side < 0.5 else pad + field
            for field in line.split(b",")
        )
        for line in content.split(b"\n")
    )


def marks_of_thousands(rng, content):
    mark = rng.choice([b" ", b"\xc2\xa0", b"\xe2\x80\xaf", b"'", b"."])
    return content.replace(b",1", b",1" + mark + b"001")


def merged_header(rng, content):
    header = content.split(b"\n")[0]
    names = header.split(b",")
    above = [name if rng.random() < 0.3 else b"" for name in names]
    if rng.random() < 0.5:
        return b",".join(above) + b"\n" + content
    return b",".join(above) + content[len(header) :]


def title_above(rng, content):
    title = rng.choice([b"Table S1. Expression", b"Table S1,,,", b"# made by R", b"sep=,", b""])
    return title + b"\n" + content


def excel_dates(rng, content):
    date = rng.choice([b"1-Mar", b"Mar-01", b"2024-03-01", b"01.03.2024", b"3/1/2024", b"1. Mrz"])
    fields = content.replace(b"\n", b",\n,").split(b",")
    for _ in range(rng.randint(1, 4)):
        fields[rng.randrange(len(fields))] = date
    return b",".join(fields).replace(b",\n,", b"\n")


def excel_errors(rng, content):
    error = rng.choice([b"#N/A", b"#DIV/0!", b"#VALUE!", b"#REF!", b"########", b"=A1"])
    fields = content.split(b",")
    fields[rng.randrange(len(fields))] = error
    return b",".join(fields)


def trailing_separators(rng, content):
    more = b"," * rng.randint(1, 3)
    return b"\n".join(line + more if line else line for line in content.split(b"\n"))


def short_rows(rng, content):
    lines = content.split(b"\n")
    which = rng.randrange(len(lines))
    lines[which] = lines[which].rpartition(b",")[0]
    return b"\n".join(lines)


SPOILERS = [
    *ANY_TEXT,
    decimal_commas, quoted_decimal_commas, quote_all, pad_fields, marks_of_thousands,
    merged_header, title_above, excel_dates, excel_errors, trailing_separators, short_rows,
    other_delimiter(b",", [b";", b"\t", b"|", b", ", b" ", b",,", b""]),
    repeat_column(b","),
    swap_fields(b","),
    huge_line,
]  # fmt: skip

BLANKS = "\ufeff\u200b \t\r\n\xa0"


def naive_rows(content, delimiter):
    """Names of samples and columns, and the fields of each row without blanks around them."""
    csv.field_size_limit(2**24)
    text = StringIO(content.decode("utf-8-sig"), newline=None)
    rows = [
        [field.strip(BLANKS).strip() for field in row]
        for row in csv.reader(text, delimiter=delimiter)
        if len(row) > 1 or (row and row[0].strip(" \t"))
    ]
    header, rows = rows[0], rows[1:]
    assert {len(row) for row in rows} == {len(header)}
    named = [position for position, name in enumerate(header) if name or not position]
    unnamed = [i for i in range(len(header)) if i not in named]
    assert all(naive_value(row[i]) is None for row in rows for i in unnamed)
    header, *rows = ([row[position] for position in named] for row in [header, *rows])
    assert len(set(header)) == len(header)
    return header, rows


def naive_value(field):
    """A number, None where the value is missing, or else the text itself."""
    if field.casefold() in PLACEHOLDERS or (field[:1] == "[" and field[-1:] == "]"):
        return None
    if "_" in field:
        return field  # Python would read 1_02 as 102
    try:
        return float(field)
    except ValueError:
        return {"true": 1.0, "false": 0.0}.get(field.casefold(), field)


def check_equal(table, content, delimiter):
    header, rows = naive_rows(content, delimiter)
    assert list(table.columns) == header[1:]
    assert list(table.index) == [row[0] for row in rows]
    assert table.index.is_unique
    for position, name in enumerate(header[1:], start=1):
        column = table[name]
        expected = [naive_value(row[position]) for row in rows]
        if pd.api.types.is_numeric_dtype(column) or all(
            isinstance(value, int | float) for value in column
        ):
            numbers = [np.nan if value is None else value for value in expected]
            np.testing.assert_allclose(column.to_numpy(float), numbers, rtol=1e-12)
        else:
            fields = [
                None if v is None else row[position] for row, v in zip(rows, expected, strict=True)
            ]
            assert [None if pd.isna(value) else value for value in column] == fields
            assert all(value is None or isinstance(value, str) for value in expected)


def concerns_whole_file(message):
    """Return whether an error concerns no single line of the file."""
    return any(phrase in message for phrase in ("it is empty", "No columns", "has no sample"))


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_valid_tables_are_read_as_the_csv_module_reads_them(tmp_path, suffix):
    for text in TABLES:
        content, delimiter = text.encode(), ","
        if suffix == ".tsv":
            content, delimiter = content.replace(b",", b"\t").replace(b"\t b", b", b"), "\t"
        path = tmp_path / f"exp{suffix}"
        path.write_bytes(content)
        check_equal(read_table(path), content, delimiter)


def test_a_mutated_table_raises_with_line_and_remedy_or_is_read_as_it_is(tmp_path):
    path = tmp_path / "exp.csv"

    def spoil(seed, rng):
        content = rng.choice(TABLES).encode()
        for _ in range(rng.randint(1, 3)):
            content = rng.choice(SPOILERS)(rng, content)
        path.write_bytes(content)
        report = Report()
        try:
            table = read_table(path, report=report)
        except ValueError as error:
            check_message(error, path.name, line=not concerns_whole_file(str(error)))
            return "raised"
        check_equal(table, content, ",")
        reported = bool(report.rows)
        return "read, and reported what was reinterpreted" if reported else "read as it stands"

    fuzz(spoil)


TEXT = "".join(["sample,A,B\n", *(f"P{n},{n / 7},{n % 3}\n" for n in range(40))]).encode()
TABLE = pd.DataFrame(
    {"A": np.arange(40) / 7, "B": np.arange(40) % 3}, index=[f"P{n}" for n in range(40)]
)
COMPRESS = {
    ".csv.gz": lambda: gzip.compress(TEXT, mtime=0),
    ".csv.xz": lambda: lzma.compress(TEXT),
    ".csv.bz2": lambda: bz2.compress(TEXT),
}


def damage(rng, content):
    return rng.choice([flip, flip, flip, truncate, insert])(rng, content)


def test_a_damaged_compressed_table_raises_or_is_read_as_it_was(tmp_path):
    whole = {suffix: compress() for suffix, compress in COMPRESS.items()}

    def spoil(seed, rng):
        suffix = rng.choice(list(whole))
        path = tmp_path / f"exp{suffix}"
        path.write_bytes(damage(rng, whole[suffix]))
        try:
            read = read_table(path)
        except ValueError as error:
            check_message(error, path.name, line=False)
            return f"{suffix} raised"
        pd.testing.assert_frame_equal(read, TABLE, check_names=False, rtol=1e-12)
        return f"{suffix} read as it was"

    fuzz(spoil, N_INPUTS // 2)


def test_a_damaged_parquet_file_raises_or_its_pages_are_read_as_they_were(tmp_path):
    pytest.importorskip("pyarrow", reason="needs the extra parquet")
    path = tmp_path / "exp.parquet"
    whole = {}
    for checksums in (True, False):
        TABLE.to_parquet(path, write_page_checksum=checksums)
        whole[checksums] = path.read_bytes()

    def spoil(seed, rng):
        checksums = rng.random() < 0.5
        before, content = whole[checksums], damage(rng, whole[checksums])
        footer = len(before) - 8 - int.from_bytes(before[-8:-4], "little")
        path.write_bytes(content)
        kind = "with checksums" if checksums else "without checksums"
        try:
            read = read_table(path)
        except ValueError as error:
            check_message(error, path.name, line=False)
            return f".parquet {kind} raised"
        if read.equals(TABLE):
            return f".parquet {kind} read as it was"
        # Nothing in the format guards the footer, nor pages without checksums.
        assert not checksums or content[:footer] == before[:footer]
        where = "pages" if content[:footer] != before[:footer] else "footer"
        return f".parquet {kind} read otherwise: nothing guards its {where}"

    fuzz(spoil, N_INPUTS // 4)


def test_a_damaged_mudata_file_raises_or_is_read(tmp_path):
    pytest.importorskip("mudata", reason="needs the extra omics")
    from xmodal_sklearn.cli._sources import read_mudata
    from xmodal_sklearn.datasets import to_mudata

    path = tmp_path / "cohort.h5mu"
    classes = pd.Series(["x", "y"] * 20, TABLE.index, name="subtype")
    with warnings.catch_warnings(action="ignore"):
        to_mudata(TABLE.add_prefix("exp__"), classes).write(path)
    whole, expected = path.read_bytes(), read_mudata(path, "subtype", None, "inner")

    def spoil(seed, rng):
        path.write_bytes(damage(rng, whole))
        try:
            read = read_mudata(path, "subtype", None, "inner")
        except ValueError as error:
            check_message(error, path.name, line=False)
            return ".h5mu raised"
        same = read.data.equals(expected.data) and read.target.equals(expected.target)
        # HDF5 guards values only where they are written with a checksum, as anndata does not.
        return f".h5mu read {'as it was' if same else 'otherwise: nothing guards its values'}"

    fuzz(spoil, N_INPUTS // 10)  # each is read in a process of its own first


def test_a_file_that_ends_the_process_raises(tmp_path, monkeypatch):
    pytest.importorskip("mudata", reason="needs the extra omics")
    from xmodal_sklearn.datasets import _mudata, to_mudata

    path = tmp_path / "cohort.h5mu"
    classes = pd.Series(["x", "y"] * 20, TABLE.index, name="subtype")
    with warnings.catch_warnings(action="ignore"):
        to_mudata(TABLE.add_prefix("exp__"), classes).write(path)
    assert _mudata.load_mudata(path).n_obs == 40
    crash = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    monkeypatch.setattr(_mudata, "READ_ALL", crash)
    with pytest.raises(ValueError, match=r"cohort\.h5mu: it is damaged.*Download or save it"):
        _mudata.load_mudata(path)


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"\xfd7zXZ\x00", b"PAR1PAR1", b"no"])
@pytest.mark.parametrize("name", ["exp.csv.gz", "exp.csv.xz", "exp.csv.bz2", "exp.parquet"])
def test_what_only_claims_to_be_of_a_format_raises_by_name(tmp_path, name, content):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="needs the extra parquet")
    Path(tmp_path, name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        read_table(tmp_path / name)
