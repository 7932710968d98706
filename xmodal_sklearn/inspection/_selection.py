"""How stable a selection is, and which gene sets it is enriched in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, hypergeom, norm
from sklearn.base import clone
from sklearn.utils import _safe_indexing, check_array, check_random_state, indexable, resample

from .._alignment import values_by_sample
from .._typing import Labels, Seed, Table
from ..modalities._columns import column_labels
from ._view import gene_name, run_all

if TYPE_CHECKING:
    from ..selection import MultiOmicsSelector


# J. S. Parker et al., "Supervised Risk Predictor of Breast Cancer Based on Intrinsic Subtypes",
# Journal of Clinical Oncology 27, 2009, doi:10.1200/JCO.2008.18.1370, with current symbols: NDC80,
# NUF2 and ORC6 were KNTC2, CDCA1 and ORC6L.
# fmt: off
PAM50_GENES = (
    "ACTR3B", "ANLN", "BAG1", "BCL2", "BIRC5", "BLVRA", "CCNB1", "CCNE1", "CDC20", "CDC6", "CDH3",
    "CENPF", "CEP55", "CXXC5", "EGFR", "ERBB2", "ESR1", "EXO1", "FGFR4", "FOXA1", "FOXC1",
    "GPR160", "GRB7", "KIF2C", "KRT14", "KRT17", "KRT5", "MAPT", "MDM2", "MELK", "MIA", "MKI67",
    "MLPH", "MMP11", "MYBL2", "MYC", "NAT1", "NDC80", "NUF2", "ORC6", "PGR", "PHGDH", "PTTG1",
    "RRM2", "SFRP1", "SLC39A6", "TMEM45B", "TYMS", "UBE2C", "UBE2T",
)
# fmt: on


@dataclass(frozen=True)
class SelectionStability:
    """Selection frequencies and stability, from :func:`selection_stability`.

    Parameters
    ----------
    frequency : DataFrame of shape (n_features, n_k)
        Share of the resamples in which each feature, by (modality, feature), was among the top K.
    index : DataFrame
        One row per (modality, k): ``stability``, and the ``lower`` and ``upper`` ends of its
        confidence interval; 1 if all resamples select the same features, 0 if they agree no more
        than random selections.
    """

    frequency: pd.DataFrame
    index: pd.DataFrame


def selection_stability(
    selector: "MultiOmicsSelector",
    X: Table,
    y: Labels,
    *,
    n_resamples: int = 100,
    k: int | Sequence[int] = 300,
    confidence: float = 0.95,
    random_state: Seed = None,
    n_jobs: int | None = None,
) -> SelectionStability:
    """Measure how much a selection depends on which patients are in the cohort.

    Features are ranked in bootstrap resamples, stratified by class. The stability index of
    Nogueira, Sechidis and Brown [1]_ corrects for agreement by chance.

    Parameters
    ----------
    selector : MultiOmicsSelector
        Cloned for each resample; its `k` is not used.
    X : DataFrame or array of shape (n_samples, n_features)
        Samples.
    y : array-like of shape (n_samples,)
        Class labels.
    n_resamples : int, default=100
        Number of resamples, at least 2.
    k : int or sequence of int, default=300
        Numbers of features to select per modality, at least 1.
    confidence : float, default=0.95
        Coverage of the confidence intervals, in (0, 1).
    random_state : int, RandomState instance or None, default=None
        Determines the resamples.
    n_jobs : int, default=None
        Number of resamples ranked in parallel. None means 1, -1 all processors.

    Returns
    -------
    SelectionStability
        The frequency of each feature and the index of each modality.

    Notes
    -----
    If a modality has at most `k` features, all are selected, and the stability is 1 by definition.

    References
    ----------
    .. [1] S. Nogueira, K. Sechidis, G. Brown, "On the Stability of Feature Selection Algorithms",
       JMLR 18(174), 2018.

    Examples
    --------
    >>> from xmodal_sklearn import MultiOmicsSelector
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.inspection import selection_stability
    >>> X, y = make_multiomics(100, {"exp": 200, "mut": 30}, return_X_y=True, random_state=0)
    >>> result = selection_stability(
    ...     MultiOmicsSelector(), X, y, n_resamples=10, k=[10, 20], random_state=0
    ... )
    >>> result.index.index.to_list()
    [('exp', 10), ('exp', 20), ('mut', 10), ('mut', 20)]
    """
    ks = [int(n_selected) for n_selected in np.atleast_1d(k)]
    if n_resamples < 2 or min(ks) < 1:
        raise ValueError(
            f"n_resamples must be at least 2 and k at least 1, got {n_resamples} and {k}."
        )
    y = values_by_sample(y, X, "y")
    (X,) = indexable(X)
    random_state = check_random_state(random_state)
    samples = np.arange(len(y))
    draws = [resample(samples, stratify=y, random_state=random_state) for _ in range(n_resamples)]
    tasks = [(selector, X, y, drawn) for drawn in draws]
    finished = run_all(_fit_resample, tasks, "Resample", n_jobs)
    fitted = list(finished.values())
    labels = np.array(getattr(fitted[0], "feature_names_in_", column_labels(X)), dtype=object)
    frequencies, rows = {}, {}
    for modality, positions in fitted[0].modalities_.items():
        ranks = np.array([_ranks(ranked, modality) for ranked in fitted])
        shares = {n_selected: (ranks < n_selected).mean(axis=0) for n_selected in ks}
        frequencies[modality] = pd.DataFrame(shares, labels[positions])
        for n_selected in ks:
            rows[modality, n_selected] = stability_index(ranks < n_selected, confidence=confidence)
    index = pd.MultiIndex.from_tuples(rows, names=["modality", "k"])
    return SelectionStability(
        pd.concat(frequencies, names=["modality", "feature"]).rename_axis(columns="k"),
        pd.DataFrame(list(rows.values()), index, ["stability", "lower", "upper"]),
    )


def stability_index(
    selected: np.ndarray, *, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Compute the stability of several selections of the same features.

    Parameters
    ----------
    selected : ndarray of bool of shape (n_selections, n_features)
        The features of each selection; at least 2 selections.
    confidence : float, default=0.95
        Coverage of the confidence interval, in (0, 1).

    Returns
    -------
    stability : float
        The index of Nogueira, Sechidis and Brown, see :func:`selection_stability`.
    lower, upper : float
        Its confidence interval, assuming independent selections.

    Examples
    --------
    >>> import numpy as np
    >>> from xmodal_sklearn.inspection import stability_index
    >>> selected = np.array([[1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 1, 0, 0, 0]], dtype=bool)
    >>> stability, lower, upper = stability_index(selected)
    >>> round(float(stability), 3)
    0.444
    """
    selected = check_array(selected, dtype=bool, ensure_min_samples=2)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}.")
    n_resamples, n_features = selected.shape
    frequency = selected.mean(axis=0)
    sizes = selected.sum(axis=1)
    share = sizes.mean() / n_features
    chance = share * (1 - share)
    if chance == 0:
        return 1.0, 1.0, 1.0
    variance = n_resamples / (n_resamples - 1) * frequency * (1 - frequency)
    stability = 1 - variance.mean() / chance
    agreement = selected @ frequency / n_features - sizes / n_features * share
    spread = 2 * sizes / n_features * share - sizes / n_features - share + 1
    single = (agreement + stability / 2 * spread) / chance
    error = 2 / n_resamples * np.sqrt(((single - single.mean()) ** 2).sum())
    margin = norm.ppf(0.5 + confidence / 2) * error
    return stability, stability - margin, stability + margin


