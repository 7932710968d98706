"""Tables for a terminal of 80 columns."""

import pandas as pd
import pytest
from rich.console import Console

from xmodal_sklearn.cli._tables import paper_table, summary_table

METRICS = ["f1_macro", "f1_weighted", "accuracy", "roc_auc_ovr"]
PAPER = {("EXP+CNA", 1000): dict.fromkeys(METRICS, 0.859)}


class Summarised:
    """Stands in for a comparison."""

    def __init__(self, *names):
        self.names = names

    def summary(self):
        scores = {
            (metric, statistic): 0.1234 for metric in METRICS for statistic in ("mean", "std")
        }
        return pd.DataFrame(scores | {("fit_seconds", "mean"): 1234.56}, index=self.names)


def lines(table):
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table)
    return capture.get().splitlines()


def test_the_table_of_models_fits_80_columns():
    long = "cross-modal attention, labels permuted"
    shown = lines(summary_table(Summarised("random forest, early", long)))
    assert shown[1].split("  ")[0] == "model"
    assert shown[2].split() == ["random", "forest,", "early", *["0.123±0.123"] * 3, "1234.6"]
    for label in ("macro-F1", "accuracy", "ROC AUC"):
        assert label in shown[1]


@pytest.mark.parametrize(("reported", "rows"), [({}, 2), (PAPER, 3)])
def test_the_papers_table_fits_80_columns(reported, rows):
    models = {"a": ("EXP+CNA", 1000), "b": ("EXP+CNA+MUT", 1500)}
    shown = lines(paper_table(Summarised(*models), models, reported))
    assert len(shown) == 2 + rows
    assert shown[2].split() == ["EXP+CNA", "1000", *["0.123±0.123"] * 4, "1234.6"]
    assert ("the paper" in shown[3]) == bool(reported)
