"""Match the table of another cohort to the columns, and the scale, of a fitted model."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._fitted_model import first_with, members_of, steps_of
from .._suggestions import did_you_mean
from .._warnings import warn
from ._columns import (
    SEPARATOR,
    UNNAMED,
    Modalities,
    check_not_transposed,
    check_unique,
    describe_missing,
    flatten_columns,
    resolve_modalities,
)
from ._missing import check_finite, column_means
from ._training_summary import MANY_VALUES

MISSING = ("error", "absent", "impute")
TRAINING, WITHIN = "training", "within"
# A mean of 20 samples is off by 0.22 standard deviations, and the deviation by a sixth.
MIN_SAMPLES = 20
VERSIONED = re.compile(r"\A(ENS[A-Z]*\d{11})\.\d+\Z")
WHERE = "feature_map"

# Rows of a report: where, what and count.
Rows: TypeAlias = list[tuple[str, str, int]]


def align_features(
    X: pd.DataFrame,
    model: BaseEstimator,
    *,
    missing: str = "error",
    feature_map: Mapping | pd.Series | None = None,
    normalize: str | Mapping[str, str] = TRAINING,
    return_report: bool = False,
) -> Any:
    """Match the table of another cohort to the columns that a model was fitted to.

    A model that begins with a :class:`~xmodal_sklearn.MultiOmicsSelector` needs only the selected
    columns.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
        Samples of the other cohort, columns named as in fit.
    model : estimator
        A fitted estimator of this package, or a pipeline, search, wrapper or ensemble that begins
        with one.
    missing : {"error", "absent", "impute"}, default="error"
        How to treat needed columns that X lacks. ``"error"`` raises an error. ``"absent"`` makes
        the whole modality of the column absent, a block of NaN. ``"impute"`` fills the column with
        its mean in the training samples; a modality that lacks all needed columns becomes absent.
    feature_map : dict or Series, default=None
        The model's names by the names in X, of columns (``exp__MLL2``) or of features in any
        modality: ``{"MLL2": "KMT2D", "2099": "ESR1", "ENSG00000141510.18": "TP53"}``. Versions of
        Ensembl ids need not agree. An entry is used if the model has a column of the new name.
    normalize : {"training", "within"} or dict of str to these, default="training"
        The scale of the values: one option for all modalities or a dict by modality, in which
        omitted modalities are ``"training"``. ``"training"`` leaves values as they are, on the
        scale of the training samples. ``"within"`` gives each needed feature the mean and standard
        deviation that it had in training, for a cohort of another platform: a factor and an offset
        of a feature no longer matter. The cohort needs 20 samples with a value of each feature, and
        classes about as frequent as in training, because differences due to the classes are
        removed, too.
    return_report : bool, default=False
        Whether to also return a table of what was renamed, left out or filled.

    Returns
    -------
    X_aligned : DataFrame of shape (n_samples, n_aligned)
        The columns in the order of fit: those of X that the model has, and the needed ones that X
        lacks.
    report : DataFrame with the columns "where", "what" and "count"
        Only with ``return_report=True``: counts by modality, and entries of `feature_map` that were
        not used.

    Raises
    ------
    ValueError
        If X lacks needed columns and `missing` is ``"error"``, or no modality is left; if columns
        of X are repeated; if `feature_map` is ambiguous; if the model was fitted without column
        names. With ``normalize="within"``, if a modality has fewer than 20 samples or no numeric
        features with more than two values, or the model keeps no summary of its training samples.

    Warns
    -----
    UserWarning
        If columns were imputed or a modality was made absent.

    See Also
    --------
    MultiOmicsSelector : Needs only the columns that it selected.
    xmodal_sklearn.inspection.drift : Measures how far a cohort is from the training samples.

    Notes
    -----
    ``"within"`` leaves missing values missing, and categorical features and those with two values
    in training as they are; a feature with a single value in X becomes its training mean.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from xmodal_sklearn import MultiOmicsSelector, align_features
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> model = make_pipeline(MultiOmicsSelector(k=5), LogisticRegression(max_iter=2000))
    >>> model = model.fit(X, y)
    >>> other = X.iloc[:, ::-1].assign(age=50)
    >>> aligned = align_features(other, model)
    >>> aligned.shape
    (100, 50)
    >>> bool((model.predict(aligned) == model.predict(X)).all())
    True

    A table maps genes that have another name in the other cohort:

    >>> gene = str(model[0].get_feature_names_out()[0])
    >>> other = X.rename(columns={gene: "exp__OLD"})
    >>> table = {"OLD": gene.removeprefix("exp__"), "UNUSED": "TP53"}
    >>> aligned, report = align_features(other, model, feature_map=table, return_report=True)
    >>> aligned.equals(X)
    True
    >>> print(report.to_string(index=False))
          where             what  count
    feature_map  columns renamed      1
    feature_map entries not used      1

    Another platform measures other values of the same genes:

    >>> other = X.assign(**{name: 3 * X[name] + 5 for name in X if name.startswith("exp__")})
    >>> aligned = align_features(other, model, normalize={"exp": "within"})
    >>> bool((model.predict(aligned) == model.predict(X)).all())
    True
    """
    if missing not in MISSING:
        raise ValueError(f"missing must be one of {list(MISSING)}, got {missing!r}.")
    if not isinstance(X, pd.DataFrame):
        raise TypeError(f"X must be a DataFrame, got {type(X).__name__}.")
    X = flatten_columns(X)
    check_unique(X.columns, "columns of X")
    check_is_fitted(model)
    target = _read_target(model)
    rescaled = _rescaled_modalities(normalize, target.modalities)
    report: Rows = []
    if feature_map is not None:
        renamed, report = rename_features(X.columns, target.names, feature_map)
        X = X.set_axis(renamed, axis=1)
    surplus = X.columns.difference(target.names, sort=False).map(str)
    counts = Counter(
        name.partition(SEPARATOR)[0] if SEPARATOR in name else UNNAMED for name in surplus
    )
    what = "columns that the model does not have, left out"
    report += [(modality, what, count) for modality, count in counts.items()]
    table, rows = _complete(X, target, missing)
    report += rows
    for modality in rescaled:
        table, n_constant = _rescale(table, target, modality)
        report.append((modality, "columns with one value only, set to their mean", n_constant))
    if return_report:
        rows = [row for row in report if row[2]]
        return table, pd.DataFrame(rows, columns=["where", "what", "count"])
    return table


@dataclass(frozen=True)
class _Target:
    """The columns that a model was fitted to, and those that it needs."""

    names: np.ndarray
    modalities: Modalities
    needed: Modalities
    # The steps that X passes first, one for each member of an ensemble, and the needed columns of
    # which each keeps the statistics, no column twice.
    sources: list[tuple[Any, np.ndarray]]

    def sources_of(self, columns: np.ndarray, attribute: str, purpose: str) -> Iterator:
        """Yield the ``input_`` of the steps that some columns reach first, and their columns."""
        for step, owned in self.sources:
            shared, source = np.intersect1d(owned, columns), getattr(step, "input_", None)
            if len(shared) and getattr(source, attribute, None) is None:
                raise ValueError(
                    f"{type(step).__name__} stores no {purpose}. Begin the pipeline with "
                    "MultiOmicsSelector."
                )
            if len(shared):
                yield source, shared


def _read_target(model: Any) -> _Target:
    steps = _first_steps(model)
    first = steps[0]
    if not hasattr(first, "feature_names_in_"):
        raise ValueError(
            f"{type(first).__name__} was fitted without column names, so columns can't be matched. "
            "Fit it to a DataFrame."
        )
    names = first.feature_names_in_
    header = pd.DataFrame(columns=pd.Index(names, dtype=object))
    modalities = getattr(first, "modalities_", None) or resolve_modalities(header, None)
    sources, needed = [], np.array([], dtype=int)
    for step in steps:
        source = getattr(step, "input_", None)
        columns = np.arange(len(names)) if source is None else source.needed
        sources.append((step, np.setdiff1d(columns, needed)))
        needed = np.union1d(needed, columns)
    by_modality = {name: np.intersect1d(columns, needed) for name, columns in modalities.items()}
    return _Target(names, modalities, by_modality, sources)


def _first_steps(model: Any) -> list[Any]:
    """Return the fitted step that X passes first, or that of each member of an ensemble."""
    first = steps_of(model)[0]
    if hasattr(first, "modalities_") or first_with(first, "modalities_") is None:
        return [first]
    return [step for member in members_of(first) for step in _first_steps(member)]


def _complete(X: pd.DataFrame, target: _Target, missing: str) -> tuple[pd.DataFrame, Rows]:
    """Return the columns of fit that X has, with those that it lacks filled, and a report."""
    names = target.names
    present = pd.Index(names).isin(X.columns)
    missing_by_modality = {name: at[~present[at]] for name, at in target.needed.items()}
    missing_by_modality = {name: at for name, at in missing_by_modality.items() if len(at)}
    if not missing_by_modality:
        return X[names[present].tolist()], []
    check_not_transposed(X, names)
    description = describe_missing(names, target.needed, present)
    if missing == "error":
        raise ValueError(
            f"X lacks columns that the model needs: {description}. Add them, map their other names "
            'with feature_map=, or pass missing="absent" or "impute".'
        )
    absent = [
        modality
        for modality, columns in missing_by_modality.items()
        if missing == "absent" or len(columns) == len(target.needed[modality])
    ]
    if len(absent) == len(target.modalities):
        raise ValueError(
            f"X lacks needed columns of every modality, {absent}, so none would be left. Check the "
            'names, or pass missing="impute" if few columns are missing.'
        )
    values, is_filled, rows = np.full(len(names), np.nan), np.zeros(len(names), dtype=bool), []
    for modality, columns in missing_by_modality.items():
        what = "needed columns missing, imputed with their training means"
        is_filled[columns] = True
        if modality in absent:
            what = "needed columns missing, the modality is absent"
            is_filled[target.needed[modality]] = True
            present[target.modalities[modality]] = False
        else:
            purpose = "means of the training samples to impute columns with"
            for source, owned in target.sources_of(columns, "needed_means", purpose):
                values[owned] = source.needed_means[np.searchsorted(source.needed, owned)]
        rows.append((modality, what, len(columns)))
    imputed = [modality for modality in missing_by_modality if modality not in absent]
    warn(
        f"X lacks columns that the model needs: {description}."
        + (f" Imputed with training means: {imputed}." if imputed else "")
        + (f" Treated as absent: {absent}." if absent else "")
    )
    filled = np.tile(values[is_filled], (len(X), 1))
    filled = pd.DataFrame(filled, X.index, names[is_filled].tolist())
    table = pd.concat([X[names[present].tolist()], filled], axis=1)
    return table[names[present | is_filled].tolist()], rows


def _rescaled_modalities(normalize: str | Mapping[str, str], modalities: Modalities) -> list[str]:
    if not isinstance(normalize, Mapping):
        normalize = dict.fromkeys(modalities, normalize)
    for name, how in normalize.items():
        if name not in modalities:
            raise ValueError(
                f"normalize names modality {name!r}; the model has {list(modalities)}"
                f"{did_you_mean(name, modalities)}"
            )
        if how not in (TRAINING, WITHIN):
            raise ValueError(
                f"normalize must be {TRAINING!r} or {WITHIN!r}, or one of these by modality, got "
                f"{how!r}."
            )
    return [name for name in modalities if normalize.get(name) == WITHIN]


def _rescale(table: pd.DataFrame, target: _Target, modality: str) -> tuple[pd.DataFrame, int]:
    """Rescale features to their training mean and deviation; count those with one value only."""
    needed = target.needed[modality]
    if table[target.names[needed].tolist()].isna().all(axis=None):
        return table, 0
    purpose = 'summary of its training samples, which normalize="within" needs'
    sources = list(target.sources_of(needed, "summary", purpose))
    training = pd.concat([_training_moments(source, columns) for source, columns in sources])
    if not (training["n_values"] == MANY_VALUES).any():
        raise ValueError(
            f"The features of modality {modality!r} are categorical, or had at most two values in "
            "training, such as mutations, so they have no scale. Name only modalities of measured "
            'values, such as normalize={"exp": "within"} (--normalize exp=within).'
        )
    columns, names = training.index.to_numpy(), target.names[training.index].tolist()
    places = table.columns.get_indexer(names)
    values = sources[0][0].encoder.encode(table, columns, places, dtype=float)
    check_finite(values, modality, names, table.index)
    _check_enough_samples(values, modality, names)
    mean = column_means(values)
    deviation = np.sqrt(column_means(np.square(values - mean)))
    constant = np.fmin.reduce(values) == np.fmax.reduce(values)
    # A feature that does not vary here can't be scaled, and becomes its training mean.
    deviation[constant] = np.inf
    values = (values - mean) / deviation * training["deviation"].to_numpy()
    rescaled = pd.DataFrame(values + training["mean"].to_numpy(), table.index, names)
    table = pd.concat([table.drop(columns=names), rescaled], axis=1)[table.columns.tolist()]
    return table, int(constant.sum())


def _training_moments(source: Any, columns: np.ndarray) -> pd.DataFrame:
    """Return mean, deviation and number of values, a row per column that has a scale."""
    encoder, summary = source.encoder, source.summary
    places = np.searchsorted(encoder.repeat_encoded(source.needed), columns)
    n_values, scale = summary.n_values[places], summary.scale[places]
    moments = {"mean": summary.mean[places], "deviation": np.where(n_values > 1, scale, 0)}
    has_scale = (n_values != 2) & ~np.isin(columns, list(encoder.categories))
    return pd.DataFrame({**moments, "n_values": n_values}, columns)[has_scale]


def _check_enough_samples(values: np.ndarray, modality: str, names: list[str]) -> None:
    n_present = (~np.isnan(values)).sum(axis=0)
    few = (n_present > 0) & (n_present < MIN_SAMPLES)
    if few.any():
        first = few.argmax()
        raise ValueError(
            f'normalize="within" needs {MIN_SAMPLES} samples with a value of each feature, but '
            f"modality {modality!r} has {n_present[first]} with a value of {names[first]!r} "
            f"({few.sum()} such features). Pass more samples at once, or use "
            f"normalize={{{modality!r}: {TRAINING!r}}} (--normalize {modality}={TRAINING})."
        )


def rename_features(
    names: Sequence[str], model_names: Iterable[str], feature_map: Mapping | pd.Series
) -> tuple[list[str], Rows]:
    """Rename columns as a model names them, and report what was renamed or not used."""
    entries, report = _read_entries(feature_map)
    without_version: dict[str, set[str]] = defaultdict(set)
    for old in entries:
        without_version[VERSIONED.sub(r"\1", old)].add(old)
    model_names = set(model_names)
    renamed, used, n_before = list(names), set(), 0
    for index, name in enumerate(names):
        feature = str(name).partition(SEPARATOR)[2] or str(name)
        entry = _find_entry(str(name), feature, entries, without_version)
        if entry is None:
            continue
        qualified = str(name).removesuffix(feature) + entries[entry]
        new = next((new for new in (entries[entry], qualified) if new in model_names), None)
        if new is not None:
            used.add(entry)
            n_before += name in model_names and new != name
            renamed[index] = new
    _check_not_merged(names, renamed)
    n_renamed = sum(new != old for new, old in zip(renamed, names, strict=True))
    report += [
        (WHERE, "columns renamed", n_renamed),
        (WHERE, "columns renamed although the model has their old name", n_before),
        (WHERE, "entries not used", len(entries) - len(used)),
    ]
    return renamed, report


def _read_entries(feature_map: Mapping | pd.Series) -> tuple[dict[str, str], Rows]:
    if not isinstance(feature_map, Mapping | pd.Series):
        raise TypeError(
            "feature_map must be a dict or a Series of new names by old ones, got "
            f"{type(feature_map).__name__}."
        )
    new_names: dict[str, set[str]] = defaultdict(set)
    for old, new in feature_map.items():
        new_names[_as_text(old)].add(_as_text(new))
    ambiguous = {old: sorted(new) for old, new in new_names.items() if len(new) > 1}
    if ambiguous:
        name, candidates = next(iter(ambiguous.items()))
        raise ValueError(
            f"feature_map has {len(ambiguous)} old names with several new ones, the first is "
            f"{name!r}: {candidates}. Keep one of them."
        )
    entries = {old: next(iter(new)) for old, new in new_names.items()}
    named = {old: new for old, new in entries.items() if old and new}
    return named, [
        (WHERE, "duplicate entries", len(feature_map) - len(entries)),
        (WHERE, "entries without a name, left out", len(entries) - len(named)),
    ]


def _find_entry(
    name: str, feature: str, entries: dict[str, str], without_version: dict[str, set[str]]
) -> str | None:
    """Return the old name of the entry for a column, None if there is none."""
    for old in (name, feature):
        if old in entries:
            return old
    versions = without_version.get(VERSIONED.sub(r"\1", feature), set())
    if len({entries[old] for old in versions}) > 1:
        raise ValueError(
            f"feature_map has several new names for versions of {feature!r}: "
            f"{ {old: entries[old] for old in sorted(versions)} }. Keep one of them."
        )
    return min(versions, default=None)


def _check_not_merged(names: Sequence[str], renamed: list[str]) -> None:
    merged = [name for name, count in Counter(renamed).items() if count > 1]
    if merged:
        name = merged[0]
        columns = [old for old, new in zip(names, renamed, strict=True) if new == name]
        raise ValueError(
            f"feature_map gives {len(merged)} names to several columns, the first is {name!r} for "
            f"{columns}. Drop the columns or the entries that should not be used."
        )


def _as_text(name: Any) -> str:
    """Return a name without surrounding spaces, "" if missing; Entrez ids may be numbers."""
    if name is None or name is pd.NA or name != name:
        return ""
    if isinstance(name, float) and name.is_integer():
        return str(int(name))
    return str(name).strip()
