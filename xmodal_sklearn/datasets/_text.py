"""Read text files: no line goes unchecked, and errors name the file and the line."""

import bz2
import codecs
import csv
import gzip
import lzma
import re
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Any, BinaryIO, TypeAlias

import pandas as pd

from ._study import Report

SYMBOL, ENTREZ = "Hugo_Symbol", "Entrez_Gene_Id"
ANNOTATION = [
    SYMBOL, ENTREZ, "Cytoband", "Locus ID", "Composite.Element.REF", "ENTITY_STABLE_ID",
]  # fmt: skip


def _plain_column(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.casefold())


# The usual names of columns, by what remains of their spelling.
COLUMNS = {
    _plain_column(name): name
    for name in [
        *ANNOTATION, "Variant_Classification", "Tumor_Sample_Barcode", "Mutation_Status",
        "Validation_Status", "SAMPLE_ID", "PATIENT_ID",
    ]
} | {"gene_symbol": SYMBOL}  # fmt: skip
# Keys whose values may go on in the next lines.
LISTS = ("case_list_ids", "gene_list")
LINE_END = re.compile("\r\n|\r|\n")

# Numbered from 1, without their ends.
Lines: TypeAlias = Iterator[tuple[int, bytes]]


class FileFormatError(ValueError):
    """A file is malformed; the message names the file and says what to do."""


def malformed(path: Path, problem: str, line: int | None = None) -> FileFormatError:
    """Return the error that names file, problem, line and remedy, the last sentence."""
    problem, _, remedy = problem.rpartition(". ")
    where = "" if line is None else f" (line {line})"
    return FileFormatError(f"{path.name}: {problem}{where}. {remedy}.")


def ragged(path: Path, n_fields: int, n_names: int, line: int) -> FileFormatError:
    """Return the error about a row of more or fewer fields than the header."""
    return malformed(
        path,
        f"a row has {n_fields} fields, but the header has {n_names}. Give every row as many "
        "fields as the header; download a truncated file again; in R, use write.table with "
        "col.names=NA",
        line,
    )


def missing_column(
    path: Path, column: str, header: Sequence[str], line: int | None = None
) -> FileFormatError:
    """Return the error that says which columns the file has instead."""
    remedy = "Rename or add it" if len(header) > 1 else "Save it with fields separated by tabs"
    return FileFormatError(
        f"{path.name} has no column {column!r} in its header"
        f"{'' if line is None else f' (line {line})'}, which begins with "
        f"{quote_all(header[:10])}. {remedy}."
    )


def quote(text: str) -> str:
    """Return the text as an error shows it, shortened if need be."""
    return repr(text if len(text) <= 60 else text[:60] + "…")


def quote_all(texts: Iterable[str]) -> str:
    """Return a list of texts as an error shows it."""
    return f"[{', '.join(map(quote, texts))}]"


@contextmanager
def add_path_to_errors(path: Path, kind: str = "table") -> Iterator[None]:
    """Turn what a damaged file leads to, in any library, into an error that names the file."""
    try:
        yield
    except (FileFormatError, ImportError):
        raise
    except UnicodeError as error:
        with OPENERS.get(path.suffix.lower(), open)(path, "rb") as file:
            for line_number, line in enumerate(file, start=1):
                decode(path, line_number, line)
        raise ValueError(f"Can't read {path}: {error}. Save the file as UTF-8 text.") from error
    except Exception as error:
        # What the operating system says of the file.
        if getattr(error, "errno", None):
            raise
        if isinstance(error, ValueError) and _is_ours(error):
            raise ValueError(f"Can't read {path}: {str(error).rstrip('.')}.") from error
        reason = shorten(str(error), 500) or type(error).__name__
        raise ValueError(
            f"Can't read {path} as {kind}; it may be damaged: {reason}. Download or save it again."
        ) from error


def _is_ours(error: Exception) -> bool:
    """Return whether this package raised an error, which then says what to do."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_globals["__name__"].startswith(__name__.partition(".")[0])


def _open_zstandard(path: Path, *arguments: Any, **options: Any) -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise ImportError(
            f"Reading {path} needs zstandard. Install it with pip install zstandard."
        ) from error
    return zstandard.open(path, *arguments, **options)


OPENERS: dict[str, Callable[..., Any]] = {
    ".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": _open_zstandard,
}  # fmt: skip


def open_text(path: Path) -> Any:
    """Open a file, compressed or not, as text in which all ends of lines are alike."""
    return OPENERS.get(path.suffix.lower(), open)(path, "rt", encoding="utf-8-sig")


def records(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line and the fields of each record that is not blank, quotes removed."""
    with open_text(path) as file:
        reader = csv.reader(file, delimiter=delimiter)
        line = 1
        for fields in reader:
            if len(fields) > 1 or (fields and fields[0].strip(" \t")):
                yield line, fields
            line = reader.line_num + 1


def check_unique_columns(path: Path, names: Sequence[str | None], line: int | None = None) -> None:
    """Check that no name of a header occurs twice; None is no name."""
    repeated = [name for name, count in Counter(names).items() if count > 1 and name is not None]
    if repeated:
        columns = [position for position, name in enumerate(names, 1) if name == repeated[0]]
        problem = f"the header names column {quote(repeated[0])} more than once, in columns"
        raise malformed(path, f"{problem} {columns[:5]}. Merge or rename them", line)


