"""Simulate a tumor cohort with expression, copy number and mutations."""

from collections.abc import Mapping, Sequence
from itertools import product
from numbers import Integral, Real
from typing import Any, Literal, TypedDict, Unpack, overload

import numpy as np
import pandas as pd
from numpy.random import Generator, RandomState
from scipy.special import expit, logit, softmax
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions

from .._typing import at_least, check_arguments
from ..modalities._concat import concat_modalities
from ._study import make_study, make_target

DEFAULT_N_FEATURES = {"exp": 1000, "cna": 800, "mut": 100}
SUBTYPES = {"LumA": 0.40, "LumB": 0.27, "Her2": 0.13, "Basal": 0.12, "Normal": 0.08}
N_CHROMOSOMES = 22
N_BACKGROUND_MODULES = 15
# At class_sep=1: distance of class means in latent standard deviations, and log odds ratios.
PROGRAM_SHIFT = 2.0
REGION_LOG_ODDS = 1.8
DRIVER_LOG_ODDS = 1.0
# By kind, the modality that expression interacts with.
INTERACTIONS = {"switch": "mut", "gate": "mut", "dosage": "cna", "cis": "cna", "additive": "cna"}
# Standard deviation of the log odds between two classes at interaction_strength=1. The best
# possible ROC AUC of two equal classes is then 0.95 (switch, additive) to 0.86 (gate).
LOG_ODDS = 4.0
# Genes in a module, in a segment, and in a "cis" class.
MODULE_SIZE, SEGMENT_SIZE, N_CIS = 6, 3, 6
# Frequency of a mutation that interacts. One that switches is as frequent as those of TP53 and
# PIK3CA in breast tumors; one that gates is more so, or it would inform on few tumors.
FREQUENCY = {"switch": 0.4, "gate": 0.6}
# Shares of tumors in which a segment that interacts is lost, unchanged and gained, as frequent as
# the arms of chromosomes 1, 8 and 16 in breast tumors.
CALLS = (0.3, 0.4, 0.3)
DESCR = """\
Simulated multi-omics tumor cohort (xmodal_sklearn.datasets.make_multiomics).

exp: log2 expression; cna: log2 copy-number ratio, constant over segments; mut: 1 where the gene is
mutated. Genes share their names across modalities. No real patient's data went into it.
"""


class _Options(TypedDict, total=False):
    class_sep: float
    weights: Sequence[float] | None
    missing: Mapping[str, float] | None
    interaction: str | None
    interaction_strength: float
    dtype: str
    random_state: int | RandomState | Generator | None


@overload
def make_multiomics(
    n_samples: int = ...,
    n_features: Mapping[str, int] | None = ...,
    n_classes: int = ...,
    *,
    return_X_y: Literal[False] = ...,
    **options: Unpack[_Options],
) -> Bunch: ...


@overload
def make_multiomics(
    n_samples: int = ...,
    n_features: Mapping[str, int] | None = ...,
    n_classes: int = ...,
    *,
    return_X_y: Literal[True],
    **options: Unpack[_Options],
) -> tuple[pd.DataFrame, pd.Series]: ...


