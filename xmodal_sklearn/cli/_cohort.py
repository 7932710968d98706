"""Reading the cohort that a command names: a study, a table per modality, or a MuData file."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

from .._extras import needs_extra
from ..datasets import _mudata, fetch_cbioportal, from_mudata, make_multiomics, read_cbioportal
from ..modalities._columns import SEPARATOR, check_unique, resolve_modalities
from ..modalities._concat import concat_modalities
from ..modalities._validation import modality_blocks, modality_presence

__all__ = ["align_to_model", "read_cohort", "read_unlabelled"]

STUDY_TARGET = "CLAUDIN_SUBTYPE"
DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
COMPRESSIONS = {".gz", ".bz2", ".xz", ".zst"}


def read_cohort(
    *,
    study: Path | None = None,
    study_id: str | None = None,
    tables: Sequence[str] = (),
    mudata: Path | None = None,
    target_file: Path | None = None,
    target: str | None = None,
    modalities: Sequence[str] | None = None,
    join: str = "inner",
    random_state: int = 0,
) -> Bunch:
    """Read the samples and their classes from one source, or simulate them without any.

    Parameters
    ----------
    study : Path, default=None
        A cBioPortal study folder.
    study_id : str, default=None
        A study that cBioPortal publishes.
    tables : sequence of str, default=()
        ``modality=file`` each; the classes are in `target_file`. Files have samples in rows and
        their names in the first column: comma-separated (``.csv``), tab-separated (``.tsv``,
        ``.txt``), compressed or not, or Parquet (``.parquet``).
    mudata : Path, default=None
        A MuData (``.h5mu``) or AnnData (``.h5ad``) file.
    target_file : Path, default=None
        Table of the classes, samples in its first column.
    target : str, default=None
        The column that holds the classes: of the study's clinical files, of `target_file`, where
        it may be left out if that has one column only, or of ``obs``.
    modalities : sequence of str, default=None
        Which modalities to read, the primary one first. None means all that there are.
    join : {"inner", "outer"}, default="inner"
        Keep the samples that have all of the modalities, or those that have any.
    random_state : int, default=0
        Seed of the simulation.

    Returns
    -------
    Bunch
        ``data``, ``target``, ``source`` (what to call the cohort), and ``report``, a DataFrame of
        what was left out.

    Raises
    ------
    ValueError
        If there is more than one source, something is missing, or a file is malformed.
    OSError
        If a file can't be read or downloaded.
    ImportError
        If the extra that reads a format is not installed.
    """
    sources = {"--study": study, "--study-id": study_id, "--table": tables, "--mudata": mudata}
    named = [option for option, value in sources.items() if value]
    if len(named) > 1:
        raise ValueError(f"{' and '.join(named)} are two sources of data. Give one.")
    if target_file is not None and not tables:
        raise ValueError("--target-file holds the classes of --table. Give tables, or leave it.")
    if tables:
        cohort = _read_labelled_tables(tables, target_file, target, modalities, join)
    elif mudata is not None:
        cohort = _read_mudata(mudata, target, modalities, join)
    elif study is not None or study_id is not None:
        read: Any = read_cbioportal if study else fetch_cbioportal
        cohort = read(
            study or study_id,
            modalities=tuple(modalities or ("exp", "cna", "mut")),
            target=target or STUDY_TARGET,
            join=join,
        )
        cohort.source = study.resolve().name if study else study_id
    else:
        if target or modalities:
            raise ValueError(
                "--target and --modalities belong to a source of data. Give --study, --study-id, "
                "--table or --mudata."
            )
        cohort = make_multiomics(random_state=random_state)
        cohort.source = "simulated data"
    cohort.setdefault("report", pd.DataFrame(columns=["where", "what", "count"]))
    _check_values(cohort.data)
    return cohort


def read_unlabelled(tables: Sequence[str], mudata: Path | None) -> dict[str, pd.DataFrame]:
    """Read the tables of samples whose classes are not known.

    Parameters
    ----------
    tables : sequence of str
        ``modality=file`` each.
    mudata : Path or None
        A MuData or AnnData file, where there are no `tables`.

    Returns
    -------
    dict of str to DataFrame
        The table of each modality, sample names as index.
    """
    if bool(tables) == (mudata is not None):
        raise ValueError("Give the samples either by --table or by --mudata.")
    if mudata is None:
        return _read_tables(tables)
    parts = _mudata._modalities_of(_load_mudata(mudata), None)
    return {modality: _mudata._read_table(modality, part, None) for modality, part in parts.items()}


def align_to_model(
    tables: Mapping[str, pd.DataFrame], columns: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Bring tables into the columns that a model was fitted to.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Samples in rows. A modality that the model knows may be missing: it is absent then, a
        block of NaN. So is it for samples that its table lacks.
    columns : sequence of str
        The model's columns, ``modality__feature``.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_columns)
        The samples of any table.
    notes : list of str
        What was left out or is absent.

    Raises
    ------
    ValueError
        If a table is of a modality that the model doesn't know, or lacks a feature.
    """
    header = pd.DataFrame(columns=pd.Index(columns, dtype=object))
    known = resolve_modalities(header, None)
    unknown = [modality for modality in tables if modality not in known]
    if unknown:
        raise ValueError(
            f"The model knows the modalities {list(known)}, not {unknown[0]!r}. Name the tables "
            "like those that it was fitted to."
        )
    X = concat_modalities(tables, join="outer")
    given = set(X.columns)
    notes = []
    for modality, positions in known.items():
        needed = [columns[position] for position in positions]
        missing = [column for column in needed if column not in given]
        if modality not in tables:
            notes.append(f"{modality} was not given; the model takes it as absent.")
        elif missing:
            raise ValueError(
                f"The table of modality {modality!r} lacks {len(missing)} of the {len(needed)} "
                f"features that the model was fitted to, the first is "
                f"{missing[0].partition(SEPARATOR)[2]!r}. Add them, measured the same way."
            )
        else:
            further = tables[modality].shape[1] - len(needed)
            if further:
                notes.append(f"{further} features of {modality} are unknown to the model.")
    return X.reindex(columns=columns), notes


