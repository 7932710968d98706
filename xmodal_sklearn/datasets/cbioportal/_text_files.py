"""Read the text files of a study: no line goes unchecked, errors name file and line."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from .._study import Report

__all__ = [
    "ENTREZ",
    "LOCUS",
    "ROW_NAMES",
    "SYMBOL",
    "Matrix",
    "TextTable",
    "malformed",
    "quote",
    "quote_all",
    "read_matrix",
    "read_names",
    "read_properties",
    "read_text_table",
]

SYMBOL, ENTREZ = "Hugo_Symbol", "Entrez_Gene_Id"
ENTITY, ELEMENT, LOCUS = "ENTITY_STABLE_ID", "Composite.Element.REF", "Locus ID"
# What a row may be named by; a table of generic assays has further columns, which its meta file
# lists.
ROW_NAMES = [ENTITY, SYMBOL, ELEMENT]
ANNOTATION = [SYMBOL, ENTREZ, "Cytoband", LOCUS, ELEMENT, ENTITY]
# Further columns of generic assays, whether or not their meta file lists them.
GENERIC = ("NAME", "DESCRIPTION", "URL", "TRANSCRIPT_ID")


def _plain_column(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.casefold())


# Columns that files spell otherwise, as they are called here.
COLUMNS = {
    _plain_column(name): name
    for name in [
        *ANNOTATION,
        "Variant_Classification",
        "Tumor_Sample_Barcode",
        "Mutation_Status",
        "Validation_Status",
        "SAMPLE_ID",
        "PATIENT_ID",
    ]
} | {"gene_symbol": SYMBOL}
PLACEHOLDERS = ["NA", "N/A", "NaN", "NULL", "None", "<NA>", "#N/A", "[Not Available]", "[Null]"]
MISSING = sorted({"", *PLACEHOLDERS, *map(str.upper, PLACEHOLDERS), *map(str.lower, PLACEHOLDERS),
                  *map(str.capitalize, PLACEHOLDERS)})  # fmt: skip
# Keys whose values may go on in the next lines.
LISTS = ("case_list_ids", "gene_list")
FIELDS = "Give every row as many fields as the header has; a file that was cut off, fetch again"
LINE_END = re.compile("\r\n|\r|\n")
LIMIT = re.compile(rb"\t[<>]=?(?=[0-9.])")
NUMBER = re.compile(rb" *[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)? *")
# Of lines that are parsed in one go.
CHUNK_BYTES = 2**24

# Numbered from 1, without their ends.
Lines: TypeAlias = Iterator[tuple[int, bytes]]


class TextTable(NamedTuple):
    """The fields of a table as they are, and the ``#`` lines above it."""

    comments: list[str]
    fields: pd.DataFrame  # of str, indexed by the number of each row's line


class Matrix(NamedTuple):
    """A table of numbers, and the columns that label its rows."""

    labels: pd.DataFrame  # of str, indexed by the number of each row's line
    samples: list[str]
    values: np.ndarray  # of float32 and shape (n_rows, n_samples), NaN where a value is missing
    n_limits: int = 0  # values read without the < or > before them


class _Table(NamedTuple):
    comments: list[str]
    header: list[str]
    rows: Lines


def malformed(path: Path, problem: str, line: int | None = None) -> ValueError:
    """Return the error that names file, problem, line and remedy, the last sentence."""
    problem, _, remedy = problem.rpartition(". ")
    where = "" if line is None else f" (line {line})"
    return ValueError(f"{path.name}: {problem}{where}. {remedy}.")


def quote(text: str) -> str:
    """Return the text as an error shows it, shortened if need be."""
    return repr(text if len(text) <= 60 else text[:60] + "…")


def quote_all(texts: Iterable[str]) -> str:
    """Return a list of texts as an error shows it."""
    return f"[{', '.join(map(quote, texts))}]"


def read_text_table(
    path: Path, required: Sequence[str], optional: Sequence[str] | None = None
) -> TextTable:
    """Read the tab-separated table below the ``#`` lines of a file, without interpreting it.

    Parameters
    ----------
    path : Path
        The file.
    required : sequence of str
        Columns that the table must have.
    optional : sequence of str, default=None
        Further columns to read where the table has them; None reads all.

    Returns
    -------
    TextTable
        The columns to be read, and the comments.

    Raises
    ------
    ValueError
        If the file is not such a table.
    """
    table = _open_table(path, required, strip=True)
    wanted = [
        position
        for position, name in enumerate(table.header)
        if optional is None or name in required or name in optional
    ]
    numbers, rows = [], []
    for number, line in table.rows:
        fields = _decode(path, number, line).split("\t")
        numbers.append(number)
        rows.append([fields[position] for position in wanted])
    names = [table.header[position] for position in wanted]
    return TextTable(table.comments, pd.DataFrame(rows, numbers, names, dtype=str))


