"""Bringing the table of another cohort to the columns that a model was fitted to."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from .._warnings import warn
from ._columns import (
    SEPARATOR,
    UNNAMED,
    Modalities,
    check_not_transposed,
    check_unique,
    flatten_columns,
    needed_columns,
    resolve_modalities,
)
from ._feature_map import rename_features
from ._normalise import normalise, parse_normalize

__all__ = ["align_features"]

MISSING = ("error", "absent", "impute")


def align_features(
    X: pd.DataFrame,
    model: Any,
    *,
    missing: str = "error",
    max_missing: float = 0.2,
    feature_map: Mapping | pd.Series | None = None,
    normalize: str | Mapping[str, str] = "training",
    report: list[tuple[str, str, int]] | None = None,
) -> pd.DataFrame:
    """Bring the table of another cohort to the columns that a model was fitted to.

    Another cohort has its columns in another order, has columns of its own, and often lacks some.
    Of a pipeline that begins with a :class:`~xmodal_sklearn.MultiOmicsSelector` only the selected
    columns are needed.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
        Samples of the other cohort, columns named as in fit.
    model : estimator
        A fitted estimator of this package, or a pipeline or search that begins with one.
    missing : {"error", "absent", "impute"}, default="error"
        What becomes of a needed column that X lacks. ``"error"`` refuses X. ``"absent"`` makes the
        whole modality of the column absent, a block of NaN. ``"impute"`` fills the column with its
        mean in the training samples.
    max_missing : float, default=0.2
        With ``"impute"``, the largest share of a modality's needed columns that X may lack.
    feature_map : dict or Series, default=None
        The model's names by the names in X, of columns (``exp__MLL2``) or of features in any
        modality: ``{"MLL2": "KMT2D", "2099": "ESR1", "ENSG00000141510.18": "TP53"}``. Versions of
        Ensembl ids need not agree. An entry is used if the model knows the new name.
    normalize : {"training", "within"} or dict of str to these, default="training"
        How the values of a modality compare with those of training; a word for all modalities or a
        dict by modality, in which those not named are as in training. ``"training"`` takes values
        as they are. ``"within"`` gives each needed feature the mean and the deviation that it had
        in training, in place of its own in X, for a cohort of another platform: a factor and an
        offset of a feature no longer matter. The cohort needs 20 samples with a value of each
        feature, and classes about as frequent as in training, because a difference that the classes
        make is taken out, too.
    report : list, default=None
        Takes a tuple ``(where, what, count)`` for whatever was renamed, left out or filled, and for
        entries of `feature_map` that were of no use.

    Returns
    -------
    DataFrame of shape (n_samples, n_aligned)
        The columns in the order of fit: those of X that the model knows, and the needed ones that X
        lacks.

    Raises
    ------
    ValueError
        If X lacks needed columns and `missing` is ``"error"``, if it lacks more than `max_missing`
        of a modality, or if no modality is left; the message counts them by modality. If columns
        of X are repeated or `feature_map` gives several the same name, if it has several new names
        for an old one, or if the model was fitted without column names. With
        ``normalize="within"``, if a modality has fewer than 20 samples or no features of numbers
        other than two values, such as mutations, or if the model keeps no summary of its training
        samples.
    TypeError
        If X is not a DataFrame, or `feature_map` neither a dict nor a Series.

    Warns
    -----
    UserWarning
        If columns were filled or a modality was made absent; it counts them by modality.

    See Also
    --------
    MultiOmicsSelector : Needs only the columns that it selected.
    xmodal_sklearn.inspection.drift : Measures how far a cohort lies from the training samples.

    Notes
    -----
    ``"within"`` leaves missing values missing, and features of words or of two values in training
    as they are; a feature with a single value in X becomes its mean in training.

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

    Genes that the other cohort knows by another name are mapped by a table:

    >>> gene = str(model[0].get_feature_names_out()[0])
    >>> other = X.rename(columns={gene: "exp__OLD"})
    >>> report = []
    >>> table = {"OLD": gene.removeprefix("exp__"), "UNUSED": "TP53"}
    >>> aligned = align_features(other, model, feature_map=table, report=report)
    >>> aligned.equals(X)
    True
    >>> [row for row in report if row[2]]
    [('feature_map', 'columns renamed', 1), ('feature_map', 'entries not used', 1)]

    Another platform gives other values of the same genes:

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
    notes = [] if report is None else report
    first = _first_step(model)
    names, modalities, needed = _columns_of(first)
    wanted = {modality: np.intersect1d(columns, needed) for modality, columns in modalities.items()}
    by_themselves = parse_normalize(normalize, modalities)
    if feature_map is not None:
        X = X.set_axis(rename_features(X.columns, names, feature_map, notes), axis=1)
    notes += _count_surplus(X.columns.difference(names, sort=False))
    known = pd.Index(names).isin(X.columns)
    lacking = {
        modality: columns[~known[columns]]
        for modality, columns in wanted.items()
        if not known[columns].all()
    }
    table = X[names[known].tolist()]
    if lacking:
        check_not_transposed(X, names)
        said = describe_missing(names, wanted, known)
        if missing == "error":
            raise ValueError(
                f"X lacks columns that the model needs: {said}. Add them, map other names of them "
                'by feature_map=, or say missing="absent" or "impute".'
            )
        if missing == "absent":
            filled, gone = _as_absent(X, names, modalities, wanted, lacking)
            table = X[names[known & ~gone].tolist()]
            done, what = "These modalities are taken for absent", "so the modality is absent"
        else:
            _check_too_many(wanted, lacking, max_missing, said)
            filled = _as_means(X, first, names, needed, np.concatenate(list(lacking.values())))
            done = "They are filled with their means in the training samples"
            what = "filled with their means in training"
        notes += [(one, f"needed columns lacking, {what}", len(lacking[one])) for one in lacking]
        warn(f"X lacks columns that the model needs: {said}. {done}.")
        table = pd.concat([table, filled], axis=1)
        table = table[[name for name in names if name in table]]
    return normalise(table, first, {one: wanted[one] for one in by_themselves}, notes)