def _read_tables(arguments: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Read ``modality=file`` arguments."""
    read = {}
    for argument in arguments:
        modality, separator, path = argument.partition("=")
        if not separator or not modality or not path:
            raise ValueError(
                f"--table takes modality=file, like exp=expression.csv, got {argument!r}."
            )
        if modality in read:
            raise ValueError(f"--table names the modality {modality!r} twice.")
        read[modality] = _read_table(Path(path))
    return read


def _read_labelled_tables(
    arguments: Sequence[str],
    target_file: Path | None,
    target: str | None,
    modalities: Sequence[str] | None,
    join: str,
) -> Bunch:
    if target_file is None:
        raise ValueError(
            "--table needs --target-file, a table with the samples in its first column and their "
            "classes in another."
        )
    labels = _read_labels(target_file, target)
    tables = _read_tables(arguments)
    absent = set(modalities or ()) - set(tables)
    if absent:
        raise ValueError(
            f"--modalities names {sorted(absent)}, but the tables are of {list(tables)}."
        )
    tables = {modality: tables[modality] for modality in modalities or tables}
    for modality, table in tables.items():
        _check_samples(modality, table, labels, target_file)
    data = concat_modalities(tables, join=join)
    known = data.index.isin(labels.index)
    if not known.any():
        raise ValueError(
            f"No sample that has all of {list(tables)} has a class in {target_file}. Give tables "
            "of the same samples, or --join outer."
        )
    classes = labels.loc[data.index[known]].to_numpy(dtype=object)
    n_unknown = int((~known).sum())
    return Bunch(
        data=data if known.all() else data[known],
        target=pd.Series(classes, index=data.index[known], name=labels.name, dtype=object),
        source=", ".join(tables),
        report=pd.DataFrame(
            [("samples", "class unknown", n_unknown)] if n_unknown else [],
            columns=["where", "what", "count"],
        ),
    )


def _read_mudata(
    path: Path, target: str | None, modalities: Sequence[str] | None, join: str
) -> Bunch:
    mdata = _load_mudata(path)
    if target is None:
        raise ValueError(
            f"--mudata needs --target, a column of obs; {path.name} has {list(mdata.obs)}."
        )
    cohort = from_mudata(mdata, target=target, modalities=modalities, join=join)
    cohort.source = path.stem
    return cohort


def _load_mudata(path: Path) -> Any:
    with needs_extra("omics", f"Reading {path}"):
        from anndata import read_h5ad
        from mudata import read_h5mu, set_options
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        # mudata 0.4 will not pull columns; until then it warns where it is not told so.
        with set_options(pull_on_update=False), warnings.catch_warnings():
            # Modalities that measure the same gene are what this package is for.
            warnings.filterwarnings("ignore", ".*var_names are (not unique|intersecting)")
            return read_h5ad(path) if path.suffix == ".h5ad" else read_h5mu(path)
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(f"Can't read {path} as MuData or AnnData: {error}") from error


def _read_labels(path: Path, column: str | None) -> pd.Series:
    """Return the known classes, as strings, by sample."""
    table = _read_table(path, dtype=str)
    if column is None and table.shape[1] > 1:
        raise ValueError(f"--target must say which column of {path} to predict: {list(table)}.")
    if column is not None and column not in table:
        raise ValueError(f"{path} has no column {column!r}; its columns are {list(table)}.")
    labels = table.iloc[:, 0] if column is None else table[column]
    check_unique(labels.index, f"samples of {path}")
    return labels.dropna().astype(str)


def _read_table(path: Path, dtype: type | None = None) -> pd.DataFrame:
    """Read a table whose first column, or Parquet index, names the samples."""
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
            f"Can't tell the format of {path} by its name. Name it "
            f"{', '.join(DELIMITERS)} or .parquet."
        )
    if table.index.hasnans:
        row = int(table.index.isna().argmax())
        raise ValueError(f"{path}: the sample in data row {row + 1} has no name.")
    return table.set_axis(table.index.astype(str), axis=0)


def _read_delimited(path: Path, delimiter: str, dtype: type | None) -> pd.DataFrame:
    try:
        # The header by itself, because pandas renames columns that stand there twice, and with a
        # row, because pandas would take the surplus value of a longer one for an index.
        first = pd.read_csv(
            path, sep=delimiter, header=None, nrows=2, dtype=str, keep_default_na=False
        )
        names = first.iloc[0].tolist()
        if len(names) == 1:
            raise ValueError(
                f"the header has one column only, {names[0]!r}; columns must be separated by "
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
            "names, that of the sample column included; in R, write.table takes col.names=NA."
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


def _check_samples(
    modality: str, table: pd.DataFrame, labels: pd.Series, target_file: Path
) -> None:
    if table.index.isin(labels.index).any():
        return
    if table.columns.astype(str).isin(labels.index).any():
        raise ValueError(
            f"The table of modality {modality!r} has its samples in columns. Transpose it: samples "
            "go in rows."
        )
    raise ValueError(
        f"No sample of modality {modality!r} ({', '.join(table.index[:2])}, …) has a class in "
        f"{target_file} ({', '.join(labels.index[:2])}, …). Use the same names in both."
    )


def _check_values(data: pd.DataFrame) -> None:
    """Refuse now what every fit would refuse later."""
    modalities = resolve_modalities(data, None)
    modality_presence(data, modality_blocks(data, modalities), modalities)