def read_matrix(path: Path, annotations: Sequence[str] = (), *, limits: bool = False) -> Matrix:
    """Read a table of numbers, each column of which is a sample unless it is an annotation.

    Parameters
    ----------
    path : Path
        The file.
    annotations : sequence of str, default=()
        Columns that are no samples, beside those that are known.
    limits : bool, default=False
        Whether values may be limits like ``>8.0``, which are read as the number.

    Returns
    -------
    Matrix
        Rows in the order of the file.

    Raises
    ------
    ValueError
        If the file is not such a table, or a value is neither missing nor a finite number.
    """
    table = _open_table(path)
    known = {*ANNOTATION, *annotations, *(GENERIC if ENTITY in table.header else ())}
    labelling = [i for i, name in enumerate(table.header) if name in known]
    # Rows may be named by Entrez ids alone, but only in the first column, lest a column of other
    # names be taken for a sample.
    if not set(ROW_NAMES) & set(table.header) and table.header[0] != ENTREZ:
        raise _missing_column(path, SYMBOL, table.header)
    columns = [i for i in range(len(table.header)) if i not in labelling]
    samples = [table.header[position] for position in columns]
    if not samples:
        raise malformed(path, "its header names no sample. Add a column for each sample")
    if not all(map(str.strip, samples)):
        position = [name.strip() for name in table.header].index("")
        raise malformed(path, f"column {position + 1} of its header has no name. Name it")
    line_numbers, labels, values, n_limits = [], [], [], 0
    for chunk in _chunks_of_lines(table.rows):
        for number, line in chunk:
            fields = line.split(b"\t", labelling[-1] + 1)
            line_numbers.append(number)
            labels.append([_decode(path, number, fields[i]) for i in labelling])
        if limits:
            n_limits += sum(len(LIMIT.findall(line)) for _, line in chunk)
            chunk = [(number, LIMIT.sub(b"\t", line)) for number, line in chunk]
        values.append(_parse_numbers(path, chunk, table.header, columns))
    names = [table.header[i] for i in labelling]
    frame = pd.DataFrame(labels, line_numbers, names, dtype=str)
    return Matrix(frame, samples, np.concatenate(values), n_limits)


def read_properties(path: Path, flaws: Report, keys: Collection[str]) -> dict[str, str]:
    """Read a file of lines ``key: value``; blank lines and ``#`` lines do not count.

    Only the lines that matter must be right, as others may be wrong in harmless ways.

    Parameters
    ----------
    path : Path
        The file.
    flaws : Report
        Takes what was passed over.
    keys : collection of str
        The keys that matter; any other line may be of any form.

    Returns
    -------
    dict of str to str
        Keys that matter, and their values without blanks around them.

    Raises
    ------
    ValueError
        If a key that matters has two different values, or if the file is not text.
    """
    properties: dict[str, str] = {}
    odd, content, listing = 0, _any_text(path), ""
    n_replaced = content.count("\N{REPLACEMENT CHARACTER}")
    flaws.append((path.name, "bytes that are not UTF-8, passed over", n_replaced))
    for number, text in enumerate(LINE_END.split(content), start=1):
        key, colon, value = (part.strip("\"' \t\xa0\u200b") for part in text.partition(":"))
        key = key.casefold()
        if not text.strip() or text.startswith("#"):
            continue
        if colon and key:
            listing = key if key in LISTS and key in keys else ""
            if value and key in keys and value != properties.setdefault(key, value):
                raise malformed(
                    path, f"{quote(key)} occurs twice, with different values. Keep one", number
                )
        elif listing:
            properties[listing] = f"{properties.get(listing, '')}\t{text.strip()}"
        else:
            odd += 1
    flaws.append((path.name, "lines that are not of the form 'key: value', passed over", odd))
    return properties


def read_names(text: str) -> list[str]:
    """Return the names in a list, whether blanks, commas or semicolons separate them."""
    return [name for name in re.split(r"[\s,;]+", text) if name]


def _any_text(path: Path) -> str:
    """Return a small file's text, whatever its encoding; replace what is no text."""
    content = path.read_bytes()
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    if b"\0" in content:
        raise malformed(path, "holds a NUL byte, so it is no text. Save it as UTF-8 text")
    return content.decode("utf-8-sig", errors="replace")


def _split_lines(file: BinaryIO) -> Iterable[bytes]:
    """Return the lines of a file, whether they end in LF, CRLF or CR."""
    start = file.read(CHUNK_BYTES)
    file.seek(0)
    return file.read().split(b"\r") if b"\r" in start and b"\n" not in start else file


def _lines(path: Path) -> Lines:
    """Yield number and content of each line that is not empty."""
    with path.open("rb") as file:
        for number, line in enumerate(_split_lines(file), start=1):
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            line = line.removesuffix(b"\n").removesuffix(b"\r")
            if b"\0" in line:
                raise malformed(path, "holds a NUL byte. Save it as UTF-8 text", number)
            if b"\r" in line:
                raise malformed(path, "holds a carriage return inside a line. Remove it", number)
            if line:
                yield number, line