@check_arguments(
    n_samples=[at_least(2)],
    n_features=[Mapping, None],
    n_classes=[at_least(2)],
    class_sep=[Interval(Real, 0, None, closed="left")],
    weights=["array-like", None],
    missing=[Mapping, None],
    interaction=[StrOptions(set(INTERACTIONS)), None],
    interaction_strength=[Interval(Real, 0, None, closed="left")],
    dtype=[StrOptions({"float32", "float64"})],
    return_X_y=["boolean"],
    random_state=["random_state", at_least(0), Generator],
)
def make_multiomics(
    n_samples: int = 500,
    n_features: Mapping[str, int] | None = None,
    n_classes: int = 5,
    *,
    class_sep: float = 1.0,
    weights: Sequence[float] | None = None,
    missing: Mapping[str, float] | None = None,
    interaction: str | None = None,
    interaction_strength: float = 1.0,
    dtype: str = "float64",
    return_X_y: bool = False,
    random_state: int | RandomState | Generator | None = None,
) -> Bunch | tuple[pd.DataFrame, pd.Series]:
    r"""Simulate a tumor cohort with expression, copy number and mutations.

    It has the traits of METABRIC that matter to a classifier: classes of unequal size, expression
    in correlated modules of which few follow the subtype, segmental copy number that drives the
    expression of its genes, and sparse mutations in a few frequent and many rare genes. Every
    modality is informative about the classes, expression most, mutations least.

    Parameters
    ----------
    n_samples : int, default=500
        Number of tumors, at least one per class.
    n_features : dict of str to int, default=None
        Number of genes per modality, of ``"exp"``, ``"cna"`` and ``"mut"``. The result has the
        modalities named here, in this order. None means
        ``{"exp": 1000, "cna": 800, "mut": 100}``.
    n_classes : int, default=5
        Number of classes. Five are named after the PAM50 subtypes, any other number
        ``class_0``, ``class_1`` and so on.
    class_sep : float, default=1.0
        How far apart the classes are in all modalities; 0 makes them indistinguishable. Not used
        with `interaction`, which has a strength of its own.
    weights : sequence of float of shape (n_classes,), default=None
        Relative class sizes. None means 0.40, 0.27, 0.13, 0.12, 0.08 for five classes, else
        proportional to 1, 1/2, 1/3 and so on.
    missing : dict of str to float, default=None
        Fraction of samples, in [0, 1), that lack a modality: a block of NaN. A sample keeps at
        least one modality, so large fractions are met only approximately.
    interaction : {"switch", "gate", "dosage", "cis", "additive"} or None, default=None
        What determines the classes, which are then drawn given the features: the activity of an
        expression module, whose effect is reversed by a frequent mutation (``"switch"``), present
        only in tumors with a mutation (``"gate"``) or multiplied by the copy number of a segment
        (``"dosage"``); the expression of several genes, each multiplied by its own copy number
        (``"cis"``); or, for comparison, activity and copy number without an interaction
        (``"additive"``). None draws the features given the classes.
    interaction_strength : float, default=1.0
        Scale of the log odds of the classes with `interaction`.
    dtype : {"float64", "float32"}, default="float64"
        Type of expression and copy number. Mutations are int8, or float32 where some are missing.
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
            Columns of each modality whose distribution depends on the class, or that determine it.
        interactions : DataFrame with the columns "kind", "class", "primary" and "other"
            Only with `interaction`: the pairs of columns that determine the log odds of each class
            against the first.
        proba : DataFrame of shape (n_samples, n_classes)
            Only with `interaction`: the probability of each class, given the features of the
            sample; no classifier can do better than these.
        report : DataFrame with the columns "where", "what" and "count"
            Empty, as nothing is left out.
        DESCR : str
            A description of the data.
    (data, target) : tuple of (DataFrame, Series)
        Instead of the Bunch, if ``return_X_y`` is True.

    Raises
    ------
    ValueError
        If an argument is out of range or names a modality that is not simulated, or if
        `n_features` has too few columns for an interaction.

    See Also
    --------
    read_cbioportal : Read a real cohort into the same form.

    Notes
    -----
    For tumor :math:`i` of class :math:`c` and gene :math:`g` in module :math:`m`,

    .. math:: x_{ig} = \mu_g + \lambda_g f_{im} + \gamma_g s_{ig} + \varepsilon_{ig}

    with module activity :math:`f_{im} \sim N(\delta_{cm}, 1)`, where :math:`\delta_{cm}` is not
    zero for the one module per class that is the class's program, and log2 copy-number ratio
    :math:`s_{ig}`. A region's copy number changes with a probability whose log odds are higher in
    one class, and segments with random borders change in any tumor. A driver gene is mutated with
    log odds that depend on the class. All three differences are proportional to ``class_sep``.

    With `interaction` no feature depends on the class. Each class but the first has a module of six
    genes, with mean activity :math:`a`, and a mutation :math:`m` in two of five tumors (three of
    five with ``"gate"``), or a segment that is lost or gained in three of five tumors, with mean
    copy number :math:`s`. The class is drawn with log odds proportional to :math:`a (1 - 2m)`,
    :math:`a m`, :math:`a s`, the sum of :math:`x_g s_g` over the expression and copy number of six
    genes, or :math:`a + s`, all standardized, with a standard deviation of :math:`4 \times`
    ``interaction_strength``, and offsets that give the classes their sizes.

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
    {'exp': 244, 'cna': 130, 'mut': 10}
    >>> X, y = make_multiomics(n_samples=100, missing={"cna": 0.3}, return_X_y=True, random_state=0)
    >>> int(X.filter(like="cna__").isna().all(axis=1).sum())
    30
    >>> sizes = {"exp": 60, "cna": 30, "mut": 25}
    >>> cohort = make_multiomics(800, sizes, 2, interaction="switch", random_state=0)
    >>> cohort.interactions.iloc[0].to_dict()
    {'kind': 'switch', 'class': 'class_1', 'primary': 'exp__GENE00052', 'other': 'mut__GENE00033'}
    >>> cohort.proba.columns.to_list()
    ['class_0', 'class_1']
    """
    sizes, fractions = _check_modalities(n_features, missing, interaction)
    names, shares = _check_classes(n_samples, n_classes, weights)
    if isinstance(random_state, RandomState):
        random_state = random_state.randint(2**31)
    rng = np.random.default_rng(random_state)

    classes = _draw_classes(n_samples, shares, rng)
    sep = class_sep if interaction is None else 0.0
    tables, informative = _draw_tables(sizes, classes, sep, dtype, rng)
    further: dict[str, Any] = {"informative": informative}
    samples = next(iter(tables.values())).index
    if interaction is not None:
        further, scores = _plant_interactions(tables, interaction, interaction_strength, names, rng)
        classes, proba = _draw_classes_from(scores, shares, rng)
        further["proba"] = pd.DataFrame(proba, samples, names)[np.unique(names)]
    data = concat_modalities(_drop_samples(tables, fractions, rng), join="outer").loc[samples]
    target = make_target(names[classes], samples, "subtype")
    if return_X_y:
        return data, target
    return make_study(data, target, DESCR=DESCR, **further)


