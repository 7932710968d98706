"""Another cohort whose features have other names."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmodal_sklearn import MultiOmicsSelector, align_features

TP53 = "ENSG00000141510"
NAMES = ["exp__KMT2D", "exp__ESR1", "cna__KMT2D", "cna__2099", f"mut__{TP53}.18"]
X = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 5)), [f"P{n}" for n in range(12)], NAMES)
MODEL = MultiOmicsSelector(k="all").fit(X, np.arange(12) % 2)


def align(names, feature_map):
    """Align X under other names."""
    return align_features(X.set_axis(names, axis=1), MODEL, feature_map=feature_map)


def align_and_count(names, feature_map):
    """Align X under other names, and count what became of the map."""
    aligned, report = align_features(
        X.set_axis(names, axis=1), MODEL, feature_map=feature_map, return_report=True
    )
    report = report[report["where"] == "feature_map"]
    return aligned, dict(zip(report["what"], report["count"], strict=True))


def test_an_alias_is_renamed_in_every_modality():
    names = ["exp__MLL2", "exp__ESR1", "cna__MLL2", *NAMES[3:]]
    aligned, counts = align_and_count(names, {"MLL2": "KMT2D"})
    pd.testing.assert_frame_equal(aligned, X)
    assert counts == {"columns renamed": 2}


def test_a_whole_name_goes_before_that_of_the_feature():
    aligned = align(
        ["exp__A", "exp__ESR1", "cna__A", *NAMES[3:]],
        {"exp__A": "exp__KMT2D", "A": "KMT2D"},
    )
    pd.testing.assert_frame_equal(aligned, X)


@pytest.mark.parametrize("ids", [{2099: "ESR1"}, {2099.0: "ESR1"}, pd.Series({2099: "ESR1"})])
def test_entrez_ids_may_be_numbers(ids):
    pd.testing.assert_frame_equal(align([NAMES[0], "exp__2099", *NAMES[2:]], ids), X)
    to_id = pd.Series({"ESR1": 2099.0, "KMT2D": np.nan})
    pd.testing.assert_frame_equal(align([*NAMES[:3], "cna__ESR1", NAMES[4]], to_id), X)


@pytest.mark.parametrize("ours", ["", ".1", ".24"])
@pytest.mark.parametrize("theirs", ["", ".1", ".3"])
def test_versions_of_ensembl_ids_need_not_agree(ours, theirs):
    names = [f"exp__ENSG00000167548{theirs}", *NAMES[1:]]
    pd.testing.assert_frame_equal(align(names, {f"ENSG00000167548{ours}": "KMT2D"}), X)


def test_versions_with_several_names_are_errors_unless_one_matches():
    versions = {"ENSG00000167548.1": "KMT2D", "ENSG00000167548.2": "ESR1"}
    names = ["exp__ENSG00000167548.3", *NAMES[1:]]
    with pytest.raises(ValueError, match=r"versions of 'ENSG00000167548.3'.*KMT2D.*ESR1"):
        align(names, versions)
    names[0] = "exp__ENSG00000167548.1"
    pd.testing.assert_frame_equal(align(names, versions), X)


def test_only_versions_of_ensembl_ids_are_ignored():
    with pytest.raises(ValueError, match="lacks columns"):
        align(["exp__ENSG00000167548.1_PAR_Y", *NAMES[1:]], {"ENSG00000167548": "KMT2D"})
    with pytest.raises(ValueError, match="lacks columns"):
        align(["exp__AC0001.2", *NAMES[1:]], {"AC0001": "KMT2D"})


def test_columns_of_the_same_new_name_are_errors():
    names = ["exp__MLL2", *NAMES[1:]]
    other = X.set_axis(names, axis=1).assign(exp__ALR=1.0)
    aliases = {"MLL2": "KMT2D", "ALR": "KMT2D"}
    with pytest.raises(ValueError, match=r"'exp__KMT2D' for \['exp__MLL2', 'exp__ALR'\]"):
        align_features(other, MODEL, feature_map=aliases)
    with pytest.raises(ValueError, match=r"'exp__KMT2D' for \['exp__KMT2D', 'exp__MLL2'\]"):
        align_features(X.assign(exp__MLL2=1.0), MODEL, feature_map=aliases)
    aligned = align_features(other.drop(columns="exp__ALR"), MODEL, feature_map=aliases)
    pd.testing.assert_frame_equal(aligned, X)


@pytest.mark.parametrize(
    "entries",
    [
        pd.Series(["KMT2D", "ESR1"], ["MLL2", "MLL2"]),
        {2099: "ESR1", "2099": "KMT2D"},
        {"MLL2": "KMT2D", " MLL2": "ESR1"},
    ],
)
def test_an_old_name_with_several_new_ones_is_an_error(entries):
    with pytest.raises(ValueError, match=r"1 old names with several new ones.*\['ESR1', 'KMT2D'\]"):
        align(NAMES, entries)


def test_unused_entries_are_counted():
    entries = pd.Series(
        ["KMT2D", "KMT2D", "ZNF1", "ESR1", None, "ESR1"],
        ["MLL2", "MLL2", "ZNF2", "NR3A1", "MLL3", "ESR1"],
    )
    aligned, counts = align_and_count(["exp__MLL2", *NAMES[1:]], entries)
    pd.testing.assert_frame_equal(aligned, X)
    assert counts == {
        "columns renamed": 1,
        "entries not used": 2,
        "duplicate entries": 1,
        "entries without a name, left out": 1,
    }


def test_surplus_and_missing_columns_are_counted_by_modality():
    other = X.drop(columns="exp__ESR1").assign(exp__NEW=1, cna__NEW=1, age=1)
    with pytest.warns(UserWarning, match="Imputed"):
        _, report = align_features(other, MODEL, missing="impute", return_report=True)
    surplus = "columns that the model does not have, left out"
    assert report.to_numpy().tolist() == [
        ["exp", surplus, 1],
        ["cna", surplus, 1],
        ["X", surplus, 1],
        ["exp", "needed columns missing, imputed with their training means", 1],
    ]


def test_names_without_modalities_are_mapped():
    table = X.set_axis(list("ABCDE"), axis=1)
    model = MultiOmicsSelector(k="all").fit(table, np.arange(12) % 2)
    other = table.rename(columns={"A": "a"})
    pd.testing.assert_frame_equal(align_features(other, model, feature_map={"a": "A"}), table)


def test_other_types_of_map_are_errors():
    with pytest.raises(TypeError, match="a dict or a Series of new names by old ones, got list"):
        align(NAMES, ["MLL2"])


@given(st.permutations(NAMES))
def test_the_inverse_of_any_renaming_gives_the_table_back(names):
    aligned, counts = align_and_count(names, dict(zip(names, NAMES, strict=True)))
    pd.testing.assert_frame_equal(aligned, X)
    changed = sum(old != new for old, new in zip(names, NAMES, strict=True))
    before = "columns renamed although the model has their old name"
    assert counts == ({"columns renamed": changed, before: changed} if changed else {})