def _decode(path: Path, number: int, text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise malformed(
            path, f"byte {text[error.start]:#04x} is not UTF-8. Save the file as UTF-8", number
        ) from error


def _open_table(path: Path, required: Sequence[str] = (), *, strip: bool = False) -> _Table:
    lines, comments = _lines(path), []
    for number, line in lines:
        if not line.startswith(b"#"):
            break
        comments.append(_decode(path, number, line))
    else:
        raise malformed(path, "has no table, it is empty or holds only # lines. Fetch it again")
    header = [
        COLUMNS.get(_plain_column(name.strip()), name.strip() if strip else name)
        for name in _decode(path, number, line).split("\t")
    ]
    repeated = [name for name, count in Counter(header).items() if count > 1]
    if repeated:
        raise malformed(
            path,
            f"its header names the column {quote(repeated[0])} more than once. Rename one of them",
            number,
        )
    for column in required:
        if column not in header:
            raise _missing_column(path, column, header, number)
    return _Table(comments, header, _rows(path, lines, line))


def _missing_column(
    path: Path, column: str, header: Sequence[str], line: int | None = None
) -> ValueError:
    """Return the error that says which columns the file has instead."""
    hint = " Name it so." if len(header) > 1 else " Save it with fields separated by tabs."
    return ValueError(
        f"{path.name} has no column {column!r} in its header"
        f"{'' if line is None else f' (line {line})'}, which begins with "
        f"{quote_all(header[:10])}.{hint}"
    )


def _rows(path: Path, lines: Lines, header: bytes) -> Lines:
    """Yield the lines below the header, each with as many fields as the header."""
    # A parser would fill a short row with missing values and thereby hide a truncated file.
    expected = header.count(b"\t") + 1
    number = None
    for number, line in lines:
        n_fields = line.count(b"\t") + 1
        if line.startswith(b"#"):
            raise malformed(
                path, "a line below the header begins with #, as comments do. Remove it", number
            )
        if n_fields != expected and not line.strip():
            continue
        if n_fields != expected:
            raise malformed(
                path, f"a row has {n_fields} fields, the header {expected}. {FIELDS}", number
            )
        if line == header:
            raise malformed(path, "a row repeats the header. Remove it", number)
        yield number, line
    if number is None:
        raise malformed(path, "has no row below its header. Fetch it again")


def _chunks_of_lines(rows: Lines) -> Iterator[list[tuple[int, bytes]]]:
    chunk, size = [], 0
    for number, line in rows:
        chunk.append((number, line))
        size += len(line)
        if size >= CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _parse_numbers(
    path: Path, chunk: list[tuple[int, bytes]], header: list[str], columns: list[int]
) -> np.ndarray:
    """Parse the given columns of lines, whose fields have been counted, as float32."""
    try:
        # A number too large for float32 becomes an infinity, which is refused below.
        with np.errstate(over="ignore"):
            values = pd.read_csv(
                BytesIO(b"\n".join(line for _, line in chunk)),
                sep="\t",
                header=None,
                names=range(len(header)),
                usecols=columns,
                dtype=np.float32,
                quoting=csv.QUOTE_NONE,
                na_values=MISSING,
                keep_default_na=False,
                encoding_errors="replace",
                low_memory=False,
            ).to_numpy()
    except (ValueError, OverflowError) as error:
        raise _bad_number(path, chunk, header, columns, str(error)) from error
    if values.shape != (len(chunk), len(columns)) or np.isinf(values).any():
        raise _bad_number(path, chunk, header, columns, "not all values are finite numbers")
    # Row by row, because genes become the columns of the table; selecting samples is then fast.
    return np.ascontiguousarray(values)


def _bad_number(
    path: Path, chunk: list[tuple[int, bytes]], header: list[str], columns: list[int], reason: str
) -> ValueError:
    """Return the error that names the first value that is neither missing nor a finite number."""
    missing = {text.encode() for text in MISSING}
    for number, line in chunk:
        fields = line.split(b"\t")
        for position in columns:
            field = fields[position]
            if field in missing or (NUMBER.fullmatch(field) and _fits_float32(field)):
                continue
            gene = next(
                (fields[other] for other in range(len(header)) if other not in columns), b""
            )
            return malformed(
                path,
                f"sample {quote(header[position])} has {quote(field.decode(errors='replace'))} "
                f"for gene {quote(gene.decode(errors='replace'))}, which is not a finite number. "
                "Correct it, make it NA, or remove the column if it is no sample",
                number,
            )
    return malformed(path, f"{reason}, between lines {chunk[0][0]} and {chunk[-1][0]}. Correct it")


def _fits_float32(field: bytes) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.isfinite(np.float32(field)))
