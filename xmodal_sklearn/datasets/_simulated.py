"""A simulated tumour cohort with expression, copy number and mutations."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from .._modalities import concat_modalities, resolve_modalities

__all__ = ["make_multiomics"]

DEFAULT_N_FEATURES = {"exp": 1000, "cna": 800, "mut": 100}
SUBTYPES = ("LumA", "LumB", "Her2", "Basal", "Normal")
SUBTYPE_WEIGHTS = (0.40, 0.27, 0.13, 0.12, 0.08)

N_CHROMOSOMES = 22
N_BACKGROUND_MODULES = 15
# At class_sep=1: distance of class means in latent standard deviations, and log odds ratios.
PROGRAM_SHIFT = 2.1
REGION_LOG_ODDS = 1.6
DRIVER_LOG_ODDS = 1.4

DESCR = """\
Simulated multi-omics tumour cohort (xmodal_sklearn.datasets.make_multiomics).

exp: log2 expression; cna: log2 copy-number ratio, constant over segments; mut: 1 where the gene is
mutated. Genes share their names across modalities. No real patient's data went into it.
"""


class _Genome(NamedTuple):
    """Gene positions 0 to n_genes - 1, cut into chromosome arms, some with recurrent events."""

    n_genes: int
    arms: np.ndarray  # (n_arms, 2): first gene, one past the last
    regions: np.ndarray  # (n_regions, 2): recurrently gained or lost
    region_shift: np.ndarray  # (n_regions,): mean log2 ratio of the event


@validate_params(
    {
        "n_samples": [Interval(Integral, 2, None, closed="left")],
        "n_features": [Mapping, None],
        "n_classes": [Interval(Integral, 2, None, closed="left")],
        "class_sep": [Interval(Real, 0, None, closed="left")],
        "weights": ["array-like", None],
        "missing": [Mapping, None],
        "dtype": [StrOptions({"float32", "float64"})],
        "return_X_y": ["boolean"],
        "random_state": [
            Interval(Integral, 0, None, closed="left"),
            np.random.RandomState,
            np.random.Generator,
            None,
        ],
    },
    prefer_skip_nested_validation=True,
)
def make_multiomics(
    n_samples: int = 500,
    n_features: Mapping[str, int] | None = None,
    n_classes: int = 5,
    *,
    class_sep: float = 1.0,
    weights: Sequence[float] | None = None,
    missing: Mapping[str, float] | None = None,
    dtype: str = "float64",
    return_X_y: bool = False,  # noqa: N803
    random_state: int | np.random.RandomState | np.random.Generator | None = None,
) -> Bunch | tuple[pd.DataFrame, pd.Series]:
    """Simulate a tumour cohort with expression, copy number and mutations.

    It has the traits of METABRIC that matter to a classifier: classes of unequal size, expression
    in correlated modules of which few follow the subtype, segmental copy number that drives the
    expression of its genes, and sparse mutations in a few frequent and many rare genes. Every
    modality knows something of the classes, expression most, mutations least.

    Parameters
    ----------
    n_samples : int, default=500
        Number of tumours, at least one per class.
    n_features : dict of str to int, default=None
        Number of genes per modality, of ``"exp"``, ``"cna"`` and ``"mut"``. The result has the
        modalities named here, in this order. None means
        ``{"exp": 1000, "cna": 800, "mut": 100}``.
    n_classes : int, default=5
        Number of classes. Five are called as the PAM50 subtypes, others ``class_0``, ``class_1``…
    class_sep : float, default=1.0
        How far apart the classes are in all modalities; 0 makes them indistinguishable.
    weights : sequence of float of shape (n_classes,), default=None
        Relative class sizes. None means 0.40, 0.27, 0.13, 0.12, 0.08 for five classes, else
        proportional to 1, 1/2, 1/3, …
    missing : dict of str to float, default=None
        Fraction of samples, in [0, 1), that lack a modality: a block of NaN. A sample keeps at
        least one modality, so that large fractions are met only nearly.
    dtype : {"float64", "float32"}, default="float64"
        Type of expression and copy number. Mutations are int8, but float where some are missing.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    random_state : int, RandomState, Generator or None, default=None
        Seed. None draws a new cohort every time; NumPy's global state is never used.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : DataFrame of shape (n_samples, n_features)
            Columns named ``modality__gene``, sample names as index.
        target : Series of object of shape (n_samples,)
            Class names, indexed like ``data``.
        target_names : ndarray of object of shape (n_classes,)
            Class names, sorted as in a classifier's ``classes_``.
        feature_names : list of str
            Columns of ``data``.
        modalities : dict of str to ndarray of int
            Column positions of each modality.
        informative : dict of str to list of str
            Columns of each modality whose distribution depends on the class.
        DESCR : str
            What this is.
    (data, target) : tuple, if ``return_X_y`` is True

    Raises
    ------
    ValueError
        If an argument is out of range, or names a modality that is not simulated.

    See Also
    --------
    read_cbioportal : Reads a real cohort into the same form.

    Notes
    -----
    For tumour :math:`i` of class :math:`c` and gene :math:`g` in module :math:`m`,

    .. math:: x_{ig} = \\mu_g + \\lambda_g f_{im} + \\gamma_g s_{ig} + \\varepsilon_{ig}

    with module activity :math:`f_{im} \\sim N(\\delta_{cm}, 1)`, where :math:`\\delta_{cm}` is not
    zero for the one module per class that is the class's program, and log2 copy-number ratio
    :math:`s_{ig}`. A region's copy number changes with a probability whose log odds are higher in
    one class, and segments with random borders change in any tumour. A driver gene is mutated with
    log odds that depend on the class. All three differences are proportional to ``class_sep``.

    References
    ----------
    .. [1] C. Curtis et al., "The genomic and transcriptomic architecture of 2,000 breast tumours
       reveals novel subgroups", Nature 486, 2012.
    .. [2] B. Pereira et al., "The somatic mutation profiles of 2,433 breast cancers refine their
       genomic and transcriptomic landscapes", Nature Communications 7, 2016.

    Examples
    --------
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> cohort = make_multiomics(n_samples=100, random_state=0)
    >>> cohort.data.shape
    (100, 1900)
    >>> cohort.target.value_counts().to_dict()
    {'LumA': 40, 'LumB': 27, 'Her2': 13, 'Basal': 12, 'Normal': 8}
    >>> {modality: len(names) for modality, names in cohort.informative.items()}
    {}
    >>> X, y = make_multiomics(n_samples=100, missing={"cna": 0.3}, return_X_y=True, random_state=0)
    >>> int(X.filter(like="cna__").isna().all(axis=1).sum())
    30
    """
    sizes = _check_n_features(n_features)
    fractions = _check_missing(missing, sizes)
    names, shares = _check_classes(n_samples, n_classes, weights)
    rng = _generator(random_state)

    classes = _draw_classes(n_samples, shares, rng)
    genome = _draw_genome(max(sizes.values()), n_classes, rng)
    genes = {name: np.sort(rng.permutation(genome.n_genes)[:size]) for name, size in sizes.items()}
    copy_number = _draw_copy_number(classes, genome, class_sep, rng)
    in_region = _covered(genome.regions, genome.n_genes)

    values, informative = {}, {}
    for modality, positions in genes.items():
        if modality == "exp":
            values[modality], informative[modality] = _draw_expression(
                classes, copy_number[:, positions], in_region[positions], class_sep, rng
            )
        elif modality == "cna":
            values[modality], informative[modality] = copy_number[:, positions], in_region[positions]
        else:
            values[modality], informative[modality] = _draw_mutations(
                classes, len(positions), class_sep, rng
            )
