"""Convert MuData and AnnData objects to tables, and tables to MuData."""

import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import Bunch

from .._extras import needs_extra
from .._files import check_extension
from .._suggestions import did_you_mean, first_names
from ..modalities._columns import UNNAMED, check_unique
from ..modalities._concat import concat_modalities, split_modalities
from ..modalities._encoding import as_matrix, as_sparse_matrix, find_categorical
from ._study import Report, make_study, make_target
from ._text import add_path_to_errors

READ_ALL = """
import sys, h5py
def read(name, node):
    dict(node.attrs)
    isinstance(node, h5py.Dataset) and node[()]
with h5py.File(sys.argv[1]) as file:
    read("", file)
    file.visititems(read)
"""


def from_mudata(
    mdata: Any,
    *,
    target: str,
    modalities: Sequence[str] | None = None,
    layers: Mapping[str, str] | None = None,
    join: str = "inner",
) -> Bunch:
    """Read the modalities and classes of a MuData or AnnData object.

    The modalities are aligned on their sample names (``obs_names``); samples whose class is
    unknown are left out and counted in a report.

    Parameters
    ----------
    mdata : MuData or AnnData
        Samples in ``obs``, features in ``var``. An AnnData is one modality. Objects backed by a
        file are read into memory.
    target : str
        Column of ``mdata.obs`` that holds the classes or, if there is none of that name, of the
        modalities' own ``obs``.
    modalities : sequence of str, default=None
        Which modalities to read, in the order of the columns; the first is the classifier's
        primary modality. None means all. For an AnnData, a list with the name to give it; None
        means ``["X"]``.
    layers : dict of str to str, default=None
        The layer to read of each modality that is not to be read from ``X``.
    join : {"inner", "outer"}, default="inner"
        Keep the samples that have all of the modalities, or those that have any. An absent
        modality is then a block of NaN.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        With the attributes

        data : DataFrame of shape (n_samples, n_features)
            Columns named ``modality__feature`` in the dtype of their matrix, sample names as
            index, in the order of ``mdata.obs``. A sparse matrix becomes sparse columns.
        target : Series of shape (n_samples,)
            Classes, indexed like ``data``: of object dtype where they are strings.
        target_names : ndarray of shape (n_classes,)
            Classes, sorted as in a classifier's ``classes_``.
        feature_names : list of str
            Columns of ``data``.
        modalities : dict of str to ndarray of int
            Column positions of each modality.
        report : DataFrame with the columns "where", "what" and "count"
            What was left out, and how often.
        DESCR : str
            A description of the data.

    Raises
    ------
    ValueError
        If a modality, layer or target does not exist (the message lists those that do), if a
        sample or feature name is repeated, if the modalities' ``obs`` disagree on a sample's
        class, if the modalities share features instead of samples (``axis=1``), or if no sample
        is left.
    TypeError
        If `mdata` is neither MuData nor AnnData.

    See Also
    --------
    to_mudata : Turn a table back into a MuData.
    read_cbioportal : Read a study folder into the same form.

    Notes
    -----
    A class is unknown where ``obs`` holds NaN, None or NA; any other value, an empty string too,
    is a class.

    Examples
    --------
    >>> import pandas as pd
    >>> from anndata import AnnData
    >>> from xmodal_sklearn.datasets import from_mudata
    >>> counts = pd.DataFrame({"ESR1": [7, 0, 3], "HLA-A": [5, 8, 6]}, index=["P1", "P2", "P3"])
    >>> obs = pd.DataFrame({"subtype": ["LumA", "Basal", None]}, index=counts.index)
    >>> adata = AnnData(counts, obs=obs)
    >>> study = from_mudata(adata, target="subtype", modalities=["exp"])
    >>> study.data
        exp__ESR1  exp__HLA-A
    P1          7           5
    P2          0           8
    >>> study.target.to_dict()
    {'P1': 'LumA', 'P2': 'Basal'}
    """
    parts = modalities_of_mudata(mdata, modalities)
    layers = layers or {}
    if unknown := sorted(set(layers) - set(parts)):
        raise ValueError(f"layers names modalities {unknown}, but those read are {list(parts)}.")
    tables = {name: read_modality(name, part, layers.get(name)) for name, part in parts.items()}
    data = concat_modalities(tables, join=join)
    data = data.reindex(mdata.obs_names[mdata.obs_names.isin(data.index)])
    labels = find_labels(mdata, target).dropna()
    is_labeled = data.index.isin(labels.index)
    if not is_labeled.any():
        raise ValueError(
            f"None of the {len(is_labeled)} samples has a known {target!r}. Samples with a known "
            f"{target!r} begin with {list(labels.index[:3])}, those of the modalities with "
            f"{list(data.index[:3])}. Check the column and the sample names."
        )
    data = data if is_labeled.all() else data[is_labeled]
    classes = labels.loc[data.index].to_numpy()
    report = Report()
    report.add("samples", "target unknown", ~is_labeled)
    # The string dtype that pandas would choose, whatever that of mdata.
    data = data.set_axis(pd.Index(data.index.tolist()))
    return make_study(
        data,
        make_target(classes, data.index, target),
        DESCR=f"{type(mdata).__name__}: {', '.join(parts)} ({join} join), {target}.",
        report=report,
    )