def _count_surplus(surplus: pd.Index) -> list[tuple[str, str, int]]:
    """Return a row of the report for each modality, "X" for columns that name none."""
    modalities = [
        str(name).partition(SEPARATOR)[0] if SEPARATOR in str(name) else UNNAMED for name in surplus
    ]
    counts = pd.Series(modalities, dtype=object).value_counts(sort=False)
    return [
        (modality, "columns that the model does not know, left out", int(count))
        for modality, count in counts.items()
    ]


def describe_missing(names: np.ndarray, modalities: Modalities, known: np.ndarray) -> str:
    """Count the missing columns of each modality, and name the first."""
    counts = []
    for modality, positions in modalities.items():
        missing = [position for position in positions if not known[position]]
        if missing:
            counts.append(
                f"{modality!r} {len(missing)} of {len(positions)}, the first is "
                f"{names[missing[0]]!r}"
            )
    return "; ".join(counts)


def _first_step(model: Any) -> Any:
    if hasattr(model, "best_estimator_"):
        return _first_step(model.best_estimator_)
    if hasattr(model, "steps"):
        return _first_step(model.steps[0][1])
    check_is_fitted(model)
    return model


def _columns_of(first: Any) -> tuple[np.ndarray, Modalities, np.ndarray]:
    """Return names, modalities and the positions that are needed of the columns seen in fit."""
    if not hasattr(first, "feature_names_in_"):
        raise ValueError(
            f"{type(first).__name__} was fitted without column names, so columns can't be told "
            "apart. Fit it to a DataFrame."
        )
    names = first.feature_names_in_
    if not hasattr(first, "modalities_"):
        header = pd.DataFrame(columns=pd.Index(names, dtype=object))
        return names, resolve_modalities(header, None), np.arange(len(names))
    return names, first.modalities_, needed_columns(first)


def _as_absent(
    X: pd.DataFrame,
    names: np.ndarray,
    modalities: Modalities,
    wanted: Modalities,
    lacking: Modalities,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return blocks of NaN for the modalities, and which columns are of these."""
    if len(lacking) == len(modalities):
        raise ValueError(
            f"X lacks needed columns of every modality, {list(lacking)}, so none would be left. "
            'Say missing="impute" if few columns are missing.'
        )
    gone = np.zeros(len(names), dtype=bool)
    gone[np.concatenate([modalities[modality] for modality in lacking])] = True
    columns = np.concatenate([wanted[modality] for modality in lacking])
    return pd.DataFrame(np.nan, X.index, names[columns].tolist()), gone


def _as_means(
    X: pd.DataFrame, first: Any, names: np.ndarray, needed: np.ndarray, positions: np.ndarray
) -> pd.DataFrame:
    means = _needed_means(first)
    if means is None:
        raise ValueError(
            f"{type(first).__name__} keeps no means of the training samples to fill columns with. "
            "Begin the pipeline with MultiOmicsSelector."
        )
    means = means[np.searchsorted(needed, positions)]
    values = np.broadcast_to(means, (len(X), len(means)))
    return pd.DataFrame(values.copy(), X.index, names[positions].tolist())


def _needed_means(first: Any) -> np.ndarray | None:
    if hasattr(first, "input_"):
        return first.input_.needed_means
    return getattr(first, "_needed_means", None)


def _check_too_many(wanted: Modalities, lacking: Modalities, max_missing: float, said: str) -> None:
    for modality, positions in lacking.items():
        share = len(positions) / len(wanted[modality])
        if share > max_missing:
            raise ValueError(
                f"X lacks too many columns that the model needs: {said}; at most {max_missing:.0%} "
                f"of a modality are filled, {modality!r} lacks {share:.0%}. Check the names, or "
                'say missing="absent" or raise max_missing.'
            )
