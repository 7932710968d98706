"""Tables in text and Parquet files, samples in rows."""

from pathlib import Path
from typing import Any

import pandas as pd

from .._extras import needs_extra
from ..modalities._columns import check_unique

__all__ = ["read_table"]

DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
COMPRESSIONS = {".gz", ".bz2", ".xz", ".zst"}


def read_table(path: Path, dtype: type | None = None) -> pd.DataFrame:
    """Read a table whose first column, or Parquet index, names the samples.

    Parameters
    ----------
    path : Path
        Comma-separated (``.csv``), tab-separated (``.tsv``, ``.txt``), compressed or not, or
        Parquet (``.parquet``).
    dtype : type, default=None
        What to read the values of a text file as. None leaves it to pandas.

    Returns
    -------
    DataFrame of shape (n_samples, n_columns)
        Sample names, as strings, are the index.

    Raises
    ------
    ValueError
        If the name doesn't tell the format, the file is malformed, a column of a text file
        occurs twice, or a sample has no name.
    OSError
        If the file doesn't exist or can't be read.
    ImportError
        If pyarrow, which reads Parquet, is not installed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in COMPRESSIONS]
    suffix = suffixes[-1] if suffixes else ""
    if suffix == ".parquet":
        table = _read_parquet(path)
    elif suffix in DELIMITERS:
        table = _read_delimited(path, DELIMITERS[suffix], dtype)
    else:
        raise ValueError(
            f"Can't tell the format of {path} from its name, which should end in "
            f"{', '.join(DELIMITERS)} or .parquet."
        )
    if table.index.hasnans:
        row = int(table.index.isna().argmax())
        raise ValueError(f"{path}: the sample in data row {row + 1} has no name.")
    return table.set_axis(table.index.astype(str), axis=0)


def _read_delimited(path: Path, delimiter: str, dtype: type | None) -> pd.DataFrame:
    try:
        # The header is read by itself, because pandas renames repeated columns, and together
        # with a row, because pandas would take the surplus value of a longer one for an index.
        first = pd.read_csv(
            path, sep=delimiter, header=None, nrows=2, dtype=str, keep_default_na=False
        )
        names = first.iloc[0].tolist()
        if len(names) == 1:
            raise ValueError(
                f"the header has only one column, {names[0]!r}; columns must be separated by "
                f"{delimiter!r}"
            )
        check_unique(names, "columns")
        types: Any = {names[0]: str} if dtype is None else dtype
        table = pd.read_csv(
            path, sep=delimiter, header=0, names=names, dtype=types, low_memory=False
        )
    except pd.errors.ParserError as error:
        raise ValueError(
            f"Can't read {path}: {error}. Every line must have as many values as the header has "
            "names, including the name of the sample column; from R, use write.table with "
            "col.names=NA."
        ) from error
    except ValueError as error:
        raise ValueError(f"Can't read {path}: {error}") from error
    return table.set_index(names[0]).rename_axis(index=names[0] or None)


def _read_parquet(path: Path) -> pd.DataFrame:
    with needs_extra("parquet", f"Reading {path}"):
        import pyarrow  # noqa: F401
    try:
        table = pd.read_parquet(path, engine="pyarrow")
    except (OSError, ValueError) as error:
        raise ValueError(f"Can't read {path}: {error}") from error
    if isinstance(table.index, pd.RangeIndex):
        table = table.set_index(table.columns[0])
    return table