def to_mudata(X: pd.DataFrame, y: Any = None) -> Any:
    """Turn a table of several modalities, and classes where given, into a MuData object.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
        Columns named ``modality__feature``, or of two levels (modality, feature). A block of NaN
        marks an absent modality.
    y : array-like of shape (n_samples,), default=None
        Classes; a Series must have the index of X.

    Returns
    -------
    MuData
        One AnnData per modality with the samples that have it, ``obs`` in the order of X. Classes
        are a column of ``obs`` with the name of `y`, or ``"target"`` where it has none.

    Raises
    ------
    ImportError
        If mudata is not installed; the extra ``omics`` installs it.
    ValueError
        If a sample or column name is repeated, a column names no modality, a sample has no
        modality at all, or `y` does not match the samples of X.
    TypeError
        If X is not a DataFrame.

    See Also
    --------
    from_mudata : Read a MuData into a table.
    split_modalities : Split a table into one DataFrame per modality.

    Notes
    -----
    Sample names become strings. A modality whose columns are all sparse with a fill value of 0
    becomes a sparse matrix. One whose columns differ in dtype gets the smallest dtype that holds
    them all. Names and classes that are strings are objects, which anndata writes to a file
    whatever the string dtype of pandas.

    Examples
    --------
    >>> from xmodal_sklearn.datasets import from_mudata, make_multiomics, to_mudata
    >>> X, y = make_multiomics(100, missing={"cna": 0.2}, return_X_y=True, random_state=0)
    >>> mdata = to_mudata(X, y.rename("subtype"))
    >>> {modality: adata.shape for modality, adata in mdata.mod.items()}
    {'exp': (100, 1000), 'cna': (80, 800), 'mut': (100, 100)}
    >>> from_mudata(mdata, target="subtype", join="outer").data.equals(X)
    True
    """
    with needs_extra("omics", "to_mudata"):
        from anndata import AnnData
        from mudata import MuData
    tables = split_modalities(X)
    samples = _as_objects(X.index)
    check_unique(samples, "samples of X, as strings,")
    absent = ~np.logical_or.reduce([X.index.isin(table.index) for table in tables.values()])
    if absent.any():
        raise ValueError(
            f"Sample {X.index[absent.argmax()]!r} has no modality, because every column is NaN "
            f"({absent.sum()} such samples). Drop such samples."
        )
    parts = {}
    for modality, table in tables.items():
        names = [pd.DataFrame(index=_as_objects(axis)) for axis in table.axes]
        parts[modality] = AnnData(_to_matrix(table), *names)
    obs = pd.DataFrame(_to_labels(X, y), index=samples)
    with _quiet_mudata():
        mdata = MuData(parts, obs=obs)
    mdata.var.index = _as_objects(mdata.var.index)
    return mdata


def _as_objects(names: pd.Index) -> pd.Index:
    # anndata 0.12 does not write the string dtypes of pandas.
    return pd.Index(names.astype(str), dtype=object)


def load_mudata(path: Path) -> Any:
    """Load a MuData (``.h5mu``) or AnnData (``.h5ad``) file."""
    with needs_extra("omics", f"Reading {path}"):
        from anndata import read_h5ad
        from mudata import read_h5mu
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    check_extension(path, ".h5mu", ".h5ad")
    # Read in another process first: a damaged file can make HDF5 end the process.
    done = subprocess.run([sys.executable, "-c", READ_ALL, path], capture_output=True)
    if done.returncode not in (0, 1):  # 1 is an exception, which comes again
        raise ValueError(
            f"Can't read {path}: it is damaged, and reading it ends with exit code "
            f"{done.returncode}. Download or save it again."
        )
    with add_path_to_errors(path, "MuData or AnnData"), _quiet_mudata():
        return read_h5ad(path) if path.suffix.lower() == ".h5ad" else read_h5mu(path)


@contextmanager
def _quiet_mudata() -> Iterator[None]:
    from mudata import set_options

    # mudata 0.4 will no longer pull columns; earlier versions warn unless it is turned off.
    with set_options(pull_on_update=False), warnings.catch_warnings():
        # Modalities that measure the same gene are what this package is for.
        warnings.filterwarnings("ignore", ".*var_names are (not unique|intersecting)")
        yield


