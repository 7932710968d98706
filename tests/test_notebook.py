"""The notebook in examples/ runs, from CSV files to a report."""

from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples" / "from_csv_to_report.ipynb"


def test_the_notebook_runs(tmp_path, monkeypatch):
    # Commands that ran in this process have set it.
    monkeypatch.delenv("MPLBACKEND", raising=False)
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert len(notebook.cells) == 10
    resources = {"metadata": {"path": str(tmp_path)}}
    done = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources=resources
    ).execute()
    outputs = [output for cell in done.cells for output in cell.get("outputs", [])]
    printed = [output["text"] for output in outputs if output.output_type == "stream"]
    assert not any("Warning" in text for text in printed)
    shown = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    for text in ("Selected features", "Branches, for samples with exp+mut", "Comparison of 2"):
        assert text in shown
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert (tmp_path / "report.html").exists()