def _fit_resample(
    selector: "MultiOmicsSelector", X: Any, y: np.ndarray, drawn: np.ndarray
) -> "MultiOmicsSelector":
    return clone(selector).set_params(k="all").fit(_safe_indexing(X, drawn), y[drawn])


def _ranks(fitted: "MultiOmicsSelector", modality: str) -> np.ndarray:
    """Return the rank, from 0, of each column of a modality."""
    names = getattr(fitted, "feature_names_in_", np.arange(fitted.n_features_in_))
    return pd.Index(fitted.rankings_[modality]).get_indexer(names[fitted.modalities_[modality]])


def enrichment(
    features: Iterable[str],
    gene_sets: str | Path | Mapping[str, Iterable[str]],
    *,
    background: Iterable[str],
) -> pd.DataFrame:
    """Test which gene sets are enriched in some features.

    The hypergeometric test compares with the genes that were measured.

    Parameters
    ----------
    features : iterable of str
        Features, such as ``"exp__ESR1"`` or ``"ESR1"``.
    gene_sets : str, Path or mapping of str to iterable of str
        A GMT file, or genes by the name of the set.
    background : iterable of str
        All features that could have been selected: the columns of X of the same modality.

    Returns
    -------
    DataFrame of shape (n_sets, 6)
        A row per set, the smallest p first: ``"overlap"``, the overlap ``"expected"`` by chance,
        the number of ``"measured"`` genes of the set, ``"p"``, ``"p_adjusted"`` by Benjamini and
        Hochberg, and the ``"genes"`` in common.

    Raises
    ------
    ValueError
        If there are no features, a feature is not in the background, a line of the file has no
        genes, or no set has a measured gene.

    Notes
    -----
    All sets with a measured gene count as tests. For ranked lists and permutations, see gseapy.

    The subtypes of breast cancer are defined by the ``PAM50_GENES`` (Parker et al. 2009), so their
    enrichment shows that a model relearned the definition of the labels, not new biology.

    Examples
    --------
    >>> from xmodal_sklearn.inspection import PAM50_GENES, enrichment
    >>> measured = [f"exp__{gene}" for gene in [*PAM50_GENES, *"ABCDEFGHIJ"]]
    >>> result = enrichment(measured[:6], {"PAM50": PAM50_GENES}, background=measured)
    >>> int(result.loc["PAM50", "overlap"])
    6
    """
    genes = {gene_name(feature) for feature in features}
    measured = {gene_name(feature) for feature in background}
    if not genes:
        raise ValueError("features is empty. Pass at least one feature.")
    unknown = sorted(genes - measured)
    if unknown:
        raise ValueError(
            f"{len(unknown)} features are not in the background, the first is {unknown[0]!r}. Pass "
            "all measured features of their modality as background."
        )
    if not isinstance(gene_sets, Mapping):
        gene_sets = _read_gmt(Path(gene_sets))
    sets = {name: sorted(set(members) & measured) for name, members in gene_sets.items()}
    sets = {name: members for name, members in sets.items() if members}
    if not sets:
        raise ValueError(
            "No gene set has a gene of the background. Check that both use the same gene symbols."
        )
    common = pd.Series({name: sorted(genes & set(members)) for name, members in sets.items()})
    table = pd.DataFrame({"overlap": common.map(len)}).rename_axis("gene set")
    n_measured = pd.Series(sets).map(len)
    table["expected"] = n_measured * len(genes) / len(measured)
    table["measured"] = n_measured
    table["p"] = hypergeom.sf(table["overlap"] - 1, len(measured), table["measured"], len(genes))
    table["p_adjusted"] = false_discovery_control(table["p"])
    table["genes"] = common
    return table.sort_values("p", kind="stable")


def _read_gmt(path: Path) -> dict[str, list[str]]:
    """Read a file with one gene set per line: name, description and genes, separated by tabs."""
    sets: dict[str, list[str]] = {}
    for line_number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        name, *rest = line.split("\t")
        members = [member.strip() for member in rest[1:] if member.strip()]
        if not members:
            raise ValueError(
                f"{path}, line {line_number}: gene set {name!r} has no genes. A line of a GMT file "
                "has a name, a description and genes, separated by tabs."
            )
        if name in sets:
            raise ValueError(f"{path}, line {line_number}: gene set {name!r} occurs twice.")
        sets[name] = members
    return sets
