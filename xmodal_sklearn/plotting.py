"""Displays in scikit-learn's manner: computing in ``from_…``, drawing in ``plot``."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import check_scoring
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params
from sklearn.utils.validation import check_is_fitted

from . import _modalities as blocks
from .selection import MultiOmicsSelector, _one_hot, _samples_with

__all__ = [
    "CoefficientPathDisplay",
    "ComparisonDisplay",
    "KScoreDisplay",
    "ModalityAblationDisplay",
    "metric_label",
]

METRIC_LABELS = {
    "f1_macro": "macro-F1",
    "f1_weighted": "weighted F1",
    "balanced_accuracy": "balanced accuracy",
    "roc_auc_ovr": "ROC AUC (ovr)",
    "roc_auc_ovo": "ROC AUC (ovo)",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
    "mcc": "Matthews correlation",
    "fit_seconds": "seconds to fit",
    "predict_seconds": "seconds to predict",
    "peak_mb": "peak memory, MB",
}


def metric_label(metric: str) -> str:
    """Return how a metric is called in a figure or a table.

    Parameters
    ----------
    metric : str
        As scikit-learn and :func:`~xmodal_sklearn.benchmark.compare` name it.

    Returns
    -------
    str
        Its name in words.

    Examples
    --------
    >>> from xmodal_sklearn.plotting import metric_label
    >>> metric_label("f1_macro")
    'macro-F1'
    """
    return METRIC_LABELS.get(metric, metric.removeprefix("neg_").replace("_", " "))


class ComparisonDisplay:
    """Models compared fold by fold: every fold a point, with mean and interval.

    Create it by :meth:`from_comparison`.

    Parameters
    ----------
    scores : DataFrame of shape (n_folds, n_estimators)
        The score of each fold; columns in the order to draw, the first on top.
    intervals : DataFrame of shape (n_estimators, 3)
        ``mean``, ``lower`` and ``upper`` of each estimator.
    metric : str
        Name of the metric.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Their figure.
    points_ : list of matplotlib PathCollection
        The folds of each estimator.

    See Also
    --------
    xmodal_sklearn.benchmark.compare : Makes the comparison.
    xmodal_sklearn.report.write_report : Draws this for every metric, among much else.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.linear_model import LogisticRegression
    >>> from xmodal_sklearn.benchmark import compare
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.plotting import ComparisonDisplay
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> models = {"logistic": LogisticRegression(max_iter=1000), "dummy": DummyClassifier()}
    >>> display = ComparisonDisplay.from_comparison(compare(models, X, y, cv=3))
    >>> display.scores.shape
    (3, 2)
    """

    def __init__(self, *, scores: pd.DataFrame, intervals: pd.DataFrame, metric: str):
        self.scores = scores
        self.intervals = intervals
        self.metric = metric

    @classmethod
    def from_comparison(
        cls,
        comparison: Any,
        *,
        metric: str | None = None,
        confidence: float = 0.95,
        ax: Any = None,
    ) -> "ComparisonDisplay":
        """Draw what :func:`~xmodal_sklearn.benchmark.compare` returned.

        Parameters
        ----------
        comparison : Comparison
            The result of a comparison.
        metric : str, default=None
            The metric to draw; None is the first.
        confidence : float, default=0.95
            Coverage of the intervals, in (0, 1).
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ComparisonDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the metric was not measured.

        Notes
        -----
        Folds share training samples, so that the standard error over folds is too small. The
        intervals take the variance of Nadeau and Bengio (Machine Learning 52, 2003), which adds
        the ratio of test to training samples to that of one over the number of folds.
        """
        metric = metric or comparison.metrics[0]
        measured = comparison.scores["metric"].unique()
        if metric not in measured:
            raise ValueError(f"No metric {metric!r} was measured, only {list(measured)}.")
        by_fold = comparison.scores.pivot(  # noqa: PD010
            index=["repeat", "fold"], columns=["metric", "estimator"], values="value"
        )
        scores = by_fold[metric][list(comparison.summary().index)]
        ratio = (by_fold["n_test"] / by_fold["n_train"]).mean()
        error = np.sqrt((1 / scores.count() + ratio[scores.columns]) * scores.var())
        margin = stats.t.ppf(0.5 + confidence / 2, df=scores.count() - 1) * error
        mean = scores.mean()
        intervals = pd.DataFrame({"mean": mean, "lower": mean - margin, "upper": mean + margin})
        return cls(scores=scores, intervals=intervals, metric=metric).plot(ax)

    def plot(self, ax: Any = None, **point_kwargs: Any) -> "ComparisonDisplay":
        """Draw the folds, means and intervals, one row per estimator.

        Within a row the folds go down in the same order for every estimator.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **point_kwargs : dict
            Passed to ``Axes.scatter`` for the folds.

        Returns
        -------
        ComparisonDisplay
            The display itself.
        """
        n_folds, n_estimators = self.scores.shape
        self.ax_ = _axes(ax, height=1.2 + 0.4 * n_estimators)
        self.figure_ = self.ax_.figure
        spread = np.linspace(-0.25, 0.25, n_folds) if n_folds > 1 else np.zeros(1)
        style = {"s": 12, "color": "C0", "alpha": 0.45, "linewidths": 0, **point_kwargs}
        self.points_ = []
        for row, name in enumerate(self.scores):
            self.points_.append(self.ax_.scatter(self.scores[name], row + spread, **style))
            mean, lower, upper = self.intervals.loc[name, ["mean", "lower", "upper"]]
            self.ax_.plot([lower, upper], [row, row], color="black", linestyle="-", linewidth=1.2)
            self.ax_.plot(mean, row, color="black", marker="D", markersize=4)
        self.ax_.set(
            yticks=range(n_estimators),
            yticklabels=list(self.scores),
            ylim=(n_estimators - 0.5, -0.5),
            xlabel=metric_label(self.metric),
        )
        return self


class KScoreDisplay:
    """The score against K, the number of features selected per modality.

    Create it by :meth:`from_estimator` or :meth:`from_scores`.

    Parameters
    ----------
    scores : DataFrame
        One row per group and K: ``group``, ``k``, ``mean`` and ``std`` over the folds.
    score_name : str
        Name of the score.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Their figure.
    lines_ : list of matplotlib ErrorbarContainer
        One per group.

    See Also
    --------
    sklearn.model_selection.ValidationCurveDisplay : Fits the models itself.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from xmodal_sklearn import MultiOmicsSelector
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.plotting import KScoreDisplay
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> model = make_pipeline(MultiOmicsSelector(), LogisticRegression(max_iter=1000))
    >>> search = GridSearchCV(model, {"multiomicsselector__k": [5, 10, 20]}, cv=3).fit(X, y)
    >>> KScoreDisplay.from_estimator(search).scores["k"].to_list()
    [5, 10, 20]
    """

    def __init__(self, *, scores: pd.DataFrame, score_name: str):
        self.scores = scores
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls, search: Any, *, param: str | None = None, score_name: str | None = None, ax: Any = None
    ) -> "KScoreDisplay":
        """Draw a fitted search over K.

        Parameters
        ----------
        search : GridSearchCV or another fitted search with ``cv_results_``
            Searched over K, and perhaps over other parameters: these make one line for each
            combination of their values.
        param : str, default=None
            The parameter that is K; None is the only one named ``k`` or ending in ``__k``.
        score_name : str, default=None
            Name of the score; None takes it from the search.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        KScoreDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the search was not over K, over several, or over K given as a dict.
        """
        check_is_fitted(search, "cv_results_")
        parameters = list(search.cv_results_["params"])
        varied = sorted({name for one in parameters for name in one})
        param = param or _only_k(varied)
        if param not in varied:
            raise ValueError(f"The search was not over {param!r}, only over {varied}.")
        metric = search.refit if isinstance(search.refit, str) else "score"
        scores = pd.DataFrame(
            {
                "group": [_describe(one, without=param) for one in parameters],
                "k": [one.get(param) for one in parameters],
                "mean": search.cv_results_[f"mean_test_{metric}"],
                "std": search.cv_results_[f"std_test_{metric}"],
            }
        )
        _check_ks(scores["k"])
        if score_name is None:
            scoring = metric if metric != "score" else search.scoring
            score_name = metric_label(scoring) if isinstance(scoring, str) else "score"
        return cls(scores=scores, score_name=score_name).plot(ax)

    @classmethod
    def from_scores(
        cls,
        scores: pd.DataFrame,
        *,
        k: str = "k",
        score: str = "score",
        group: str | None = None,
        ax: Any = None,
    ) -> "KScoreDisplay":
        """Draw scores from a table with one row per fold.

        Parameters
        ----------
        scores : DataFrame
            One row per K and fold, and per group where there are some.
        k, score : str
            Columns that hold K and the score.
        group : str, default=None
            Column that tells the lines apart, such as the modalities used; None is one line.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        KScoreDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a column is not there.
        """
        absent = [name for name in (k, score, group) if name is not None and name not in scores]
        if absent:
            raise ValueError(f"scores has no column {absent[0]!r}, only {list(scores)}.")
        _check_ks(scores[k])
        # Groups stay in the order in which they stand in the table.
        groups = pd.Series("", index=scores.index) if group is None else scores[group].map(str)
        summary = (
            scores[score]
            .groupby([groups.rename("group"), scores[k].rename("k")], sort=False)
            .agg(["mean", "std"])
            .reset_index()
        )
        return cls(scores=summary, score_name=metric_label(score)).plot(ax)

    def plot(self, ax: Any = None, **line_kwargs: Any) -> "KScoreDisplay":
        """Draw the mean score against K, with bars of one standard deviation over the folds.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **line_kwargs : dict
            Passed to ``Axes.errorbar``.

        Returns
        -------
        KScoreDisplay
            The display itself.
        """
        self.ax_ = _axes(ax)
        self.figure_ = self.ax_.figure
        ks = sorted(self.scores["k"].unique(), key=lambda k: (k == "all", k))
        # "all" is no number, so that it takes the next place after the numbers.
        place = {k: row for row, k in enumerate(ks)} if "all" in ks else {k: k for k in ks}
        style = {"marker": "o", "markersize": 4, "capsize": 2, **line_kwargs}
        self.lines_ = []
        for name, rows in self.scores.groupby("group", sort=False):
            x = rows["k"].map(place)
            rows = rows.iloc[np.argsort(x, kind="stable")]
            self.lines_.append(
                self.ax_.errorbar(np.sort(x), rows["mean"], rows["std"], label=name, **style)
            )
        if "all" not in ks and len(ks) > 1:
            self.ax_.set_xscale("log")
        self.ax_.set_xticks(list(place.values()), labels=[f"{k}" for k in ks])
        self.ax_.minorticks_off()
        self.ax_.set(xlabel="features per modality, K", ylabel=self.score_name)
        if len(self.lines_) > 1:
            self.ax_.legend()
        return self


class CoefficientPathDisplay:
    """The path of the elastic net that ranks the features of one modality.

    Create it by :meth:`from_estimator`.

    Parameters
    ----------
    penalties : ndarray of shape (n_steps,)
        Decreasing penalties.
    norms : ndarray of shape (n_features, n_steps)
        The norm of each feature's coefficients over the classes, best feature first.
    feature_names : sequence of str of length n_features
        Their names.
    modality : str
        The modality.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Their figure.
    lines_ : list of matplotlib Line2D
        One per feature.

    See Also
    --------
    xmodal_sklearn.MultiOmicsSelector : Ranks by this path, and describes it.

    Examples
    --------
    >>> from xmodal_sklearn import MultiOmicsSelector
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.plotting import CoefficientPathDisplay
    >>> X, y = make_multiomics(100, {"exp": 200, "mut": 30}, return_X_y=True, random_state=0)
    >>> selector = MultiOmicsSelector(k=5)
    >>> display = CoefficientPathDisplay.from_estimator(selector, X, y, modality="exp")
    >>> display.feature_names[:5] == list(selector.fit(X, y).rankings_["exp"][:5])
    True
    """

    def __init__(
        self,
        *,
        penalties: np.ndarray,
        norms: np.ndarray,
        feature_names: Sequence[str],
        modality: str,
    ):
        self.penalties = penalties
        self.norms = norms
        self.feature_names = feature_names
        self.modality = modality

    @classmethod
    def from_estimator(
        cls,
        selector: MultiOmicsSelector,
        X: Any,
        y: Any,
        *,
        modality: str | None = None,
        ax: Any = None,
    ) -> "CoefficientPathDisplay":
        """Solve the path that a selector ranks by, and draw it.

        Parameters
        ----------
        selector : MultiOmicsSelector
            Gives `l1_ratio` and `modalities`; need not be fitted.
        X : DataFrame or array of shape (n_samples, n_features)
            Samples; those that lack the modality are left out.
        y : array-like of shape (n_samples,)
            Class labels.
        modality : str, default=None
            The modality; None is the first.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        CoefficientPathDisplay
            The display, drawn. It holds the features that enter the path, in the order of the
            ranking.

        Raises
        ------
        ValueError
            If X lacks the modality, or the selector ranks by another estimator.
        """
        # Imported here because numba takes half a second that other users need not wait for.
        from ._elastic_net import ranking_path

        if selector.estimator is not None:
            raise ValueError(
                f"The selector ranks by estimator={selector.estimator!r}, which has no path. Give "
                "one with estimator=None, the built-in elastic net."
            )
        table, y = blocks.validate_table(clone(selector), X, y, ensure_min_samples=2)
        modalities = blocks.resolve_modalities(table, selector.modalities)
        modality = next(iter(modalities)) if modality is None else modality
        if modality not in modalities:
            raise ValueError(f"X has no modality {modality!r}, only {list(modalities)}.")
        positions = modalities[modality]
        values = blocks.modality_blocks(table, modalities)
        present = blocks.modality_presence(table, values, modalities)
        has_it = present[:, list(modalities).index(modality)]
        codes = LabelEncoder().fit_transform(y)
        block, codes = _samples_with(modality, values[modality], codes, has_it)
        path = ranking_path(block, _one_hot(codes), l1_ratio=selector.l1_ratio)
        norms = np.zeros((len(positions), len(path.penalties)))
        for step, (features, coefficients) in enumerate(
            zip(path.features, path.coefficients, strict=True)
        ):
            norms[features, step] = np.linalg.norm(coefficients, axis=1)
        names = np.array(blocks.column_labels(table), dtype=object)[positions]
        order = _by_entry(norms, names)
        return cls(
            penalties=path.penalties,
            norms=norms[order],
            feature_names=list(names[order]),
            modality=modality,
        ).plot(ax)

    def plot(self, ax: Any = None, *, n_named: int = 8) -> "CoefficientPathDisplay":
        """Draw the norm of the coefficients against the penalty.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        n_named : int, default=8
            Number of best features in colour, with their names.

        Returns
        -------
        CoefficientPathDisplay
            The display itself.
        """
        self.ax_ = _axes(ax)
        self.figure_ = self.ax_.figure
        self.lines_ = []
        for rank, (name, norms) in enumerate(zip(self.feature_names, self.norms, strict=True)):
            if rank < n_named:
                style: dict = {"label": name.removeprefix(f"{self.modality}__"), "zorder": 3}
            else:
                style = {"color": "lightgrey", "linewidth": 0.4, "alpha": 0.6}
            self.lines_ += self.ax_.plot(self.penalties, norms, **style)
        self.ax_.set_xscale("log")
        self.ax_.invert_xaxis()
        self.ax_.set(
            xlabel=f"penalty λ ({self.modality})",
            ylabel="norm of the coefficients",
            ylim=(0, None),
        )
        if self.feature_names:
            self.ax_.legend(title="best first", loc="upper left", bbox_to_anchor=(1, 1))
        return self


class ModalityAblationDisplay:
    """What a fitted model loses when a modality is taken from it.

    Create it by :meth:`from_estimator`.

    Parameters
    ----------
    score : float
        The score with all modalities.
    scores : DataFrame of shape (n_repeats, n_modalities)
        The scores without each modality.
    method : {"permute", "absent"}
        How a modality was taken away.
    score_name : str
        Name of the score.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        Their figure.
    points_ : list of matplotlib PathCollection
        The repeats of each modality.

    See Also
    --------
    sklearn.inspection.permutation_importance : Permutes one column at a time.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.plotting import ModalityAblationDisplay
    >>> X, y = make_multiomics(200, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> model = LogisticRegression(max_iter=1000).fit(X[:100], y[:100])
    >>> display = ModalityAblationDisplay.from_estimator(model, X[100:], y[100:], random_state=0)
    >>> list(display.scores)
    ['exp', 'mut']
    """

    def __init__(self, *, score: float, scores: pd.DataFrame, method: str, score_name: str):
        self.score = score
        self.scores = scores
        self.method = method
        self.score_name = score_name

    @classmethod
    @validate_params(
        {
            "method": [StrOptions({"permute", "absent"})],
            "n_repeats": [Interval(Integral, 1, None, closed="left")],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=True,
    )
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        modalities: dict | None = None,
        method: str = "permute",
        scoring: Any = None,
        n_repeats: int = 10,
        random_state: Any = None,
        ax: Any = None,
    ) -> "ModalityAblationDisplay":
        """Score a fitted estimator without each modality in turn, and draw that.

        Parameters
        ----------
        estimator : estimator
            Fitted, for example a pipeline.
        X : DataFrame or array of shape (n_samples, n_features)
            Samples that the estimator was not fitted to.
        y : array-like of shape (n_samples,)
            Class labels.
        modalities : dict of str to columns, default=None
            The columns of each modality; None reads them from the column names.
        method : {"permute", "absent"}, default="permute"
            ``"permute"`` gives each sample that modality of another one, all its columns
            together. ``"absent"`` makes its block NaN, for estimators that take absent modalities.
        scoring : str or callable, default=None
            The score; None is the estimator's own.
        n_repeats : int, default=10
            Number of permutations; ``"absent"`` needs one only.
        random_state : int, RandomState instance or None, default=None
            Determines the permutations.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        ModalityAblationDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a sample would be left without any modality, or the estimator takes no NaN.

        Notes
        -----
        Modalities share information: each may be dispensable beside the others, and still
        carry most of what there is to know.
        """
        table, _ = blocks.validate_table(BaseEstimator(), X)
        positions = blocks.resolve_modalities(table, modalities)
        values = blocks.modality_blocks(table, positions)
        present = blocks.modality_presence(table, values, positions)
        scorer = check_scoring(estimator, scoring=scoring)
        random_state = check_random_state(random_state)
        scores: dict[str, list[float]] = {}
        for (modality, columns), has_it in zip(positions.items(), present.T, strict=True):
            if method == "absent":
                others = present[:, [name != modality for name in positions]]
                _check_something_left(others, modality, blocks.sample_labels(table))
                scores[modality] = [_score_absent(scorer, estimator, table, columns, y, modality)]
            else:
                scores[modality] = [
                    scorer(estimator, _permuted(table, columns, has_it, random_state), y)
                    for _ in range(n_repeats)
                ]
        return cls(
            score=scorer(estimator, table, y),
            scores=pd.DataFrame(scores),
            method=method,
            score_name=metric_label(scoring) if isinstance(scoring, str) else "score",
        ).plot(ax)

    def plot(self, ax: Any = None, **point_kwargs: Any) -> "ModalityAblationDisplay":
        """Draw the score without each modality, and a line at the score with all.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **point_kwargs : dict
            Passed to ``Axes.scatter``.

        Returns
        -------
        ModalityAblationDisplay
            The display itself.
        """
        n_repeats, n_modalities = self.scores.shape
        done = {"permute": "permuted", "absent": "absent"}[self.method]
        self.ax_ = _axes(ax, height=1.5 + 0.5 * n_modalities)
        self.figure_ = self.ax_.figure
        spread = np.linspace(-0.2, 0.2, n_repeats) if n_repeats > 1 else np.zeros(1)
        style = {"s": 16, "color": "C0", "alpha": 0.6, "linewidths": 0, **point_kwargs}
        self.points_ = []
        for row, modality in enumerate(self.scores):
            mean = self.scores[modality].mean()
            self.ax_.plot([mean, self.score], [row, row], color="lightgrey", linestyle="-", zorder=1)
            self.points_.append(self.ax_.scatter(self.scores[modality], row + spread, **style))
            self.ax_.plot(mean, row, color="black", marker="D", markersize=4)
        self.ax_.axvline(self.score, color="black", linestyle=":", label="all modalities")
        self.ax_.set(
            yticks=range(n_modalities),
            yticklabels=[f"{modality} {done}" for modality in self.scores],
            ylim=(n_modalities - 0.5, -0.5),
            xlabel=self.score_name,
        )
        self.ax_.legend(loc="lower center", bbox_to_anchor=(0.5, 1), frameon=False)
        return self


def _axes(ax: Any, height: float = 4.8) -> Any:
    """Return the axes given, or those of a new figure."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            'Drawing needs matplotlib. Install it with pip install "xmodal-sklearn[plot]".'
        ) from error
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, height), layout="constrained")
    return ax


