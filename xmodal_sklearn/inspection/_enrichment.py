"""Whether features that a model looks at are those of known sets of genes."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
from scipy.stats import false_discovery_control, hypergeom

from ._fitted import gene

__all__ = ["PAM50_GENES", "enrichment"]

# J. S. Parker et al., "Supervised Risk Predictor of Breast Cancer Based on Intrinsic Subtypes",
# Journal of Clinical Oncology 27, 2009, doi:10.1200/JCO.2008.18.1370, by today's symbols: NDC80,
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


def enrichment(
    features: Iterable[str],
    gene_sets: str | Path | Mapping[str, Iterable[str]],
    *,
    background: Iterable[str],
) -> pd.DataFrame:
    """Test which gene sets have more of some features than chance would give them.

    By the hypergeometric test, against the genes that were measured: a panel of cancer genes is
    full of cancer's pathways before any model has looked at it.

    Parameters
    ----------
    features : iterable of str
        Features, such as ``"exp__ESR1"`` or ``"ESR1"``.
    gene_sets : str, Path or mapping of str to iterable of str
        A GMT file, or genes by the name of the set.
    background : iterable of str
        All features that could have been among them: the columns of X of the same modality.

    Returns
    -------
    DataFrame of shape (n_sets, 6)
        A row per set that has a measured gene, the smallest p first: ``"overlap"``, ``"expected"``
        by chance, ``"measured"`` genes of the set, ``"p"``, ``"p_adjusted"`` by Benjamini and
        Hochberg, and the ``"genes"`` in common.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If there are no features, a feature is not in the background, a line of the file has no
        genes, or no set has a measured gene.

    Notes
    -----
    All sets with a measured gene count as tests, those without any overlap too. Only lists of genes
    are needed; for ranked lists and permutations, see gseapy.

    ``PAM50_GENES`` are the genes of the PAM50 classifier (Parker et al. 2009), to be tested like
    any other set. They are what the labels were made of, so finding them says that a model
    relearned the definition, not that it found biology.

    Examples
    --------
    >>> from xmodal_sklearn.inspection import PAM50_GENES, enrichment
    >>> measured = [f"exp__{gene}" for gene in [*PAM50_GENES, *"ABCDEFGHIJ"]]
    >>> found = enrichment(measured[:6], {"PAM50": PAM50_GENES}, background=measured)
    >>> int(found.loc["PAM50", "overlap"])
    6
    """
    genes = {gene(feature) for feature in features}
    measured = {gene(feature) for feature in background}
    if not genes:
        raise ValueError("There are no features to test.")
    unknown = sorted(genes - measured)
    if unknown:
        raise ValueError(
            f"{len(unknown)} features are not in the background, the first is {unknown[0]!r}. Give "
            "all measured features of their modality as background."
        )
    if not isinstance(gene_sets, Mapping):
        gene_sets = _read_gmt(Path(gene_sets))
    sets = {name: sorted(set(members) & measured) for name, members in gene_sets.items()}
    sets = {name: members for name, members in sets.items() if members}
    if not sets:
        raise ValueError(
            "No gene set has a gene of the background. Are both named by the same symbols?"
        )
    common = {name: sorted(genes & set(members)) for name, members in sets.items()}
    found = pd.DataFrame(
        {
            "overlap": [len(common[name]) for name in sets],
            "expected": [len(of) * len(genes) / len(measured) for of in sets.values()],
            "measured": [len(of) for of in sets.values()],
        },
        index=pd.Index(list(sets), name="gene set"),
    )
    found["p"] = hypergeom.sf(found["overlap"] - 1, len(measured), found["measured"], len(genes))
    found["p_adjusted"] = false_discovery_control(found["p"])
    found["genes"] = list(common.values())
    return found.sort_values("p", kind="stable")


def _read_gmt(path: Path) -> dict[str, list[str]]:
    """Read a file with a gene set a line: name, description, genes, between tabs."""
    sets: dict[str, list[str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        name, *rest = line.split("\t")
        members = [member.strip() for member in rest[1:] if member.strip()]
        if not members:
            raise ValueError(
                f"{path}, line {number}: gene set {name!r} has no genes. A line of a GMT file is "
                "name, description and genes, between tabs."
            )
        if name in sets:
            raise ValueError(f"{path}, line {number}: gene set {name!r} is there twice.")
        sets[name] = members
    return sets
