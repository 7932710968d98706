"""What every dataset returns."""

import numpy as np
import pandas as pd

from xmodal_sklearn.datasets._study import Report, make_study

DATA = pd.DataFrame({"exp__ESR1": [1.0, 2.0], "mut__TP53": [0, 1]}, index=["a", "b"])
TARGET = pd.Series(["LumA", "Basal"], index=["a", "b"], dtype=object)


def test_a_study_describes_its_samples_classes_and_columns():
    study = make_study(DATA, TARGET, DESCR="Two patients.", source="here")
    assert study.data is DATA
    assert study.target is TARGET
    assert study.target_names.tolist() == ["Basal", "LumA"]
    assert study.target_names.dtype == object
    assert study.feature_names == ["exp__ESR1", "mut__TP53"]
    np.testing.assert_equal(study.modalities, {"exp": np.array([0]), "mut": np.array([1])})
    assert (study.DESCR, study.source) == ("Two patients.", "here")
    assert study.report.empty


def test_the_report_leaves_out_what_never_happened():
    report = Report()
    report.add("genes", "unnamed", 0)
    report.add("samples", "target unknown", np.array([True, False, True]))
    report.add("rows", "merged")
    report.add_values("target", "{} renamed", pd.Series(["a", "b", "a"]))
    table = make_study(DATA, TARGET, DESCR="", report=report).report
    assert table.columns.tolist() == ["where", "what", "count"]
    assert table.to_numpy().tolist() == [
        ["samples", "target unknown", 2],
        ["rows", "merged", 1],
        ["target", "a renamed", 2],
        ["target", "b renamed", 1],
    ]
