"""Gene sets against the genes that were measured."""

import pytest
from scipy.stats import fisher_exact

from xmodal_sklearn.inspection import PAM50_GENES, enrichment

MEASURED = [f"exp__G{index}" for index in range(100)]


def test_p_is_that_of_fisher_against_the_measured_genes(tmp_path):
    gmt = tmp_path / "sets.gmt"
    lines = [
        "first\tabout\t" + "\t".join(f"G{index}" for index in range(8)) + "\tNOT_MEASURED",
        "none\t\tG90\tG91",
        "elsewhere\t\tX1\tX2",
    ]
    gmt.write_text("\n".join(lines) + "\n")
    result = enrichment(MEASURED[:10:2] + MEASURED[50:55], gmt, background=MEASURED)
    assert list(result.index) == ["first", "none"]
    expected = fisher_exact([[4, 4], [6, 86]], alternative="greater")[1]
    assert result.loc["first", "p"] == pytest.approx(expected)
    assert result.loc["first", "p_adjusted"] == pytest.approx(2 * expected)
    assert result.loc["first", "genes"] == ["G0", "G2", "G4", "G6"]
    assert result.loc["first", "expected"] == pytest.approx(0.8)
    assert result.loc["none", ["overlap", "p"]].tolist() == [0, 1]


def test_pam50_has_its_fifty_genes():
    assert len(set(PAM50_GENES)) == 50
    assert {"ESR1", "ERBB2", "MKI67", "KRT5"} <= set(PAM50_GENES)


def test_invalid_input_is_named_in_the_error(tmp_path):
    sets = {"first": ["G1"]}
    with pytest.raises(ValueError, match="features is empty"):
        enrichment([], sets, background=MEASURED)
    with pytest.raises(ValueError, match=r"1 features are not in the background.*'NEW'"):
        enrichment(["exp__NEW"], sets, background=MEASURED)
    with pytest.raises(ValueError, match="No gene set has a gene of the background"):
        enrichment(MEASURED[:3], {"first": ["other"]}, background=MEASURED)
    gmt = tmp_path / "sets.gmt"
    gmt.write_text("first\tabout\tG1\nsecond\tabout\n")
    with pytest.raises(ValueError, match=r"sets.gmt, line 2: gene set 'second' has no genes"):
        enrichment(MEASURED[:3], gmt, background=MEASURED)
    gmt.write_text("first\tabout\tG1\nfirst\tabout\tG2\n")
    with pytest.raises(ValueError, match="line 2: gene set 'first' occurs twice"):
        enrichment(MEASURED[:3], gmt, background=MEASURED)
    with pytest.raises(FileNotFoundError):
        enrichment(MEASURED[:3], tmp_path / "none.gmt", background=MEASURED)