def _only_k(names: list[str]) -> str:
    ks = [name for name in names if name == "k" or name.endswith("__k")]
    if len(ks) != 1:
        raise ValueError(
            f"The search must be over one parameter named k or ending in __k, it was over {names}. "
            "Say by `param=` which one is K."
        )
    return ks[0]


def _describe(parameters: dict, *, without: str) -> str:
    """Name the values of all parameters but one, by the last part of their names."""
    others = {name: value for name, value in parameters.items() if name != without}
    return ", ".join(f"{name.rpartition('__')[2]}={value}" for name, value in others.items())


def _check_ks(ks: pd.Series) -> None:
    for k in ks:
        if k != "all" and not isinstance(k, int | np.integer):
            raise ValueError(f'K must be an integer or "all" to be drawn, got {k!r}.')


def _by_entry(norms: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Return the features that enter the path: earliest first, then longest, then by name."""
    entered = np.flatnonzero(norms.any(axis=1))
    step = (norms[entered] > 0).argmax(axis=1)
    return entered[np.lexsort((names[entered], -norms[entered, step], step))]


def _permuted(table: Any, columns: np.ndarray, has_it: np.ndarray, random_state: Any) -> Any:
    order = np.arange(len(table))
    order[has_it] = random_state.permutation(order[has_it])
    changed = table.copy()
    if isinstance(table, pd.DataFrame):
        changed.isetitem(columns, table.iloc[order, columns].set_axis(table.index))
    else:
        changed[:, columns] = table[np.ix_(order, columns)]
    return changed


def _score_absent(
    scorer: Any, estimator: Any, table: Any, columns: np.ndarray, y: Any, modality: str
) -> float:
    if isinstance(table, pd.DataFrame):
        changed = table.copy()
        nothing = np.full((len(table), len(columns)), np.nan)
        changed.isetitem(columns, pd.DataFrame(nothing, index=table.index))
    else:
        changed = table.astype(np.result_type(table.dtype, np.float32))
        changed[:, columns] = np.nan
    try:
        return scorer(estimator, changed, y)
    except ValueError as error:
        raise ValueError(
            f"The estimator could not predict with {modality!r} absent: {error}\nUse "
            'method="permute" for an estimator that takes no NaN.'
        ) from error


def _check_something_left(others: np.ndarray, modality: str, samples: Any) -> None:
    alone = np.flatnonzero(~others.any(axis=1))
    if len(alone):
        raise ValueError(
            f"Without {modality!r}, {len(alone)} samples have no modality at all, the first is "
            f'{samples[alone[0]]!r}. Leave such samples out, or use method="permute".'
        )