def _draw_tables(
    sizes: Mapping[str, int], classes: np.ndarray, class_sep: float, dtype: str, rng: Generator
) -> tuple[dict[str, pd.DataFrame], dict[str, list[str]]]:
    """Return the table of each modality, and its columns that depend on the class."""
    n_genes = max(sizes.values())
    copy_number, recurrent = _draw_copy_number(classes, n_genes, class_sep, rng)
    samples = pd.Index([f"SIM-{i:04d}" for i in range(len(classes))], name="sample")
    genes = np.array([f"GENE{i:05d}" for i in range(n_genes)], dtype=object)
    tables, informative = {}, {}
    for modality, size in sizes.items():
        own = np.sort(rng.permutation(n_genes)[:size])
        if modality == "exp":
            values, informs = _draw_expression(
                classes, copy_number[:, own], recurrent[own], class_sep, rng
            )
        elif modality == "cna":
            values, informs = copy_number[:, own], recurrent[own]
        else:
            values, informs = _draw_mutations(classes, size, class_sep, rng)
        if values.dtype.kind == "f":
            values = values.astype(dtype, copy=False)
        tables[modality] = pd.DataFrame(values, index=samples, columns=genes[own])
        informative[modality] = [f"{modality}__{gene}" for gene in genes[own][informs]]
    return tables, informative


def _check_modalities(
    n_features: Mapping[str, int] | None,
    missing: Mapping[str, float] | None,
    interaction: str | None,
) -> tuple[dict[str, int], dict[str, float]]:
    """Return the number of features of each modality, and the fraction of samples without it."""
    sizes = dict(DEFAULT_N_FEATURES if n_features is None else n_features)
    fractions = dict(missing or {})
    for argument, names, allowed in (
        ("n_features", sizes, DEFAULT_N_FEATURES),
        ("missing", fractions, sizes),
    ):
        if unknown := [name for name in names if name not in allowed]:
            raise ValueError(
                f"{argument} names the modality {unknown[0]!r}; allowed are {list(allowed)}."
            )
    if not sizes:
        raise ValueError("n_features must name at least one of 'exp', 'cna' and 'mut', got {}.")
    for modality, size in sizes.items():
        if not isinstance(size, Integral) or isinstance(size, bool) or size < 1:
            raise ValueError(f"n_features[{modality!r}] must be a positive integer, got {size!r}.")
    for modality, fraction in fractions.items():
        if not isinstance(fraction, Real) or not 0 <= fraction < 1:
            raise ValueError(
                f"missing[{modality!r}] must be a fraction in [0, 1), got {fraction!r}."
            )
    if interaction and not (needed := {"exp", INTERACTIONS[interaction]}) <= set(sizes):
        raise ValueError(
            f"interaction={interaction!r} needs the modalities {sorted(needed)}, but n_features "
            f"names {list(sizes)}."
        )
    return sizes, fractions


