"""Tables in text and Parquet files, samples in rows."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten

import pandas as pd

from .._extras import needs_extra
from ..modalities._columns import check_unique
from ._delimited import OPENERS, PLACEHOLDERS, read_delimited
from ._names import strip_names
from ._study import Report

__all__ = ["PLACEHOLDERS", "errors_name", "read_table"]

DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
COMPRESSIONS = {".gz", ".bz2", ".xz", ".zst"}


def read_table(
    path: Path, dtype: type | None = None, *, report: Report | None = None
) -> pd.DataFrame:
    """Read a table whose first column, or Parquet index, names the samples.

    Parameters
    ----------
    path : Path
        Comma-separated (``.csv``), tab-separated (``.tsv``, ``.txt``), compressed or not, or
        Parquet (``.parquet``).
    dtype : type, default=None
        What to read the values of a text file as. None leaves it to pandas, once blanks and
        placeholders like ``NA`` are taken for missing.
    report : Report, default=None
        Takes what was reinterpreted: names with blanks around them, placeholders.

    Returns
    -------
    DataFrame of shape (n_samples, n_columns)
        Sample names, as strings, are the index.

    Raises
    ------
    ValueError
        If the name doesn't tell the format, the file is malformed or damaged, has no header, a
        column occurs twice, a column of numbers holds anything else, or a sample has no name.
    OSError
        If the file doesn't exist or can't be read.
    ImportError
        If pyarrow, which reads Parquet, is not installed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    notes: Report = [] if report is None else report
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in COMPRESSIONS]
    suffix = suffixes[-1] if suffixes else ""
    if suffix != ".parquet" and suffix not in DELIMITERS:
        raise ValueError(
            f"Can't tell the format of {path} from its name, which should end in "
            f"{', '.join(DELIMITERS)} or .parquet."
        )
    with needs_extra("parquet", f"Reading {path}"):
        if suffix == ".parquet":
            import pyarrow  # noqa: F401
    with errors_name(path):
        if suffix == ".parquet":
            return _read_parquet(path, notes)
        return read_delimited(path, DELIMITERS[suffix], dtype, notes)


@contextmanager
def errors_name(path: Path, kind: str = "table") -> Iterator[None]:
    """Turn what a damaged file leads to, in any library, into an error that names the file."""
    try:
        yield
    except UnicodeError as error:
        raise ValueError(
            f"Can't read {path}: {_undecodable(path) or error}. Save the file as UTF-8 text."
        ) from error
    except Exception as error:
        # What the operating system says of the file, and what is not there to read it.
        if isinstance(error, ImportError) or getattr(error, "errno", None):
            raise
        if isinstance(error, ValueError) and _is_ours(error):
            raise ValueError(f"Can't read {path}: {str(error).rstrip('.')}.") from error
        said = shorten(str(error), 500) or type(error).__name__
        raise ValueError(
            f"Can't read {path} as {kind}, it may be damaged: {said}. Fetch it or save it again."
        ) from error


def _is_ours(error: Exception) -> bool:
    """Tell whether this package raised an error, which then says what to do."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return frame.f_globals["__name__"].startswith(__name__.partition(".")[0])


def _undecodable(path: Path) -> str:
    """Say which line of a text file is not UTF-8."""
    with OPENERS.get(path.suffix.lower(), open)(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return f"byte {line[error.start]:#04x} in line {number} is not utf-8"
    return ""


def _read_parquet(path: Path, report: Report) -> pd.DataFrame:
    # Checks the pages that were written with a checksum.
    table = pd.read_parquet(path, engine="pyarrow", page_checksum_verification=True)
    if isinstance(table.index, pd.RangeIndex):
        if table.shape[1] < 2:
            raise ValueError(
                "it has neither an index of sample names nor a first column of them. Save it with "
                "the names as index"
            )
        table = table.set_index(table.columns[0])
    if isinstance(table.index, pd.MultiIndex):
        raise ValueError("its index has several levels. Name the samples by one of them")
    if table.empty:
        raise ValueError(f"it has no {'sample' if table.shape[1] else 'column of values'}. Add one")
    check_unique(table.columns.astype(str), "columns")
    names, n_stripped = strip_names(table.index.astype(str))
    unnamed = table.index.isna() | (names == "")
    if unnamed.any():
        raise ValueError(
            f"the sample in data row {int(unnamed.argmax()) + 1} has no name. Name it, or remove it"
        )
    check_unique(names, "samples")
    report.append((path.name, "samples with blanks around their name, dropped", n_stripped))
    return table.set_axis(names.rename(table.index.name), axis=0)