def modalities_of_mudata(mdata: Any, modalities: Sequence[str] | None) -> dict[str, Any]:
    """Return the AnnData of every modality to be read; an AnnData is one modality."""
    if not hasattr(mdata, "obs_names"):
        raise TypeError(f"mdata must be a MuData or an AnnData, got {type(mdata).__name__}.")
    if isinstance(modalities, str):
        raise ValueError(f"modalities must be a list of names, got {modalities!r}.")
    if not hasattr(mdata, "mod"):
        names = [UNNAMED] if modalities is None else list(modalities)
        if len(names) != 1:
            raise ValueError(f"An AnnData is one modality, but modalities names {names}.")
        return {names[0]: mdata}
    if mdata.axis == 1:
        raise ValueError(
            "The modalities of mdata share their features (axis=1), not their samples. Pass a "
            "MuData with axis=0."
        )
    names = list(mdata.mod) if modalities is None else list(modalities)
    check_unique(names, "names in modalities")
    missing = [name for name in names if name not in mdata.mod]
    if missing or not names:
        raise ValueError(
            f"modalities must name some of {list(mdata.mod)}, the modalities of mdata, got {names}."
        )
    return {name: mdata.mod[name] for name in names}


def read_modality(modality: str, adata: Any, layer: str | None) -> pd.DataFrame:
    """Return the table of one modality, with sparse columns if its matrix is sparse."""
    if hasattr(adata, "mod"):
        raise ValueError(f"Modality {modality!r} is itself a MuData. Read it separately.")
    if layer is not None and layer not in adata.layers:
        raise ValueError(
            f"Modality {modality!r} has no layer {layer!r}; its layers are {list(adata.layers)}."
        )
    if adata.isbacked:
        adata = adata.to_memory()
    values = adata.X if layer is None else adata.layers[layer]
    if values is None:
        raise ValueError(
            f"Modality {modality!r} has no X. Name one of its layers in `layers`: "
            f"{list(adata.layers)}."
        )
    if sparse.issparse(values):
        return pd.DataFrame.sparse.from_spmatrix(values, adata.obs_names, adata.var_names)
    return pd.DataFrame(np.asarray(values), adata.obs_names, adata.var_names)


def find_labels(mdata: Any, target: str) -> pd.Series:
    """Return a column of the common obs, or of those of the modalities."""
    if target in mdata.obs:
        return mdata.obs[target]
    tables = {modality: adata.obs for modality, adata in getattr(mdata, "mod", {}).items()}
    columns = {name: obs[target].dropna() for name, obs in tables.items() if target in obs}
    if not columns:
        known = {"mdata": mdata.obs, **tables}
        shown = "; ".join(f"{name}.obs: {first_names(obs)}" for name, obs in known.items())
        suggestion = did_you_mean(target, [column for obs in known.values() for column in obs])
        raise ValueError(f"No column of obs is named {target!r}{suggestion} Columns of {shown}.")
    labels = pd.concat(columns.values())
    first = labels[~labels.index.duplicated()]
    differs = labels.to_numpy() != first.loc[labels.index].to_numpy()
    if differs.any():
        sample = labels.index[differs.argmax()]
        raise ValueError(
            f"The modalities {list(columns)} disagree on {target!r}: sample {sample!r} has "
            f"{labels.loc[sample].unique().tolist()} ({differs.sum()} such values). Put the right "
            "classes into mdata.obs."
        )
    return first


def _to_matrix(table: pd.DataFrame) -> np.ndarray | sparse.csr_matrix:
    matrix = as_sparse_matrix(table)
    if matrix is not None:
        return matrix.tocsr()
    if categorical := find_categorical(table):
        raise ValueError(
            f"Column {table.columns[categorical[0]]!r} is categorical, but AnnData objects hold "
            "numbers. Encode it as numbers, or drop it and keep it in obs."
        )
    return as_matrix(table)


def _to_labels(X: pd.DataFrame, y: Any) -> dict[str, Any]:
    """Return the column of obs that holds y."""
    if y is None:
        return {}
    if len(y) != len(X):
        raise ValueError(f"X has {len(X)} samples, but y has {len(y)} classes.")
    if isinstance(y, pd.Series) and not y.index.equals(X.index):
        raise ValueError(
            "The index of y is not that of X. Pass y.loc[X.index], or y.to_numpy() if it is "
            "already in the order of X."
        )
    name = getattr(y, "name", None)
    name = "target" if name is None else str(name)
    return {name: make_target(y, _as_objects(X.index), name)}