def _check_classes(
    n_samples: int, n_classes: int, weights: Sequence[float] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the names of the classes and their shares of the samples."""
    if n_samples < n_classes:
        raise ValueError(
            f"n_samples must be at least n_classes, got {n_samples} samples for {n_classes} "
            "classes."
        )
    usual = {f"class_{i}": 1 / (i + 1) for i in range(n_classes)}
    usual = SUBTYPES if n_classes == len(SUBTYPES) else usual
    shares = np.array(list(usual.values()) if weights is None else weights, dtype=float)
    if shares.shape != (n_classes,) or not np.isfinite(shares).all() or (shares <= 0).any():
        raise ValueError(f"weights must be {n_classes} positive numbers, got {weights!r}.")
    return np.array(list(usual), dtype=object), shares / shares.sum()


def _draw_classes(n_samples: int, shares: np.ndarray, rng: Generator) -> np.ndarray:
    """Return a class per sample, in random order; class sizes follow the shares, at least one."""
    borders = np.rint(np.cumsum(shares) * n_samples).astype(int)
    sizes = np.diff(borders, prepend=0)
    while not sizes.all():
        sizes[sizes.argmin()] += 1
        sizes[sizes.argmax()] -= 1
    return rng.permutation(np.repeat(np.arange(len(shares)), sizes))


def _pieces(arms: np.ndarray, low: float, high: float, rng: Generator) -> np.ndarray:
    """Return a random piece of each arm, with a share of its genes between `low` and `high`."""
    lengths = arms[:, 1] - arms[:, 0]
    sizes = np.ceil(lengths * rng.uniform(low, high, len(arms))).astype(int)
    starts = arms[:, 0] + rng.integers(0, lengths - sizes, endpoint=True)
    return np.column_stack([starts, starts + sizes])


def _draw_copy_number(
    classes: np.ndarray, n_genes: int, class_sep: float, rng: Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return log2 ratios of shape (n_samples, n_genes), and which genes change recurrently.

    The ratios are piecewise constant along the genome.
    """
    n_samples, n_classes = len(classes), classes.max() + 1
    # Human chromosomes hold ever fewer genes, the last about a fifth of the first.
    lengths = np.repeat(np.linspace(1, 0.2, N_CHROMOSOMES), 2)
    borders = np.rint(np.append(0, np.cumsum(lengths)) / lengths.sum() * n_genes).astype(int)
    arms = np.column_stack([borders[:-1], borders[1:]])
    arms = arms[arms[:, 0] < arms[:, 1]]

    # Every class has recurrent events in regions of its own: one arm and two short pieces.
    regions = rng.permutation(arms)[: 3 * n_classes]
    n_regions = len(regions)
    is_short = np.arange(n_regions) >= n_classes
    regions[is_short] = _pieces(regions[is_short], 0.2, 0.4, rng)
    region_shift = rng.choice([-1.0, 1.0], size=n_regions) * np.where(is_short, 1.0, 0.6)
    owner = np.arange(n_regions) % n_classes
    log_odds = logit(0.15) + class_sep * REGION_LOG_ODDS * (owner == classes[:, None])
    sample, region = np.nonzero(rng.random((n_samples, n_regions)) < expit(log_odds))
    recurrent = sample, regions[region], region_shift[region]

    # Unstable tumors have many segments at random places, stable ones few.
    instability = rng.gamma(2, 5, size=n_samples)
    sample = np.repeat(np.arange(n_samples), rng.poisson(instability))
    pieces = _pieces(arms[rng.integers(len(arms), size=len(sample))], 0.1, 1, rng)
    passenger = sample, pieces, rng.normal(0, 0.5, size=len(sample))

    # An arm's baseline is never measured as exactly 0.
    sample = np.repeat(np.arange(n_samples), len(arms))
    baseline = sample, np.tile(arms, (n_samples, 1)), rng.normal(0, 0.03, size=len(sample))

    steps = np.zeros((n_samples, n_genes + 1), dtype=np.float32)
    for sample, interval, shift in (recurrent, passenger, baseline):
        np.add.at(steps, (sample, interval[:, 0]), shift)
        np.add.at(steps, (sample, interval[:, 1]), -shift)
    ratios = np.cumsum(steps, axis=1, out=steps)[:, :n_genes]
    # Normal cells in the sample dilute what the tumor cells show.
    ratios *= rng.uniform(0.4, 1, size=(n_samples, 1)).astype(np.float32)
    # Genes of one segment are equal to the last digit, as in a segmentation's output.
    np.round(ratios, 4, out=ratios)
    gene = np.arange(n_genes)[:, None]
    in_region = (regions[:, 0] <= gene) & (gene < regions[:, 1])
    return ratios, np.logical_or.reduce(in_region, axis=1)


def _draw_expression(
    classes: np.ndarray, copy_number: np.ndarray, recurrent: np.ndarray, sep: float, rng: Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return log2 expression, and which genes depend on the class."""
    n_samples, n_genes, n_classes = len(classes), len(recurrent), classes.max() + 1
    # The first modules are the programs of the classes, the others follow no class.
    n_modules = n_classes + N_BACKGROUND_MODULES
    activity = rng.standard_normal((n_samples, n_modules), dtype=np.float32)
    activity[np.arange(n_samples), classes] += sep * PROGRAM_SHIFT
    module = rng.integers(n_modules, size=n_genes)
    loading = rng.uniform(0.3, 0.8, n_genes) * rng.choice([-1.0, 1.0], n_genes)
    loading[rng.random(n_genes) < 0.4] = 0
    dosage = rng.uniform(0.4, 1.4, n_genes) * (rng.random(n_genes) < 0.7)

    values = rng.standard_normal((n_samples, n_genes), dtype=np.float32)
    values *= rng.uniform(0.3, 0.7, n_genes).astype(np.float32)
    values += rng.normal(8, 1.5, n_genes).astype(np.float32)
    values += activity[:, module] * loading.astype(np.float32)
    values += copy_number * dosage.astype(np.float32)
    return values, ((module < n_classes) & (loading != 0)) | (recurrent & (dosage > 0))


def _draw_mutations(
    classes: np.ndarray, n_genes: int, class_sep: float, rng: Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return 0 and 1, and which genes depend on the class."""
    n_samples, n_classes = len(classes), classes.max() + 1
    # A few genes are mutated in many tumors, as TP53 and PIK3CA are, most in one of a hundred.
    frequency = np.maximum(0.3 / np.arange(1, n_genes + 1), 0.01)
    n_drivers = min(2 * n_classes, -(-n_genes // 5))
    effect = np.zeros((n_classes, n_genes))
    effect[:, :n_drivers] = rng.choice([-1.0, 0.0], size=(n_classes, n_drivers))
    effect[np.arange(n_drivers) % n_classes, np.arange(n_drivers)] = 1.0
    burden = rng.normal(0, 0.5, size=(n_samples, 1))
    log_odds = logit(frequency) + burden + class_sep * DRIVER_LOG_ODDS * effect[classes]
    values = (rng.random((n_samples, n_genes)) < expit(log_odds)).astype(np.int8)
    shuffle = rng.permutation(n_genes)
    return values[:, shuffle], shuffle < n_drivers


def _drop_samples(
    tables: dict[str, pd.DataFrame], fractions: Mapping[str, float], rng: Generator
) -> dict[str, pd.DataFrame]:
    if not fractions:
        return tables
    n_samples = len(next(iter(tables.values())))
    absent = np.zeros((n_samples, len(tables)), dtype=bool)
    for column, modality in enumerate(tables):
        n_absent = round(fractions.get(modality, 0) * n_samples)
        absent[rng.permutation(n_samples)[:n_absent], column] = True
    empty = np.flatnonzero(absent.all(axis=1))
    absent[empty, rng.integers(len(tables), size=len(empty))] = False
    return {name: tables[name][~absent[:, column]] for column, name in enumerate(tables)}


def _plant_interactions(
    tables: dict[str, pd.DataFrame], kind: str, strength: float, names: np.ndarray, rng: Generator
) -> tuple[dict[str, Any], np.ndarray]:
    """Choose the interactions that decide the classes; return them, and log odds by sample."""
    modality = INTERACTIONS[kind]
    exp, other = tables["exp"], tables[modality]
    free = {"exp": list(exp.columns), "other": list(other.columns)}
    informative: dict[str, list[str]] = {name: [] for name in tables}
    # The log odds of the first class are zero.
    rows, scores = [], [np.zeros(len(exp))]
    for name in names[1:]:
        if kind == "cis":
            genes, partners, score = _plant_cis(exp, other, free, rng)
        else:
            genes, partners, score = _plant_module(exp, other, free, kind, rng)
        genes = [f"exp__{gene}" for gene in genes]
        partners = [f"{modality}__{gene}" for gene in partners]
        informative["exp"] += genes
        informative[modality] += partners
        if kind != "additive":
            pairs = zip(genes, partners, strict=True) if kind == "cis" else product(genes, partners)
            rows += [(kind, name, *pair) for pair in pairs]
        scores.append(LOG_ODDS * strength * score / score.std())
    interactions = pd.DataFrame(rows, columns=["kind", "class", "primary", "other"])
    return {"informative": informative, "interactions": interactions}, np.column_stack(scores)


def _plant_module(
    exp: pd.DataFrame, other: pd.DataFrame, free: dict[str, list[str]], kind: str, rng: Generator
) -> tuple[list[str], list[str], np.ndarray]:
    """Let a class depend on a module's activity and on a mutation or a segment's copy number.

    Return the module's genes, the other genes, and a score of shape (n_samples,).
    """
    module = _draw_group(exp, free["exp"], MODULE_SIZE, rng)
    activity = _mean_standardized(exp[module])
    if INTERACTIONS[kind] == "mut":
        partners = _draw_group(other, free["other"], 1, rng)
        mutated = rng.random(len(other)) < FREQUENCY[kind]
        other[partners[0]] = mutated.astype(other[partners[0]].dtype)
        score = activity * ((1 - 2 * mutated) if kind == "switch" else mutated)
    else:
        partners = _draw_group(other, free["other"], SEGMENT_SIZE, rng)
        _draw_segment(other, partners, rng)
        copy_number = _mean_standardized(other[partners])
        score = activity + copy_number if kind == "additive" else activity * copy_number
    return module, partners, score


def _plant_cis(
    exp: pd.DataFrame, other: pd.DataFrame, free: dict[str, list[str]], rng: Generator
) -> tuple[list[str], list[str], np.ndarray]:
    """Let a class depend on the expression of genes times their own copy number, likewise."""
    both = sorted(set(free["exp"]) & set(free["other"]))
    _check_enough(len(both), N_CIS, "genes with both expression and copy number")
    genes = sorted(rng.permutation(both)[:N_CIS].tolist())
    for names in free.values():
        names[:] = [name for name in names if name not in genes]
    for gene in genes:
        _draw_segment(other, [gene], rng)
    score = (_standardize(exp[genes]) * _standardize(other[genes])).sum(axis=1)
    return genes, genes, score.to_numpy()


def _draw_segment(table: pd.DataFrame, genes: list[str], rng: Generator) -> None:
    """Give genes one copy number that many tumors have changed, in place."""
    calls = rng.choice([-1.0, 0.0, 1.0], size=(len(table), 1), p=CALLS)
    # Diluted by normal cells, and measured with some noise, as the rest of the genome.
    values = calls * rng.uniform(0.4, 1, size=calls.shape)
    values = values + rng.normal(0, 0.03, size=(len(table), len(genes)))
    table[genes] = np.round(values, 4).astype(table.dtypes[genes[0]])


def _draw_group(table: pd.DataFrame, free: list[str], size: int, rng: Generator) -> list[str]:
    """Draw a random free column and those most correlated with it, which are then not free."""
    _check_enough(len(free), size, "columns that decide no other class")
    first = free[rng.integers(len(free))]
    correlation = table[free].corrwith(table[first]).abs().fillna(0) if size > 1 else None
    group = [first] if correlation is None else correlation.nlargest(size).index.tolist()
    free[:] = [name for name in free if name not in group]
    return group


def _check_enough(n_left: int, n_needed: int, what: str) -> None:
    if n_left < n_needed:
        raise ValueError(
            f"interaction needs {n_needed} {what} for each class but the first, there are "
            f"{n_left} left. Raise n_features or lower n_classes."
        )


def _mean_standardized(table: pd.DataFrame) -> np.ndarray:
    """Return the mean of columns, standardized and with signs that agree with the first."""
    values = _standardize(table).to_numpy()
    signs = np.sign(values.T @ values[:, 0])
    mean = values @ signs
    return mean / mean.std()


def _standardize(table: pd.DataFrame) -> pd.DataFrame:
    table = table.astype(float)
    return (table - table.mean()) / table.std(ddof=0)


def _draw_classes_from(
    scores: np.ndarray, shares: np.ndarray, rng: Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a class per sample, each at least once, and return the classes and probabilities."""
    offset = np.log(shares)
    for _ in range(200):
        proba = softmax(scores + offset, axis=1)
        offset += np.log(shares / proba.mean(axis=0))
    for _ in range(1000):
        classes = (proba.cumsum(axis=1) > rng.random((len(scores), 1))).argmax(axis=1)
        if len(np.unique(classes)) == len(shares):
            return classes, proba
    raise ValueError(
        f"{len(scores)} samples are too few for {len(shares)} classes of such different sizes. "
        "Raise n_samples, or give more equal weights."
    )