def read_text_table(
    path: Path, required: Sequence[str], optional: Sequence[str] | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Read required and existing optional columns, by line number, and the ``#`` lines above."""
    comments, header, lines = open_table(path, required, strip=True)
    positions = [
        position
        for position, name in enumerate(header)
        if optional is None or name in required or name in optional
    ]
    rows = {}
    for line_number, line in lines:
        fields = decode(path, line_number, line).split("\t")
        rows[line_number] = [fields[position] for position in positions]
    names = [header[position] for position in positions]
    return pd.DataFrame(rows.values(), list(rows), names, dtype=str), comments


def drop_duplicate_rows(
    path: Path, table: pd.DataFrame, key: list[str], report: Report
) -> pd.DataFrame:
    """Drop rows that repeat another one; check that no two others have the same key."""
    same = table.duplicated()
    report.add(path.name, "rows that repeat another one", same)
    table = table[~same]
    repeated = table.index[table.duplicated(key)]
    if len(repeated):
        names = " and ".join(f"{column} {quote(table[column][repeated[0]])}" for column in key)
        raise malformed(path, f"more than one row has {names}. Keep one", repeated[0])
    return table


def read_properties(path: Path, report: Report, keys: Collection[str]) -> dict[str, str]:
    """Read lines ``key: value``, of which those with one of the `keys` must be right."""
    properties: dict[str, str] = {}
    n_odd, content, list_key = 0, _read_any_text(path), ""
    n_replaced = content.count("\N{REPLACEMENT CHARACTER}")
    report.add(path.name, "bytes that are not UTF-8, ignored", n_replaced)
    for line_number, text in enumerate(LINE_END.split(content), start=1):
        key, colon, value = (part.strip("\"' \t\xa0\u200b") for part in text.partition(":"))
        key = key.casefold()
        if not text.strip() or text.startswith("#"):
            continue
        if colon and key:
            list_key = key if key in LISTS and key in keys else ""
            if value and key in keys and value != properties.setdefault(key, value):
                problem = f"{quote(key)} occurs twice, with different values. Keep one"
                raise malformed(path, problem, line_number)
        elif list_key:
            properties[list_key] = f"{properties.get(list_key, '')}\t{text.strip()}"
        else:
            n_odd += 1
    report.add(path.name, "lines that are not of the form 'key: value', ignored", n_odd)
    return properties


def _read_any_text(path: Path) -> str:
    """Return a small file's text, whatever its encoding; replace what is no text."""
    content = path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        raise malformed(path, "holds a NUL byte, so it is not text. Save it as UTF-8 text")
    return content.decode("utf-8-sig", errors="replace")


def _split_lines(file: BinaryIO) -> Iterable[bytes]:
    """Return the lines of a file, whether they end in LF, CRLF or CR."""
    start = file.read(2**24)
    file.seek(0)
    return file.read().split(b"\r") if b"\r" in start and b"\n" not in start else file


def _lines(path: Path) -> Lines:
    """Yield number and content of each line that is not empty."""
    with path.open("rb") as file:
        for line_number, line in enumerate(_split_lines(file), start=1):
            if line_number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            line = line.removesuffix(b"\n").removesuffix(b"\r")
            if b"\0" in line:
                raise malformed(path, "holds a NUL byte. Save it as UTF-8 text", line_number)
            if b"\r" in line:
                problem = "holds a carriage return inside a line. Remove it"
                raise malformed(path, problem, line_number)
            if line:
                yield line_number, line


def decode(path: Path, line_number: int, text: bytes) -> str:
    """Return UTF-8 text, or raise the error that names the line."""
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        problem = f"byte {text[error.start]:#04x} is not UTF-8. Save the file as UTF-8"
        raise malformed(path, problem, line_number) from error


def open_table(
    path: Path, required: Sequence[str] = (), *, strip: bool = False
) -> tuple[list[str], list[str], Lines]:
    """Return comments, header and rows of a tab-separated table; rows are checked when read."""
    lines, comments = _lines(path), []
    for line_number, line in lines:
        if not line.startswith(b"#"):
            break
        comments.append(decode(path, line_number, line))
    else:
        raise malformed(path, "has no table: it is empty or holds only # lines. Download it again")
    header = [
        COLUMNS.get(_plain_column(name.strip()), name.strip() if strip else name)
        for name in decode(path, line_number, line).split("\t")
    ]
    check_unique_columns(path, header, line_number)
    for column in required:
        if column not in header:
            raise missing_column(path, column, header, line_number)
    return comments, header, _rows(path, lines, line)


def _rows(path: Path, lines: Lines, header: bytes) -> Lines:
    """Yield the lines below the header, each with as many fields as the header."""
    # A parser would fill a short row with missing values and thereby hide a truncated file.
    expected = header.count(b"\t") + 1
    line_number = None
    for line_number, line in lines:
        n_fields = line.count(b"\t") + 1
        if line.startswith(b"#"):
            problem = "a line below the header begins with #, as comments do. Remove it"
            raise malformed(path, problem, line_number)
        if n_fields != expected and not line.strip():
            continue
        if n_fields != expected:
            raise ragged(path, n_fields, expected, line_number)
        if line == header:
            raise malformed(path, "a row repeats the header. Remove it", line_number)
        yield line_number, line
    if line_number is None:
        raise malformed(path, "has no row below its header. Download it again")
